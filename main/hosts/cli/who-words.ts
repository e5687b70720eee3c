import type { Answer } from '../../../app/bridge.ts';
import { MOST_FRAMES } from '../../../app/debug/unwind.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { parseCount } from '../../../app/value/number.ts';
import type { MemoryFileChoice, VcpuChoice } from './choices.ts';
import { symbolsChoice } from './symbol-words.ts';
import type { SymbolsChoice } from './symbols.ts';
import { wrongUsage } from './usage.ts';

/** The words of `tilescope who`. */

/** A vCPU that runs, or a dump and the number of a CPU in it. */
export type WhoSource =
  | { readonly kind: 'live'; readonly vcpu: VcpuChoice }
  | { readonly kind: 'file'; readonly path: string; readonly cpu: number };

export interface WhoCommand {
  readonly verb: 'who';
  readonly from: WhoSource;
  readonly symbols: SymbolsChoice | null;
  /** The file of the kernel's BTF; null: what --symbols names, where that has some. */
  readonly btf: string | null;
  /** Calls at most. */
  readonly count: number;
  readonly json: boolean;
}

interface WhoWords {
  readonly symbols?: string | undefined;
  readonly 'load-address'?: string | undefined;
  readonly btf?: string | undefined;
  readonly count?: string | undefined;
  readonly json: boolean;
}

const MAX_CPU = 0x7fffffff;

/** Which CPU of a dump: 0 where none is named. Refused with 'usage' where it is no number. */
export const dumpedCpu = ({
  thread,
  vcpu,
}: {
  readonly thread?: string | undefined;
  readonly vcpu?: string | undefined;
}): Answer<number> => {
  if (thread !== undefined && vcpu !== undefined) {
    return wrongUsage('--thread and --vcpu both name the CPU of a file: one is enough');
  }
  const named = thread ?? vcpu ?? '0';
  const cpu = parseCount(named, MAX_CPU);
  return cpu === null ? wrongUsage(`--thread is a number from 0, not ${named}`) : answer(cpu);
};

/** A file of memory, and whose. Refused with 'usage' where the number is none. */
export const memoryFile = (
  given: {
    readonly thread?: string | undefined;
    readonly vcpu?: string | undefined;
    readonly snapshot?: string | undefined;
  },
  path: string,
): Answer<MemoryFileChoice> => {
  const cpu = dumpedCpu(given);
  if (!cpu.ok) return cpu;
  const isNamed = given.thread !== undefined || given.vcpu !== undefined;
  return answer({ path, cpu: isNamed ? cpu.value : null, snapshot: given.snapshot ?? null });
};

const wrong = (what: string) => wrongUsage(what, 'who');

/** The words of `who`. Refused with 'usage' where they do not parse. */
export const whoCommand = (from: WhoSource, given: WhoWords, words: readonly string[]): Answer<WhoCommand> => {
  if (words.length > 0) return wrong(`who takes no other words, got ${words.join(' ')}`);
  const symbols = symbolsChoice(given);
  if (!symbols.ok) return symbols;
  const { btf = null, json } = given;
  if (btf !== null && symbols.value === null)
    return wrong('--btf goes with --symbols, which say where the task is named');
  const count = given.count === undefined ? MOST_FRAMES : parseCount(given.count, MOST_FRAMES);
  if (count === null || count === 0) return wrong(`--count is a number from 1 to ${MOST_FRAMES}, not ${given.count}`);
  return answer({ verb: 'who', from, symbols: symbols.value, btf, count, json });
};
