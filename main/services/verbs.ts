import type { Answer, Bridge, BridgeVerb } from '../../app/bridge.ts';
import { BRIDGE_VERBS } from '../../app/bridge.ts';
import { MOST_BREAKPOINTS, MOST_OTHER_BREAKPOINTS } from '../../app/debug/drive-words.ts';
import { FIND_MEMORY_AS } from '../../app/debug/guest-words.ts';
import { messageOf, refuse } from '../../app/refusals/refusal.ts';

/**
 * The verbs of the bridge as they arrive from a page: hostile until checked. Both hosts call `callVerb`, so that what one
 * refuses the other refuses too.
 */

type Check = (value: unknown) => string | null;

/** A file as base64. The page hands over the beginning of a larger core, which holds its notes. */
export const MAX_FILE_BASE64_CHARACTERS = 32 * 1024 * 1024;
const MAX_ASSIGNMENTS = 4096;
const MAX_PATH_CHARACTERS = 128;
const MAX_VALUE_CHARACTERS = 65_536;
const MAX_NAME_CHARACTERS = 1024;
const MAX_PID = 0x7fffffff;
const MAX_VCPU_INDEX = 65_535;
const MAX_COMPONENT_BIT = 62;
/** Numbers of vCPUs in snapshots are 32 bits wide. */
const MAX_STATE = 2 ** 32 - 1;
const MAX_STEPS = 10_000;
const MAX_STEP_NUMBER = 2 ** 31 - 1;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isIntegerIn = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;

const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= most;

const integer =
  (what: string, least: number, most: number): Check =>
  (value) =>
    isIntegerIn(value, least, most) ? null : `${what} is an integer from ${least} to ${most}`;

const matching =
  (what: string, pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value) ? null : `${what} is not of its form`;

const boolean =
  (what: string): Check =>
  (value) =>
    typeof value === 'boolean' ? null : `${what} is true or false`;

/** 64 bits of clock ticks: one more would be 0 on the wire, which means any process. */
const startTime: Check = (value) =>
  typeof value === 'string' && /^(0|[1-9]\d{0,19})$/.test(value) && BigInt(value) < 1n << 64n
    ? null
    : 'the start time is a number of 64 bits';

const ID = /^[0-9a-f]{32}$/;
const session = matching('the session', ID);

/** What a page calls itself. */
export const isTabName = (value: unknown): value is string => typeof value === 'string' && ID.test(value);

const hasOnly = (value: Record<string, unknown>, keys: readonly string[]): boolean =>
  Object.keys(value).length === keys.length && keys.every((key) => Object.hasOwn(value, key));

const assignments: Check = (value) => {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_ASSIGNMENTS) {
    return `assignments are a list of 1 to ${MAX_ASSIGNMENTS}`;
  }
  const good = value.every(
    (item) =>
      isRecord(item) &&
      hasOnly(item, ['path', 'value']) &&
      isText(item.path, MAX_PATH_CHARACTERS) &&
      isText(item.value, MAX_VALUE_CHARACTERS),
  );
  return good ? null : 'an assignment is a path and a value, both text';
};

const scope: Check = (value) => {
  if (!isRecord(value)) return 'the scope is an object';
  if (value.kind === 'all' && hasOnly(value, ['kind'])) return null;
  if (value.kind === 'all' && hasOnly(value, ['kind', 'general']) && value.general === false) return null;
  if (value.kind === 'components' && hasOnly(value, ['kind', 'bits']) && Array.isArray(value.bits)) {
    const good = value.bits.length <= 63 && value.bits.every((bit) => isIntegerIn(bit, 0, MAX_COMPONENT_BIT));
    return good ? null : `a component bit is an integer from 0 to ${MAX_COMPONENT_BIT}`;
  }
  if (value.kind === 'paths' && hasOnly(value, ['kind', 'paths']) && Array.isArray(value.paths)) {
    const good =
      value.paths.length <= MAX_ASSIGNMENTS && value.paths.every((path) => isText(path, MAX_PATH_CHARACTERS));
    return good ? null : 'a path is text';
  }
  return 'the scope is all, components with bits, or paths with paths';
};

/** An image of at most 1 MiB, as base64; decodeCapture bounds every list beside it. */
const MAX_IMAGE_BASE64_CHARACTERS = 2 * 1024 * 1024;

