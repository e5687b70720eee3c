import { parseArgs } from 'node:util';
import { decoded } from '../../../app/bits/decoded.ts';
import { maskOf } from '../../../app/bits/mask.ts';
import type { Answer, Assignment, RestoreScope } from '../../../app/bridge.ts';
import { type MemoryAddress, parseAddress } from '../../../app/debug/address.ts';
import { parseScope } from '../../../app/edit/scope.ts';
import { answer, messageOf, refuseProblem } from '../../../app/refusals/refusal.ts';
import { nearNames } from '../../../app/register/registers.ts';
import { parseCount } from '../../../app/value/number.ts';
import type { Preset } from '../../../app/xsave/presets.ts';
import { parseVcpuName } from '../../targets/vcpu-name.ts';
import type { Destination, FileChoice, Source, VcpuChoice } from './choices.ts';
import { cpuNamed } from './cpu.ts';
import { type DisasCommand, disasCommand } from './disas-words.ts';
import { DRIVE_VERB_NAMES, type DriveOptions, type DriveVerb } from './drive-options.ts';
import { type DriveCommand, driveCommand } from './drive-words.ts';
import { strayOption } from './forms.ts';
import { type MemCommand, memCommand } from './mem-words.ts';
import { type OptionName, optionRow } from './options.ts';
import { type PrivilegesCommand, privilegesCommand } from './privileges.ts';
import { type ProductCommand, productCommand } from './product-words.ts';
import { notAnAddress } from './symbol-words.ts';
import { wrongUsage } from './usage.ts';
import { VERBS, type Verb, verbRow } from './verbs.ts';
import { dumpedCpu, memoryFile, type WhoCommand, whoCommand } from './who-words.ts';
import { type DiffCommand, diffCommand, type JournalCommand, journalCommand } from './words.ts';

/** The command line, parsed: every verb with what it needs, or a refusal that says which word is wrong. */
export type Command =
  | { readonly verb: 'list'; readonly json: boolean }
  | { readonly verb: 'capture'; readonly vcpu: VcpuChoice; readonly out: string; readonly json: boolean }
  | {
      readonly verb: 'show';
      readonly from: Source;
      /** The XSAVE area there, in the guest's or the file's memory, and not the registers. */
      readonly at: MemoryAddress | null;
      readonly snapshot: string | null;
      readonly paths: readonly string[];
      readonly json: boolean;
    }
  | {
      readonly verb: 'set';
      readonly vcpu: VcpuChoice;
      readonly assignments: readonly Assignment[];
      readonly json: boolean;
    }
  | {
      readonly verb: 'restore';
      readonly vcpu: VcpuChoice;
      readonly file: FileChoice;
      readonly scope: RestoreScope;
      readonly force: boolean;
      readonly json: boolean;
    }
  | {
      readonly verb: 'check';
      readonly file: FileChoice;
      readonly destination: Destination;
      readonly json: boolean;
    }
  | { readonly verb: 'layout'; readonly from: Source | null; readonly json: boolean }
  | ConvertCommand
  | DiffCommand
  | JournalCommand
  | PrivilegesCommand
  | MemCommand
  | DisasCommand
  | ProductCommand
  | WhoCommand
  | DriveCommand
  | { readonly verb: 'doctor'; readonly json: boolean }
  | { readonly verb: 'presets'; readonly json: boolean };

export interface ConvertCommand {
  readonly verb: 'convert';
  readonly file: FileChoice;
  readonly to: string;
  readonly path: string | null;
  /** The CPU whose layout the result has; null: as it is. */
  readonly preset: Preset | null;
  readonly compacted: boolean;
  /** Components to be put to init. */
  readonly without: bigint | null;
  /** A fixed length of the image; null: as long as its layout says. */
  readonly bytes: number | null;
  readonly force: boolean;
  readonly out: string;
  readonly json: boolean;
}

const MAX_PID = 0x7fffffff;

/** Verbs that are answered before anything is parsed or loaded. */
type LightVerb = 'web' | 'batch' | 'completions' | 'man' | 'help';
type ParsedVerb = Exclude<Verb, LightVerb>;

