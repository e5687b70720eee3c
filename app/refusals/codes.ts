import { EXIT, type ExitCode } from './exit.ts';
import { HELPER_REASONS, type Reason } from './helper-reasons.ts';

/** Codes of refusals that do not come from the helper, each with how the command line ends over it. */
const OWN = {
  // what was asked
  usage: EXIT.usage,
  syntax: EXIT.usage,
  assignment: EXIT.refused,
  'bad-call': EXIT.refused,
  'bad-sender': EXIT.refused,
  'does-not-fit': EXIT.refused,
  'not-allowed': EXIT.refused,
  'no-such-model': EXIT.refused,
  'no-program': EXIT.refused,
  'no-breakpoints': EXIT.refused,
  'model-stands-still': EXIT.refused,
  'not-frozen': EXIT.refused,
  'not-held': EXIT.refused,
  'read-only': EXIT.refused,
  'nothing-to-undo': EXIT.refused,
  'nothing-to-redo': EXIT.refused,
  // files
  file: EXIT.file,
  capture: EXIT.file,
  // guest memory
  'memory-unknown': EXIT.refused,
  'not-mapped': EXIT.refused,
  'not-writable': EXIT.refused,
  overtaken: EXIT.refused,
  conversion: EXIT.refused,
  doubtful: EXIT.doubtful,
  // the journal
  journal: EXIT.refused,
  'journal-entry': EXIT.file,
  'journal-in-use': EXIT.refused,
  'no-such-entry': EXIT.noTarget,
  // sessions and their host
  'no-such-session': EXIT.refused,
  'too-many-sessions': EXIT.refused,
  'page-gone': EXIT.refused,
  'demo-guest': EXIT.refused,
  fault: EXIT.refused,
  // the page
  busy: EXIT.refused,
  'host-gone': EXIT.helper,
  undecodable: EXIT.refused,
  'not-opened': EXIT.refused,
  'too-many-stops': EXIT.refused,
  // writes
  'pre-flight': EXIT.refused,
  'read-back': EXIT.refused,
  'roll-back': EXIT.refused,
  'let-go': EXIT.refused,
  overwritten: EXIT.refused,
  'other-target': EXIT.refused,
  restore: EXIT.refused,
  undo: EXIT.refused,
  redo: EXIT.refused,
  xcr0: EXIT.refused,
  // setup-privileges
  'not-root': EXIT.refused,
  'no-such-user': EXIT.refused,
  'missing-program': EXIT.refused,
  'setup-failed': EXIT.refused,
  // the helper's process
  'helper-missing': EXIT.helper,
  'helper-gone': EXIT.helper,
  'helper-timeout': EXIT.helper,
  'helper-protocol': EXIT.helper,
  'helper-busy': EXIT.helper,
} as const satisfies Readonly<Record<string, ExitCode>>;

type Hyphened<Name extends string> = Name extends `${infer Head}_${infer Rest}`
  ? `${Lowercase<Head>}-${Hyphened<Rest>}`
  : Lowercase<Name>;
type HelperCode = Hyphened<Reason> | 'unknown-reason';

/** Every code of a refusal, stable for tests and scripts. A code that is not in the catalogue does not compile. */
export type RefusalCode = keyof typeof OWN | HelperCode;

/** The code of one of the helper's reasons: "guard-xfd-covers-image"; null is a number that the catalogue does not know. */
export const codeOfReason = (reason: Reason | null): HelperCode =>
  reason === null ? 'unknown-reason' : (reason.toLowerCase().replaceAll('_', '-') as HelperCode);

const EXITS: ReadonlyMap<string, ExitCode> = new Map<string, ExitCode>([
  ...Object.entries(HELPER_REASONS).map(([name, { exit }]): [string, ExitCode] => [
    codeOfReason(name as Reason),
    EXIT[exit],
  ]),
  ...Object.entries(OWN),
]);

export const REFUSAL_CODES: readonly string[] = [...EXITS.keys()];

/** How the command line ends over a refusal. */
export const exitCodeOf = ({ code }: { readonly code: string }): ExitCode => EXITS.get(code) ?? EXIT.refused;