/** The earlier state to restore: what it says is checked by decodeCapture, here that it is no burden to look at. */
const previousState: Check = (value) => {
  if (value === null) return null;
  if (!isRecord(value)) return 'the earlier state is a capture document, or null';
  const { image } = value;
  const base64 = isRecord(image) ? image.base64 : undefined;
  return typeof base64 === 'string' && base64.length <= MAX_IMAGE_BASE64_CHARACTERS
    ? null
    : `the earlier state has an image of at most ${MAX_IMAGE_BASE64_CHARACTERS} characters of base64`;
};

const toldNumber: Check = (value) =>
  value === null || isIntegerIn(value, 1, MAX_STEP_NUMBER) ? null : 'what the page has is a positive integer, or null';

const stateNumber: Check = (value) =>
  value === null || isIntegerIn(value, 0, MAX_STATE) ? null : `the state is an integer from 0 to ${MAX_STATE}, or null`;

/** Bytes are there where a thread has decoded them already. */
const file: Check = (value) =>
  (value instanceof Uint8Array && value.length <= MAX_FILE_BASE64_CHARACTERS) ||
  (typeof value === 'string' && value.length <= MAX_FILE_BASE64_CHARACTERS && /^[A-Za-z0-9+/]*={0,2}$/.test(value))
    ? null
    : `the file is base64 of at most ${MAX_FILE_BASE64_CHARACTERS} characters`;

const fileName: Check = (value) =>
  isText(value, MAX_NAME_CHARACTERS) ? null : `the file's name is text of 1 to ${MAX_NAME_CHARACTERS} characters`;

const keptText: Check = (value) =>
  typeof value === 'string' && value.length <= MAX_FILE_BASE64_CHARACTERS
    ? null
    : `what is kept is text of at most ${MAX_FILE_BASE64_CHARACTERS} characters`;

const presetName = matching('the preset', /^[A-Za-z0-9 _-]{0,64}$/);

const ON: readonly unknown[] = ['execute', 'write', 'access'];
const BREAKPOINT_BYTES: readonly unknown[] = [1, 2, 4, 8];
const MOST_DRIVEN = 2_000_000_000;
const MAX_CONDITION_CHARACTERS = 200;

const isHex64 = (value: unknown): value is string => typeof value === 'string' && /^0x[0-9a-f]{1,16}$/.test(value);

const isBreakpoint = (value: unknown): boolean =>
  isRecord(value) &&
  isHex64(value.address) &&
  ON.includes(value.on) &&
  BREAKPOINT_BYTES.includes(value.bytes) &&
  BigInt(value.address) % BigInt(Number(value.bytes)) === 0n &&
  (value.on !== 'execute' || value.bytes === 1);

/** Also what nobody could mean: KVM would be asked for it. */
const driveAct: Check = (value) => {
  if (!isRecord(value)) return 'the act is an object';
  if (value.kind === 'step' || value.kind === 'trace')
    return isIntegerIn(value.count, 1, MAX_STEPS) ? null : `the count is from 1 to ${MAX_STEPS}`;
  if (value.kind === 'until') {
    return isText(value.condition, MAX_CONDITION_CHARACTERS) && isIntegerIn(value.most, 1, MOST_DRIVEN)
      ? null
      : `an act until has a condition of at most ${MAX_CONDITION_CHARACTERS} characters and a count`;
  }
  const { breakpoints } = value;
  if (value.kind === 'over' || value.kind === 'out' || value.kind === 'return') {
    const isPlace = value.kind !== 'return' || (isHex64(value.address) && isHex64(value.leastRsp));
    const fits = Array.isArray(breakpoints) && breakpoints.length <= MOST_OTHER_BREAKPOINTS;
    return isPlace && fits && breakpoints.every(isBreakpoint)
      ? null
      : `an act ${value.kind} has at most ${MOST_OTHER_BREAKPOINTS} breakpoints beside its own`;
  }
  return value.kind === 'break' &&
    Array.isArray(breakpoints) &&
    isIntegerIn(breakpoints.length, 1, MOST_BREAKPOINTS) &&
    breakpoints.every(isBreakpoint)
    ? null
    : `an act is step, trace, until, over, out, return, or break with one to ${MOST_BREAKPOINTS} breakpoints`;
};

const ADDRESS = /^[\w.$+-]{0,128}$/;
const MAX_INSTRUCTIONS = 200;
const MAX_ROWS = 256;
const MAX_ROW_BYTES = 256;

/** As many as a page asks for at a time. */
const MAX_NAMED = 4096;
const CODE_BITS: readonly unknown[] = [16, 32, 64];
const knownBytes: Check = (value) =>
  Array.isArray(value) &&
  value.length <= MAX_NAMED &&
  value.every(
    (one) =>
      isRecord(one) &&
      isHex64(one.address) &&
      typeof one.code === 'string' &&
      /^([0-9a-f]{2}){1,15}$/.test(one.code) &&
      CODE_BITS.includes(one.bits),
  )
    ? null
    : `instructions are at most ${MAX_NAMED}, each with its address, up to 15 bytes in hex, and how wide its code is`;