interface Given extends DriveOptions {
  readonly pid?: string | undefined;
  readonly vcpu?: string | undefined;
  readonly force: boolean;
  readonly only?: string | undefined;
  readonly 'suspend-seccomp': boolean;
  readonly thread?: string | undefined;
  readonly from?: string | undefined;
  readonly preset?: string | undefined;
  readonly to?: string | undefined;
  readonly path?: string | undefined;
  readonly without?: string | undefined;
  readonly bytes?: string | undefined;
  readonly compacted: boolean;
  readonly strict?: boolean;
  readonly physical?: boolean;
  readonly write?: string | undefined;
  readonly at?: string | undefined;
  readonly count?: string | undefined;
  readonly syntax?: string | undefined;
  readonly symbols?: string | undefined;
  readonly 'load-address'?: string | undefined;
  readonly btf?: string | undefined;
  readonly snapshot?: string | undefined;
  readonly instruction?: string | undefined;
  readonly before?: string | undefined;
  readonly code?: string | undefined;
  readonly user?: string | undefined;
  readonly allow?: string | undefined;
  readonly seccomp?: boolean;
  readonly undo?: boolean;
  readonly yes?: boolean;
}

const vcpuChoice = (verb: string, given: Given): Answer<VcpuChoice> => {
  if (given.pid === undefined) return wrongUsage(`${verb} needs --pid PID`);
  const pid = parseCount(given.pid, MAX_PID);
  if (pid === null || pid === 0) return wrongUsage(`--pid is the number of a process, not ${given.pid}`);
  const vcpu = given.vcpu === undefined ? 0 : parseVcpuName(given.vcpu);
  if (vcpu === null) return wrongUsage(`--vcpu is a number from 0, kvm:N or cpu:N, not ${given.vcpu ?? ''}`);
  return answer({ pid, vcpu, suspendSeccomp: given['suspend-seccomp'] });
};

const assignmentsOf = (words: readonly string[]): Answer<readonly Assignment[]> => {
  if (words.length === 0) return wrongUsage('set needs PATH=VALUE');
  const assignments: Assignment[] = [];
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 1) return wrongUsage(`set takes PATH=VALUE, got ${word}`);
    assignments.push({ path: word.slice(0, equals), value: word.slice(equals + 1) });
  }
  return answer(assignments);
};

const captureCommand = (given: Given, words: readonly string[]): Answer<Command> => {
  const vcpu = vcpuChoice('capture', given);
  if (!vcpu.ok) return vcpu;
  if (words.length > 0) return wrongUsage(`capture takes no other words, got ${words.join(' ')}`);
  if (given.out === undefined || given.out === '') return wrongUsage('capture needs --out FILE');
  return answer({ verb: 'capture', vcpu: vcpu.value, out: given.out, json: given.json });
};

/**
 * One state of a file. With --pid, --vcpu belongs to the process; without it, it names the file's vCPU like --thread.
 *
 * @param isLayout whether --preset speaks of the file's own layout, and not of where it is to go
 */
const fileChoice = (verb: string, given: Given, path: string | undefined, isLayout: boolean): Answer<FileChoice> => {
  if (path === undefined || path === '') return wrongUsage(`${verb} needs a FILE`);
  if (given.thread !== undefined && given.pid === undefined && given.vcpu !== undefined) {
    return wrongUsage('--thread and --vcpu both name the state of a file: one is enough');
  }
  const wanted = given.thread ?? (given.pid === undefined ? given.vcpu : undefined);
  const thread = wanted === undefined ? null : parseCount(wanted, MAX_PID);
  if (wanted !== undefined && thread === null) return wrongUsage(`--thread is a number from 0, not ${wanted}`);
  if (isLayout && given.from !== undefined && given.preset !== undefined) {
    return wrongUsage('--from and --preset both name the layout of the file: one is enough');
  }
  const named = given.from ?? (isLayout ? given.preset : undefined);
  const preset = named === undefined ? answer(null) : cpuNamed(named);
  if (!preset.ok) return preset;
  return answer({ path, thread, preset: preset.value, strict: given.strict === true });
};

const sourceOf = (verb: string, given: Given, words: readonly string[]): Answer<Source> => {
  if (given.pid !== undefined) {
    const odd = (['thread', 'from', 'preset'] as const).find((name) => given[name] !== undefined);
    if (odd !== undefined) return wrongUsage(`--${odd} goes with a FILE, not with --pid`);
    const vcpu = vcpuChoice(verb, given);
    return vcpu.ok ? answer({ kind: 'live', vcpu: vcpu.value }) : vcpu;
  }
  if (words[0] === undefined) return wrongUsage(`${verb} needs a FILE or --pid PID`);
  const file = fileChoice(verb, given, words[0], true);
  return file.ok ? answer({ kind: 'file', file: file.value }) : file;
};

const showCommand = (given: Given, words: readonly string[]): Answer<Command> => {
  const from = sourceOf('show', given, words);
  if (!from.ok) return from;
  const paths = from.value.kind === 'file' ? words.slice(1) : words;
  const at = given.at === undefined ? null : parseAddress(given.at, false);
  if (given.at !== undefined && at === null) return wrongUsage(notAnAddress(given.at, null), 'show');
  return answer({ verb: 'show', from: from.value, at, snapshot: given.snapshot ?? null, paths, json: given.json });
};

