import type { Answer, Bridge, BridgeVerb, CaptureDocument, DriveAct, RestoreScope } from '../../app/bridge.ts';
import { BRIDGE_VERBS } from '../../app/bridge.ts';
import { type DrivenBreakpoint, MOST_BREAKPOINTS, MOST_OTHER_BREAKPOINTS } from '../../app/debug/drive-words.ts';
import { FIND_MEMORY_AS } from '../../app/debug/guest-words.ts';
import { messageOf, refuse } from '../../app/refusals/refusal.ts';
import {
  either,
  flag,
  integer,
  list,
  matching,
  nullable,
  object,
  oneOf,
  only,
  type Reader,
  text,
  unexpected,
  where,
} from '../../app/session/shape.ts';

/**
 * The verbs of the bridge as they arrive from a page: hostile until checked. Both hosts call `callVerb`, so that what one
 * refuses the other refuses too.
 */

/** A file as base64. The page hands over the beginning of a larger core, which holds its notes. */
export const MAX_FILE_BASE64_CHARACTERS = 32 * 1024 * 1024;
const MAX_ASSIGNMENTS = 4096;
/** An image of at most 1 MiB, as base64; decodeCapture bounds every list beside it. */
const MAX_IMAGE_BASE64_CHARACTERS = 2 * 1024 * 1024;
/** Numbers of vCPUs in snapshots are 32 bits wide. */
const MAX_STATE = 2 ** 32 - 1;
const MAX_STEP_NUMBER = 2 ** 31 - 1;
const MOST_DRIVEN = 2_000_000_000;
/** Instructions that a page asks the names of at a time. */
const MAX_NAMED = 4096;

const filled = (maxCharacters: number): Reader<string> => where(text(maxCharacters), (one) => one !== '', 'is empty');
const atLeastOne = <T>(reader: Reader<readonly T[]>): Reader<readonly T[]> =>
  where(reader, ({ length }) => length > 0, 'has no entry');
const oneOfNumbers = <const N extends number>(...numbers: readonly N[]): Reader<N> =>
  where(
    integer(0, 255),
    (one) => numbers.some((number) => number === one),
    `has to be one of ${numbers.join(', ')}`,
  ) as Reader<N>;

/** 64 bits of clock ticks: one more would be 0 on the wire, which means any process. */
const startTime = where(
  matching(/^(0|[1-9]\d{0,19})$/, 'a decimal number'),
  (ticks) => BigInt(ticks) < 1n << 64n,
  'has more than 64 bits',
);

const ID = /^[0-9a-f]{32}$/;
const id = matching(ID, '32 hex digits');
/** What a page calls itself. */
export const isTabName = (value: unknown): value is string => typeof value === 'string' && ID.test(value);

const path = filled(128);
const assignments = atLeastOne(list(only(object({ path, value: filled(65_536) })), MAX_ASSIGNMENTS));
const all = oneOf('all');
const scope = either<RestoreScope>(
  only(object({ kind: all })),
  only(object({ kind: all, general: where(flag, (general) => !general, 'has to be false') as Reader<false> })),
  only(object({ kind: oneOf('components'), bits: list(integer(0, 62), 63) })),
  only(object({ kind: oneOf('paths'), paths: list(path, MAX_ASSIGNMENTS) })),
);

/** The earlier state to restore: what it says is checked by decodeCapture, here that it is no burden to look at. */
const previousState = nullable(
  object({ image: object({ base64: text(MAX_IMAGE_BASE64_CHARACTERS) }) }),
) as Reader<CaptureDocument | null>;

const base64 = where(
  matching(/^[A-Za-z0-9+/]*={0,2}$/, 'base64'),
  ({ length }) => length <= MAX_FILE_BASE64_CHARACTERS,
  `is longer than ${MAX_FILE_BASE64_CHARACTERS} characters`,
);
/** Bytes are there where a thread has decoded them already. */
const file: Reader<string> = (value, place) => {
  if (!(value instanceof Uint8Array)) return base64(value, place);
  return value.length <= MAX_FILE_BASE64_CHARACTERS
    ? { ok: true, value: '' }
    : unexpected(place, `has more than ${MAX_FILE_BASE64_CHARACTERS} bytes`);
};
const fileName = filled(1024);
const preset = matching(/^[A-Za-z0-9 _-]{0,64}$/, 'the name of a CPU');

const hex64 = matching(/^0x[0-9a-f]{1,16}$/, '"0x" and up to 16 hex digits');
const count = integer(1, 10_000);
const watched = { address: hex64, on: oneOf('execute', 'write', 'access'), bytes: oneOfNumbers(1, 2, 4, 8) };
const condition = filled(200);
const breakpoint = where(
  either<DrivenBreakpoint>(only(object(watched)), only(object({ ...watched, when: condition }))),
  ({ address, on, bytes }) => BigInt(address) % BigInt(bytes) === 0n && (on !== 'execute' || bytes === 1),
  'does not lie at a multiple of its bytes, or is an instruction of more than one',
);
const others = list(breakpoint, MOST_OTHER_BREAKPOINTS);
/** What nobody could mean is refused too: KVM would be asked for it. */
const driveAct = either<DriveAct>(
  object({ kind: oneOf('step', 'trace'), count }),
  object({ kind: oneOf('until'), condition, most: integer(1, MOST_DRIVEN) }),
  object({ kind: oneOf('break'), breakpoints: atLeastOne(list(breakpoint, MOST_BREAKPOINTS)) }),
  object({ kind: oneOf('over', 'out'), breakpoints: others }),
  object({ kind: oneOf('return'), address: hex64, leastRsp: hex64, breakpoints: others }),
);
/** The number of what the page was told last. */
const have = nullable(integer(1, MAX_STEP_NUMBER));

