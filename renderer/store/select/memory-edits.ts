import { equalBytes, toHexHighFirst } from '../../../app/bits/bytes.ts';
import { type Decoded, decoded } from '../../../app/bits/decoded.ts';
import type { Assignment, MemoryView } from '../../../app/bridge.ts';
import { isMemoryPath, type MemoryEdit, memoryEdit, printMemoryPath } from '../../../app/edit/memory-path.ts';
import { parseTileElement } from '../../../app/tile/tile-type-text.ts';
import { type ElementType, isElementType } from '../../../app/value/element-type.ts';
import { parseElement } from '../../../app/value/parse.ts';
import { memoizeByIdentity, memoizePair } from '../base/memoize.ts';
import type { MemoryForm } from '../state/guest.ts';
import type { MemoryType } from '../state/memory-cells.ts';
import type { State } from '../state/state.ts';
import { bytesOfHexText, memoryTypeBytes } from './memory-cells.ts';
import type { Mark } from './provenance.ts';

/** Guest memory as it is shown: what was read, what is staged over it, who has changed it. */

/** The type that the element has in a path: its own, else the unsigned integer of its width. */
export const pathTypeOf = (type: MemoryType): ElementType =>
  isElementType(type) ? type : (`u${memoryTypeBytes(type) * 8}` as ElementType);

type Bytes = ReadonlyMap<bigint, number>;

const NONE: Bytes = new Map();

const bytesOf = (assignments: readonly Assignment[], isPhysical: boolean): Bytes => {
  const found = new Map<bigint, number>();
  for (const { path, value } of assignments) {
    const edit = isMemoryPath(path) ? memoryEdit(path, value) : null;
    if (edit?.ok !== true || edit.value.isPhysical !== isPhysical) continue;
    for (const [at, byte] of edit.value.bytes.entries()) found.set(edit.value.address + BigInt(at), byte);
  }
  return found;
};

const linearBytes = memoizeByIdentity((assignments: readonly Assignment[]) => bytesOf(assignments, false));
const physicalBytes = memoizeByIdentity((assignments: readonly Assignment[]) => bytesOf(assignments, true));
const namedBytes = (assignments: readonly Assignment[], isPhysical: boolean): Bytes =>
  isPhysical ? physicalBytes(assignments) : linearBytes(assignments);

const over = (bytes: Uint8Array, address: bigint, written: Bytes): Uint8Array =>
  written.size === 0 ? bytes : bytes.map((byte, at) => written.get(address + BigInt(at)) ?? byte);

/** Bytes that the write of the newest stop has named, by their addresses. */
export const selectWrittenMemory = (state: State): Bytes => {
  const write = state.stops.at(-1)?.write;
  return write?.kind === 'apply' ? namedBytes(write.assignments, state.memoryForm.isPhysical) : NONE;
};

export const selectStagedMemory = (state: State): Bytes =>
  state.staged.length === 0 ? NONE : namedBytes(state.staged, state.memoryForm.isPhysical);

/** One row: as it was read, and as it would be. */
export interface MemoryRowShown {
  readonly address: bigint;
  readonly why: string | null;
  readonly read: Uint8Array;
  /** With what is staged. */
  readonly bytes: Uint8Array;
  /** What the same addresses held at the stop before; null: not read then. */
  readonly before: Uint8Array | null;
  readonly written: Bytes;
}

const readRows = memoizeByIdentity(({ rows }: MemoryView) =>
  rows.map(({ address, hex, why }) => ({ address: BigInt(address), read: bytesOfHexText(hex), why })),
);

const beforeOf = memoizePair((view: MemoryView, before: MemoryView): readonly (Uint8Array | null)[] => {
  const known = new Map(readRows(before).map(({ address, read }) => [address, read]));
  return readRows(view).map(({ address, read }) => {
    const then = known.get(address);
    return then?.length === read.length ? then : null;
  });
});

/** Rows of memory with what is staged over them, and what stood there before. */
export const shownRows = (
  view: MemoryView,
  before: MemoryView | null,
  staged: Bytes,
  written: Bytes,
): readonly MemoryRowShown[] => {
  const then = before === null ? null : beforeOf(view, before);
  return readRows(view).map(({ address, read, why }, at) => ({
    ...{ address, why, read, written },
    bytes: over(read, address, staged),
    before: then?.[at] ?? null,
  }));
};

/** Who has brought about the bytes of one element. */
export const markOf = (
  { address, read, bytes, before, written }: MemoryRowShown,
  offset: number,
  size: number,
): Mark => {
  const part = (whole: Uint8Array) => whole.subarray(offset, offset + size);
  if (!equalBytes(part(read), part(bytes))) return 'staged';
  for (let at = offset; at < offset + size; at += 1) {
    if (written.has(address + BigInt(at))) return 'written';
  }
  return before !== null && !equalBytes(part(before), part(read)) ? 'changed' : 'none';
};

/** An element typed in the type that is shown; of bytes as two hex digits. */
export const memoryAssignment = (
  form: Pick<MemoryForm, 'look' | 'type' | 'isPhysical'>,
  address: bigint,
  text: string,
): Decoded<Assignment & { readonly bytes: Uint8Array }> => {
  const isHex = form.look === 'hex';
  const type = isHex ? 'u8' : form.type;
  const plain = text.trim().replace(/^−/, '-');
  const digits = isHex && /^[0-9a-f]{1,2}$/i.test(plain) ? `0x${plain}` : plain;
  const bytes = isElementType(type) ? parseElement(type, digits) : parseTileElement(type, digits);
  if (!bytes.ok) return bytes;
  const named = pathTypeOf(type);
  const path = printMemoryPath({ address, isPhysical: form.isPhysical, type: named });
  return decoded({ path, value: named === type ? digits : `0x${toHexHighFirst(bytes.value)}`, bytes: bytes.value });
};

/** What stands at an element's place as read last; null: it was not read, or not at the newest stop. */
export const readAtPath = (view: MemoryView | null, edit: MemoryEdit): Uint8Array | null => {
  for (const { address, read } of view === null ? [] : readRows(view)) {
    const offset = edit.address - address;
    if (offset >= 0n && offset + BigInt(edit.bytes.length) <= BigInt(read.length)) {
      return read.subarray(Number(offset), Number(offset) + edit.bytes.length);
    }
  }
  return null;
};