const memoryRequest: Check = (value) => {
  if (!isRecord(value) || !hasOnly(value, ['address', 'stride', 'rows', 'rowBytes', 'isPhysical'])) {
    return 'what is read is an address, a stride, rows, their bytes, and whether it is physical';
  }
  const { address, stride, rows, rowBytes, isPhysical } = value;
  if (typeof address !== 'string' || address === '' || !ADDRESS.test(address)) return 'the address is not of its form';
  if (typeof stride !== 'string' || !ADDRESS.test(stride)) return 'the stride is not of its form';
  if (!isIntegerIn(rows, 1, MAX_ROWS)) return `the rows are an integer from 1 to ${MAX_ROWS}`;
  if (!isIntegerIn(rowBytes, 1, MAX_ROW_BYTES)) return `the bytes of a row are an integer from 1 to ${MAX_ROW_BYTES}`;
  return typeof isPhysical === 'boolean' ? null : 'isPhysical is true or false';
};

const MAX_FOUND_CHARACTERS = 256;
const findRequest: Check = (value) => {
  if (!isRecord(value) || !hasOnly(value, ['address', 'isPhysical', 'text', 'as'])) {
    return 'what is looked for is an address, whether it is physical, a text, and what it means';
  }
  const { address, isPhysical, text, as } = value;
  if (typeof address !== 'string' || address === '' || !ADDRESS.test(address)) return 'the address is not of its form';
  if (!isText(text, MAX_FOUND_CHARACTERS))
    return `what is looked for is text of 1 to ${MAX_FOUND_CHARACTERS} characters`;
  if (!(FIND_MEMORY_AS as readonly unknown[]).includes(as)) return `it is one of ${FIND_MEMORY_AS.join(', ')}`;
  return typeof isPhysical === 'boolean' ? null : 'isPhysical is true or false';
};

const ARGUMENTS: Readonly<Record<BridgeVerb, readonly Check[]>> = {
  hostFacts: [],
  listTargets: [],
  attach: [integer('the pid', 1, MAX_PID), startTime, integer('the vCPU', 0, MAX_VCPU_INDEX), boolean('freeze')],
  openFile: [fileName, file],
  readState: [fileName, file, stateNumber, presetName],
  chooseState: [session, integer('the state', 0, MAX_STATE), presetName],
  listModels: [],
  openModel: [matching('the program', /^[a-z0-9-]{1,64}$/)],
  step: [session, integer('the count', 1, MAX_STEPS), toldNumber],
  drive: [session, driveAct, toldNumber],
  rewind: [session, integer('the step', 0, MAX_STEP_NUMBER)],
  capture: [session],
  freeze: [session],
  resume: [session],
  readCode: [
    session,
    matching('the address', ADDRESS),
    integer('the count', 1, MAX_INSTRUCTIONS),
    matching('the syntax', /^(intel|att)$/),
  ],
  nameCode: [session, knownBytes, matching('the syntax', /^(intel|att)$/)],
  readMemory: [session, memoryRequest],
  findMemory: [session, findRequest],
  readCalls: [session],
  takeSymbols: [session, fileName, file],
  apply: [session, assignments],
  restore: [session, scope, previousState],
  undo: [session],
  redo: [session],
  detach: [session, boolean('restoreFirst')],
  startDemo: [],
  orphans: [],
  recover: [session],
  compareOrphan: [session],
  forgetOrphan: [session],
  cancelReading: [],
  comeBack: [(value) => (isTabName(value) ? null : 'the tab is not of its form'), boolean('take')],
  keep: [matching('the name', /^[a-z0-9 -]{1,64}$/), keptText],
};

export const isVerb = (verb: unknown): verb is BridgeVerb => (BRIDGE_VERBS as readonly unknown[]).includes(verb);

/** Why this call may not be made, or null. */
export const problemOfCall = (verb: unknown, args: unknown): string | null => {
  if (!isVerb(verb)) return 'there is no such verb';
  if (!Array.isArray(args)) return 'the arguments are not a list';
  const checks = ARGUMENTS[verb];
  if (args.length !== checks.length) return `${verb} takes ${checks.length} arguments, got ${args.length}`;
  for (const [index, check] of checks.entries()) {
    const problem = check(args[index]);
    if (problem !== null) return `${verb}: ${problem}`;
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
