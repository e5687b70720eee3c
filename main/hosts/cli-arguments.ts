import { parseArgs } from 'node:util';
import type { Answer, Assignment } from '../../app/bridge.ts';
import { answer, messageOf, refuse } from '../services/refusals.ts';

/** The command line, parsed: every verb with what it needs, or a refusal that says which word is wrong. */
export type Command =
  | { readonly verb: 'help' }
  | { readonly verb: 'version' }
  | { readonly verb: 'list'; readonly json: boolean }
  | { readonly verb: 'capture'; readonly vcpu: VcpuChoice; readonly out: string; readonly json: boolean }
  | { readonly verb: 'show'; readonly from: Source; readonly paths: readonly string[]; readonly json: boolean }
  | {
      readonly verb: 'set';
      readonly vcpu: VcpuChoice;
      readonly assignments: readonly Assignment[];
      readonly json: boolean;
    }
  | {
      readonly verb: 'restore';
      readonly vcpu: VcpuChoice;
      readonly file: string;
      readonly force: boolean;
      readonly json: boolean;
    };

export interface VcpuChoice {
  readonly pid: number;
  readonly vcpu: number;
  readonly suspendSeccomp: boolean;
}

export type Source =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'live'; readonly vcpu: VcpuChoice };

export const CLI_VERBS = ['list', 'capture', 'show', 'set', 'restore', '--help', '-h', '--version'] as const;

export const USAGE = `Usage:
  tilescope list                                                    every process with KVM vCPUs
  tilescope capture --pid PID [--vcpu N] --out FILE                 one vCPU's extended state into a file
  tilescope show (FILE | --pid PID [--vcpu N]) [PATH…]              registers, or everything
  tilescope set --pid PID [--vcpu N] PATH=VALUE…                    write, read back, compare
  tilescope restore --pid PID [--vcpu N] [--force] FILE             put a capture's state back

  --json              one JSON value on standard output
  --vcpu N            0 where it is not given
  --suspend-seccomp   suspend the VMM's seccomp filter while attached (needs CAP_SYS_ADMIN)
  --force             restore a capture that was taken from another process or vCPU

Paths: zmm5  xmm3:u32[1]  k3  st0  tmm2:bf16[3][7]  mxcsr.RC  pkru  xstate_bv  xcr0  xfd  rip
Exit codes: 0 done, 1 refused, 2 wrong usage, 3 file, 4 no such target, 5 helper
`;

const MAX_PID = 0x7fffffff;
const MAX_VCPU_INDEX = 65_535;

const OPTIONS = {
  json: { type: 'boolean', default: false },
  pid: { type: 'string' },
  vcpu: { type: 'string' },
  out: { type: 'string' },
  force: { type: 'boolean', default: false },
  'suspend-seccomp': { type: 'boolean', default: false },
} as const;

type OptionName = keyof typeof OPTIONS;

const TAKES: Readonly<Record<'list' | 'capture' | 'show' | 'set' | 'restore', readonly OptionName[]>> = {
  list: ['json'],
  capture: ['json', 'pid', 'vcpu', 'out', 'suspend-seccomp'],
  show: ['json', 'pid', 'vcpu', 'suspend-seccomp'],
  set: ['json', 'pid', 'vcpu', 'suspend-seccomp'],
  restore: ['json', 'pid', 'vcpu', 'force', 'suspend-seccomp'],
};

const usage = (what: string) => refuse('usage', what, { mend: 'tilescope --help shows how it is used' });

const wholeNumber = (text: string, most: number): number | null =>
  /^\d{1,10}$/.test(text) && Number(text) <= most ? Number(text) : null;

interface Given {
  readonly json: boolean;
  readonly pid?: string | undefined;
  readonly vcpu?: string | undefined;
  readonly out?: string | undefined;
  readonly force: boolean;
  readonly 'suspend-seccomp': boolean;
}