const layoutCommand = (given: Given, words: readonly string[]): Answer<Command> => {
  // Nothing named: this host.
  if (words.length === 0 && given.pid === undefined) return answer({ verb: 'layout', from: null, json: given.json });
  const from = sourceOf('layout', given, words);
  if (!from.ok) return from;
  const more = from.value.kind === 'file' ? words.slice(1) : words;
  if (more.length > 0) return wrongUsage(`layout takes one FILE, got ${words.join(' ')}`);
  return answer({ verb: 'layout', from: from.value, json: given.json });
};

const destinationOf = (given: Given): Answer<Destination> => {
  if (given.pid !== undefined && given.preset !== undefined) {
    return wrongUsage('--pid and --preset both name where to: one is enough');
  }
  if (given.preset !== undefined) {
    const known = cpuNamed(given.preset);
    return known.ok ? answer({ kind: 'preset', preset: known.value }) : known;
  }
  if (given.pid === undefined) return answer({ kind: 'this-host' });
  const vcpu = vcpuChoice('check', given);
  return vcpu.ok ? answer({ kind: 'live', vcpu: vcpu.value }) : vcpu;
};

const checkCommand = (given: Given, words: readonly string[]): Answer<Command> => {
  const destination = destinationOf(given);
  if (!destination.ok) return destination;
  const file = fileChoice('check', given, words[0], false);
  if (!file.ok) return file;
  if (words.length > 1) return wrongUsage(`check takes one FILE, got ${words.join(' ')}`);
  return answer({ verb: 'check', file: file.value, destination: destination.value, json: given.json });
};

const MAX_IMAGE_BYTES = 1 << 16;

const withoutOf = (list: string | undefined): Answer<bigint | null> => {
  if (list === undefined) return answer(null);
  const scope = parseScope(list);
  if (!scope.ok) return refuseProblem('usage', scope.problem, { where: `--without ${list}` });
  if (scope.value.kind !== 'components' || scope.value.bits.some((bit) => bit < 2)) {
    return wrongUsage(`--without names components such as opmask,avx; x87 and SSE cannot be left out, got ${list}`);
  }
  return answer(maskOf(scope.value.bits));
};

const convertCommand = (given: Given, words: readonly string[]): Answer<Command> => {
  const file = fileChoice('convert', given, words[0], false);
  if (!file.ok) return file;
  if (words.length > 1) return wrongUsage(`convert takes one FILE, got ${words.join(' ')}`);
  const { to, out, path, preset, compacted, force, json } = given;
  if (out === undefined || out === '') return wrongUsage('convert needs --out FILE');
  if (to === undefined) return wrongUsage('convert needs --to FORMAT', 'convert');
  const cpu = preset === undefined ? answer(null) : cpuNamed(preset);
  if (!cpu.ok) return cpu;
  const bytes = given.bytes === undefined ? null : parseCount(given.bytes, MAX_IMAGE_BYTES);
  if (given.bytes !== undefined && bytes === null) {
    return wrongUsage(`--bytes is a number up to ${MAX_IMAGE_BYTES}, not ${given.bytes}`);
  }
  const left = withoutOf(given.without);
  if (!left.ok) return left;
  const layout = { path: path ?? null, preset: cpu.value, compacted, bytes, without: left.value };
  return answer({ verb: 'convert', file: file.value, to, ...layout, force, out, json });
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
  if (words.length !== 1) return wrongUsage('restore takes one FILE');
  // A guess goes into no guest.
  const file = fileChoice('restore', { ...given, strict: true }, words[0], true);
  if (!file.ok) return file;
  const scope = given.only === undefined ? decoded<RestoreScope>({ kind: 'all' }) : parseScope(given.only);
  if (!scope.ok) return refuseProblem('usage', scope.problem, { where: `--only ${given.only}` });
  const { force, json } = given;
  return answer({ verb: 'restore', vcpu: vcpu.value, file: file.value, scope: scope.value, force, json });
};

const productWords = (given: Given, words: readonly string[]): Answer<Command> => {
  const from = sourceOf('product', given, words);
  if (!from.ok) return from;
  return productCommand(from.value, given, from.value.kind === 'file' ? words.slice(1) : words);
};

const nothingMore = (verb: Verb, words: readonly string[], command: Command): Answer<Command> =>
  words.length > 0 ? wrongUsage(`${verb} takes no other words, got ${words.join(' ')}`) : answer(command);

const driving = Object.fromEntries(
  DRIVE_VERB_NAMES.map((verb) => [
    verb,
    (given: Given, words: readonly string[]): Answer<Command> => {
      const vcpu = vcpuChoice(verb, given);
      return vcpu.ok ? driveCommand(verb, vcpu.value, given, words) : vcpu;
    },
  ]),
) as Record<DriveVerb, (given: Given, words: readonly string[]) => Answer<Command>>;

