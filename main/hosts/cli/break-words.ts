import type { Answer } from '../../../app/bridge.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { parseCount, parseNumber } from '../../../app/value/number.ts';
import type { VcpuChoice } from './choices.ts';

/** The words of `tilescope break`. */

export interface BreakCommand {
  readonly verb: 'break';
  readonly vcpu: VcpuChoice;
  readonly addresses: readonly bigint[];
  readonly waitSeconds: number;
  readonly out: string | null;
  readonly json: boolean;
}

interface BreakWords {
  readonly wait?: string | undefined;
  readonly out?: string | undefined;
  readonly json: boolean;
}

const MOST_ADDRESSES = 4;
const MOST_SECONDS = 86_400;
const DEFAULT_SECONDS = '10';

const wrong = (what: string): Answer<never> =>
  refuse('usage', what, { mend: 'tilescope break --help shows how it is used' });

export const breakCommand = (
  vcpu: VcpuChoice,
  { wait = DEFAULT_SECONDS, out, json }: BreakWords,
  words: readonly string[],
): Answer<BreakCommand> => {
  if (words.length === 0 || words.length > MOST_ADDRESSES) {
    return wrong(`break takes one to ${MOST_ADDRESSES} addresses, got ${words.length}`);
  }
  const addresses: bigint[] = [];
  for (const word of words) {
    const number = parseNumber(word);
    if (number === null || number.value < 0n || number.value >= 1n << 64n) return wrong(`${word} is no address`);
    addresses.push(number.value);
  }
  const waitSeconds = parseCount(wait, MOST_SECONDS);
  if (waitSeconds === null || waitSeconds === 0) {
    return wrong(`--wait is a number of seconds from 1 to ${MOST_SECONDS}, not ${wait}`);
  }
  return answer({ verb: 'break', vcpu, addresses, waitSeconds, out: out ?? null, json });
};
