import type { CodeView } from '../../../app/bridge.ts';
import { memoizeByIdentity } from '../base/memoize.ts';
import type { State } from '../state/state.ts';
import { current } from './guest-slice.ts';

/** What the instruction that is next does with a register. */
export type NextUse = 'reads' | 'writes' | 'reads and writes';

/** A register as the panes have it, whatever part of it an instruction names: "ecx" is rcx, "xmm3" the same as "zmm3". */
const wholeRegister = (name: string): string => {
  const vector = /^[xyz]mm(\d+)$/.exec(name);
  if (vector !== null) return `zmm${vector[1]}`;
  const numbered = /^r(\d+)[dwb]$/.exec(name);
  if (numbered !== null) return `r${numbered[1]}`;
  const lettered = /^[er]?([abcd]x|si|di|bp|sp)$/.exec(name) ?? /^(si|di|bp|sp)l$/.exec(name);
  if (lettered !== null) return `r${lettered[1]}`;
  const byte = /^([abcd])[lh]$/.exec(name);
  return byte === null ? name : `r${byte[1]}x`;
};

const usesOf = memoizeByIdentity(({ lines }: CodeView): ReadonlyMap<string, NextUse> => {
  const next = lines.find((line) => line.next);
  const [reads, writes] = [next?.reads ?? [], next?.writes ?? []].map((names) => new Set(names.map(wholeRegister)));
  return new Map(
    [...(reads ?? []), ...(writes ?? [])].map((name) => {
      const isRead = reads?.has(name) ?? false;
      return [name, !(writes?.has(name) ?? false) ? 'reads' : isRead ? 'reads and writes' : 'writes'];
    }),
  );
});

/** Null: nothing, or the code at the stop on screen is not known. */
export const selectNextUse =
  (register: string) =>
  (state: State): NextUse | null => {
    const code = state.at === state.stops.length - 1 ? current(state, state.code) : null;
    return code === null ? null : (usesOf(code).get(wholeRegister(register)) ?? null);
  };