/** What each verb makes of its options and words. */
const PARSERS: Readonly<Record<ParsedVerb, (given: Given, words: readonly string[]) => Answer<Command>>> = {
  list: (given, words) => nothingMore('list', words, { verb: 'list', json: given.json }),
  presets: (given, words) => nothingMore('presets', words, { verb: 'presets', json: given.json }),
  doctor: (given, words) => nothingMore('doctor', words, { verb: 'doctor', json: given.json }),
  check: checkCommand,
  layout: layoutCommand,
  convert: convertCommand,
  capture: captureCommand,
  show: showCommand,
  set: setCommand,
  restore: restoreCommand,
  product: productWords,
  diff: diffCommand,
  journal: journalCommand,
  'setup-privileges': privilegesCommand,
  disas: (given, words) => {
    if (given.pid === undefined && words[0] !== undefined) {
      const file = memoryFile(given, words[0]);
      return file.ok ? disasCommand({ kind: 'file', ...file.value }, given, words.slice(1)) : file;
    }
    const vcpu = vcpuChoice('disas', given);
    return vcpu.ok ? disasCommand({ kind: 'live', vcpu: vcpu.value }, given, words) : vcpu;
  },
  who: (given, words) => {
    const [path] = words;
    if (given.pid === undefined && path !== undefined) {
      const cpu = dumpedCpu(given);
      return cpu.ok ? whoCommand({ kind: 'file', path, cpu: cpu.value }, given, words.slice(1)) : cpu;
    }
    const vcpu = vcpuChoice('who', given);
    return vcpu.ok ? whoCommand({ kind: 'live', vcpu: vcpu.value }, given, words) : vcpu;
  },
  ...driving,
  mem: (given, words) => {
    if (given.pid === undefined && words.length > 1) {
      const cpu = dumpedCpu(given);
      if (!cpu.ok) return cpu;
      const from = { kind: 'file', path: words[0] ?? '', cpu: cpu.value, snapshot: given.snapshot ?? null } as const;
      return memCommand(from, given, words.slice(1));
    }
    if (given.snapshot !== undefined) return wrongUsage('--snapshot goes with FILE ADDR', 'mem');
    const vcpu = vcpuChoice('mem', given);
    return vcpu.ok ? memCommand({ kind: 'live', vcpu: vcpu.value }, given, words) : vcpu;
  },
};

const isParsed = (verb: string): verb is ParsedVerb => Object.hasOwn(PARSERS, verb);

/** node:util's own description of an option. */
const optionType = (name: OptionName) => {
  const { value, isMany = false } = optionRow(name);
  return { type: value === null ? 'boolean' : 'string', multiple: isMany } as const;
};

const FLAG = { type: 'boolean', multiple: false } as const;

const given = (values: Readonly<Record<string, unknown>>): Given => ({
  ...values,
  json: values.json === true,
  force: values.force === true,
  strict: values.strict === true,
  compacted: values.compacted === true,
  'suspend-seccomp': values['suspend-seccomp'] === true,
});

/** @param args without the program and script names */
export const parseCommand = (args: readonly string[]): Answer<Command> => {
  const [verb, ...rest] = args;
  if (verb === undefined) return wrongUsage(`a command is needed: ${VERBS.map(({ name }) => name).join(', ')}`);
  const row = verbRow(verb);
  if (row === undefined || !isParsed(verb)) return wrongUsage(`there is no command ${verb}${nearWord(verb)}`);
  try {
    const { flags } = row;
    const options = Object.fromEntries(
      row.options.map((name) => [name, flags?.[name] === undefined ? optionType(name) : FLAG]),
    );
    const { values, positionals } = parseArgs({ args: rest, allowPositionals: true, options });
    const command = PARSERS[verb](given(values), positionals);
    const stray = command.ok ? strayOption(row, Object.keys(values), positionals) : null;
    if (stray === null) return command;
    const beside = stray.beside === null ? 'with these words' : `with --${stray.beside}`;
    return wrongUsage(`${verb}: --${stray.option} does not go ${beside}`, verb);
  } catch (error) {
    // "Unknown option '--x'. To specify a positional …": the first sentence is the one that helps.
    return wrongUsage(`${verb}: ${messageOf(error).split(/\.\s/)[0] ?? ''}`, verb);
  }
};

const nearWord = (verb: string): string => {
  const near = nearNames(
    verb,
    VERBS.map(({ name }) => name),
  );
  return near.length === 0 ? '' : ` (near: ${near.join(', ')})`;
};
