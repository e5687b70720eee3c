import type { CodeView } from '../../../app/bridge.ts';

/** As many lines stand above the next instruction before the list goes on. */
const MOST_ABOVE = 24;
const KEPT_ABOVE = 8;
/** A function that began farther back is shown from the instruction that comes next on: its start says little then. */
const MOST_BACK_BYTES = 0x180n;

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/**
 * Where a list of code begins so that it stands still while its instructions are executed: where the previous one began, as long
 * as the next instruction stands in it. '': at the next instruction, for nothing says where one begins before it.
 */
export const codeStart = (previous: CodeView | null, rip: bigint | null): string => {
  if (previous === null || rip === null) return '';
  const at = previous.lines.findIndex(({ address }) => BigInt(address) === rip);
  if (at === -1) return '';
  return (at <= MOST_ABOVE ? previous.lines[0] : previous.lines[at - KEPT_ABOVE])?.address ?? '';
};

/** Where the function of the next instruction begins, by its symbol; null: no symbol says so, or it is too far back. */
export const functionStart = ({ lines }: CodeView): string | null => {
  const [first] = lines;
  const offset = /\+0x([0-9a-f]+)$/.exec(first?.symbol ?? '')?.[1];
  if (first === undefined || offset === undefined) return null;
  const back = BigInt(`0x${offset}`);
  return back > 0n && back <= MOST_BACK_BYTES ? hex(BigInt(first.address) - back) : null;
};

/** Bytes that are read from another place on may be read as other instructions: then RIP stands at none of them. */
export const holdsNext = ({ lines }: CodeView): boolean => lines.some(({ next }) => next);