const vcpuChoice = (verb: string, given: Given): Answer<VcpuChoice> => {
  if (given.pid === undefined) return usage(`${verb} needs --pid PID`);
  const pid = wholeNumber(given.pid, MAX_PID);
  if (pid === null || pid === 0) return usage(`--pid is the number of a process, not ${given.pid}`);
  const vcpu = wholeNumber(given.vcpu ?? '0', MAX_VCPU_INDEX);
  if (vcpu === null) return usage(`--vcpu is a number from 0, not ${given.vcpu ?? ''}`);
  return answer({ pid, vcpu, suspendSeccomp: given['suspend-seccomp'] });
};

const assignmentsOf = (words: readonly string[]): Answer<readonly Assignment[]> => {
  if (words.length === 0) return usage('set needs PATH=VALUE');
  const assignments: Assignment[] = [];
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 1) return usage(`set takes PATH=VALUE, got ${word}`);
    assignments.push({ path: word.slice(0, equals), value: word.slice(equals + 1) });
  }
  return answer(assignments);
};

const captureCommand = (given: Given, words: readonly string[]): Answer<Command> => {
  const vcpu = vcpuChoice('capture', given);
  if (!vcpu.ok) return vcpu;
  if (words.length > 0) return usage(`capture takes no other words, got ${words.join(' ')}`);
  if (given.out === undefined || given.out === '') return usage('capture needs --out FILE');
  return answer({ verb: 'capture', vcpu: vcpu.value, out: given.out, json: given.json });
};

const showCommand = (given: Given, words: readonly string[]): Answer<Command> => {
  const { json } = given;
  if (given.pid !== undefined) {
    const vcpu = vcpuChoice('show', given);
    if (!vcpu.ok) return vcpu;
    return answer({ verb: 'show', from: { kind: 'live', vcpu: vcpu.value }, paths: words, json });
  }
  const [path, ...paths] = words;
  if (path === undefined) return usage('show needs a FILE or --pid PID');
  if (given.vcpu !== undefined) return usage('--vcpu goes with --pid: a file holds one vCPU');
  return answer({ verb: 'show', from: { kind: 'file', path }, paths, json });
};

const setCommand = (given: Given, words: readonly string[]): Answer<Command> => {
  const vcpu = vcpuChoice('set', given);
  if (!vcpu.ok) return vcpu;
  const assignments = assignmentsOf(words);
  if (!assignments.ok) return assignments;
  return answer({ verb: 'set', vcpu: vcpu.value, assignments: assignments.value, json: given.json });
};

const restoreCommand = (given: Given, words: readonly string[]): Answer<Command> => {
  const vcpu = vcpuChoice('restore', given);
  if (!vcpu.ok) return vcpu;
  const [file, ...more] = words;
  if (file === undefined || more.length > 0) return usage('restore takes one FILE');
  return answer({ verb: 'restore', vcpu: vcpu.value, file, force: given.force, json: given.json });
};

/** @param args without the program and script names */
export const parseCommand = (args: readonly string[]): Answer<Command> => {
  const [verb, ...rest] = args;
  if (verb === undefined) return usage('a command is needed: list, capture, show, set or restore');
  if (verb === '--version') return answer({ verb: 'version' });
  if (verb === 'help' || args.includes('--help') || args.includes('-h')) return answer({ verb: 'help' });
  if (!Object.hasOwn(TAKES, verb)) return usage(`there is no command ${verb}`);
  const known = verb as keyof typeof TAKES;
  let parsed: { values: Given; positionals: string[] };
  try {
    const options = Object.fromEntries(TAKES[known].map((name) => [name, OPTIONS[name]])) as typeof OPTIONS;
    parsed = parseArgs({ args: rest, allowPositionals: true, options });
  } catch (error) {
    // "Unknown option '--x'. To specify a positional …": the first sentence is the one that helps.
    return usage(`${known}: ${messageOf(error).split(/\.\s/)[0] ?? ''}`);
  }
  const { values, positionals } = parsed;
  switch (known) {
    case 'list':
      if (positionals.length > 0) return usage(`list takes no other words, got ${positionals.join(' ')}`);
      return answer({ verb: 'list', json: values.json });
    case 'capture':
      return captureCommand(values, positionals);
    case 'show':
      return showCommand(values, positionals);
    case 'set':
      return setCommand(values, positionals);
    case 'restore':
      return restoreCommand(values, positionals);
  }
};