const ADDRESS = /^[\w.$+-]{0,128}$/;
const address = matching(ADDRESS, 'an address');
const syntax = oneOf('intel', 'att');
const knownBytes = list(
  object({ address: hex64, code: matching(/^([0-9a-f]{2}){1,15}$/, 'up to 15 bytes'), bits: oneOfNumbers(16, 32, 64) }),
  MAX_NAMED,
);
const place = where(address, (one) => one !== '', 'is empty');
const memoryRequest = only(
  object({
    address: place,
    stride: address,
    rows: integer(1, 256),
    rowBytes: integer(1, 256),
    isPhysical: flag,
  }),
);

const findRequest = only(object({ address: place, isPhysical: flag, text: filled(256), as: oneOf(...FIND_MEMORY_AS) }));

type Readers<P extends readonly unknown[]> = { readonly [I in keyof P]: Reader<P[I]> };

/** What each verb takes: a reader for each parameter that it has in the bridge. */
const ARGUMENTS: { readonly [V in BridgeVerb]: Readers<Parameters<Bridge[V]>> } = {
  hostFacts: [],
  listTargets: [],
  attach: [integer(1, 0x7fffffff), startTime, integer(0, 65_535), flag],
  openFile: [fileName, file],
  readState: [fileName, file, nullable(integer(0, MAX_STATE)), preset],
  chooseState: [id, integer(0, MAX_STATE), preset],
  listModels: [],
  openModel: [matching(/^[a-z0-9-]{1,64}$/, 'the name of a program')],
  step: [id, count, have],
  drive: [id, driveAct, have],
  rewind: [id, integer(0, MAX_STEP_NUMBER)],
  capture: [id],
  look: [id, have],
  freeze: [id],
  resume: [id],
  freezeAll: [id],
  resumeAll: [id],
  holdOthers: [id],
  letOthersGo: [id],
  readCode: [id, address, integer(1, 200), syntax],
  nameCode: [id, knownBytes, syntax],
  readMemory: [id, memoryRequest],
  findMemory: [id, findRequest],
  readArea: [id, place, flag],
  readCalls: [id],
  takeSymbols: [id, fileName, file],
  placeSymbols: [id, nullable(place)],
  apply: [id, assignments],
  restore: [id, scope, previousState],
  undo: [id],
  redo: [id],
  detach: [id, flag],
  startDemo: [],
  orphans: [],
  recover: [id],
  compareOrphan: [id],
  forgetOrphan: [id],
  cancelReading: [],
  comeBack: [id, flag],
  keep: [matching(/^[a-z0-9 -]{1,64}$/, 'a name'), text(MAX_FILE_BASE64_CHARACTERS)],
};

const isVerb = (verb: unknown): verb is BridgeVerb => (BRIDGE_VERBS as readonly unknown[]).includes(verb);

/** Why this call may not be made, or null. */
export const problemOfCall = (verb: unknown, args: unknown): string | null => {
  if (!isVerb(verb)) return 'there is no such verb';
  if (!Array.isArray(args)) return 'the arguments are not a list';
  const readers: readonly Reader<unknown>[] = ARGUMENTS[verb];
  if (args.length !== readers.length) return `${verb} takes ${readers.length} arguments, got ${args.length}`;
  for (const [index, reader] of readers.entries()) {
    const read = reader(args[index], '');
    if (!read.ok) return `${verb}, argument ${index + 1}: ${'why' in read.problem ? read.problem.why : 'not readable'}`;
  }
  return null;
};

/** The part of the bridge that is asked and answered. */
export type Verbs = Pick<Bridge, BridgeVerb>;

export const badCall = (problem: string): Answer<never> => refuse('bad-call', problem, { where: 'the page’s call' });

/** Checks a call and makes it. Never throws: a fault of ours becomes a refusal, and its stack goes to stderr. */
export const callVerb = async (verbs: Verbs, verb: unknown, args: unknown): Promise<Answer<unknown>> => {
  const problem = problemOfCall(verb, args);
  if (problem !== null) return badCall(problem);
  try {
    const call = verbs[verb as BridgeVerb] as (...given: unknown[]) => Promise<Answer<unknown>>;
    return await call(...(args as unknown[]));
  } catch (error) {
    process.stderr.write(
      `Tilescope fault in ${String(verb)}: ${error instanceof Error ? error.stack : String(error)}\n`,
    );
    return refuse('fault', messageOf(error), { where: String(verb), remedy: 'Please report it with what was done' });
  }
};
