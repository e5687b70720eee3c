import type { Answer } from '../../../app/bridge.ts';
import { vectorNamed } from '../../../app/debug/vectors.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { parseCount, parseNumber } from '../../../app/value/number.ts';
import type { Breakpoint } from '../../../app/wire/run.ts';
import type { VcpuChoice } from './choices.ts';
import { type DriveOptions, secondsOf, wrong as wrongWords } from './drive-options.ts';

/** The words of `tilescope break`. */

export interface BreakCommand {
  readonly verb: 'break';
  readonly vcpu: VcpuChoice;
  readonly breakpoints: readonly AskedBreakpoint[];
  /** A condition; hits at which it does not hold are passed. */
  readonly when: string | null;
  /** So many hits are passed before the one that counts. */
  readonly skip: number;
  /** The breakpoints are those of every vCPU of the VMM. */
  readonly anyVcpu: boolean;
  readonly waitSeconds: number;
  readonly out: string | null;
  readonly json: boolean;
}

/** At an address, or where the handler of an exception begins, which its vector says: the address is found then. */
export interface AskedBreakpoint extends Breakpoint {
  readonly vector: number | null;
}

const MOST_ADDRESSES = 4;
const MOST_SKIPPED = 1_000_000_000;

const wrong = (what: string): Answer<never> => wrongWords('break', what);

const WORD = /^([^:]+)(?::(execute|write|access)(?::([1248]))?)?$/;

/** ADDR, ADDR:write or ADDR:access, and how many bytes of it. */
const breakpointOf = (word: string): Answer<AskedBreakpoint> => {
  const vector = vectorNamed(word);
  if (vector !== null) return answer({ address: 0n, on: 'execute', bytes: 1, vector });
  const [, text = '', on = 'execute', size] = WORD.exec(word) ?? [];
  const number = parseNumber(text);
  if (number === null || number.value < 0n || number.value >= 1n << 64n) return wrong(`${word} is no address`);
  if (on === 'execute') {
    return size === undefined
      ? answer({ address: number.value, on, bytes: 1, vector })
      : wrong(`${word}: an instruction is watched at its first byte`);
  }
  const bytes = Number(size ?? 8);
  if (number.value % BigInt(bytes) !== 0n)
    return wrong(`${word}: ${bytes} bytes are watched at a multiple of ${bytes}`);
  return answer({ address: number.value, on: on as Breakpoint['on'], bytes, vector });
};

/** The words of `break`. Refused with 'usage' where there are none, more than four, or one is no place. */
export const breakCommand = (
  vcpu: VcpuChoice,
  { wait, out, json, when = undefined, skip = '0', 'any-vcpu': anyVcpu = false }: DriveOptions,
  words: readonly string[],
): Answer<BreakCommand> => {
  if (words.length === 0 || words.length > MOST_ADDRESSES) {
    return wrong(`break takes one to ${MOST_ADDRESSES} addresses, got ${words.length}`);
  }
  const breakpoints: AskedBreakpoint[] = [];
  for (const word of words) {
    const one = breakpointOf(word);
    if (!one.ok) return one;
    breakpoints.push(one.value);
  }
  const skipped = parseCount(skip, MOST_SKIPPED);
  if (skipped === null) return wrong(`--skip is a number of hits, not ${skip}`);
  const seconds = secondsOf('break', wait);
  if (!seconds.ok) return seconds;
  return answer({
    ...{ verb: 'break', vcpu, breakpoints, when: when ?? null, skip: skipped, anyVcpu },
    ...{ waitSeconds: seconds.value, out: out ?? null, json },
  });
};
