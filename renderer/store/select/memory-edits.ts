import { equalBytes, fromHexInOrder, hexByte, toHexHighFirst } from '../../../app/bits/bytes.ts';
import { type Decoded, decoded } from '../../../app/bits/decoded.ts';
import { hexShort } from '../../../app/bits/mask.ts';
import type { Assignment, MemoryView } from '../../../app/bridge.ts';
import {
  isMemoryPath,
  type MemoryEdit,
  memoryEdit,
  parseMemoryPath,
  printMemoryPath,
} from '../../../app/edit/memory-path.ts';
import { parseTileElement } from '../../../app/tile/tile-type-text.ts';
import { type ElementType, isElementType } from '../../../app/value/element-type.ts';
import { parseElement } from '../../../app/value/parse.ts';
import { memoizeByIdentity, memoizePair } from '../base/memoize.ts';
import type { MemoryForm, MemoryPlace } from '../state/guest.ts';
import type { MemoryType } from '../state/memory-cells.ts';
import type { State } from '../state/state.ts';
import { cellsOf, memoryTypeBytes } from './memory-cells.ts';
import type { Mark } from './provenance.ts';

/** Guest memory as it is shown: what was read, what is staged over it, who has changed it. */

/** The type that the element has in a path: its own, else the unsigned integer of its width. */
export const pathTypeOf = (type: MemoryType): ElementType =>
  isElementType(type) ? type : (`u${memoryTypeBytes(type) * 8}` as ElementType);

type Bytes = ReadonlyMap<bigint, number>;

const NONE: Bytes = new Map();
const NOTHING = new Uint8Array();

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

const asRead = memoizePair(
  (form: MemoryForm, view: MemoryView): MemoryForm =>
    view.isPhysical === form.isPhysical ? form : { ...form, isPhysical: view.isPhysical },
);

/** The form of what is shown: what was ticked since it was read is about the next reading. */
export const selectShownForm = ({ memory, memoryForm }: State): MemoryForm =>
  memory === null ? memoryForm : asRead(memoryForm, memory.view);

/** Bytes that the write of the newest stop has named, by their addresses. */
export const selectWrittenMemory = (state: State): Bytes => {
  const write = state.stops.at(-1)?.write;
  return write?.kind === 'apply' ? namedBytes(write.assignments, selectShownForm(state).isPhysical) : NONE;
};

/** Whether all that differs from what was read before is a write of this session: one taken back, or a restore. */
export const selectIsOurs = ({ stops, memoryBefore }: State): boolean => {
  const write = stops.at(-1)?.write ?? null;
  return write !== null && memoryBefore !== null && stops[write.over]?.number === memoryBefore.stop;
};

export const selectStagedMemory = (state: State): Bytes =>
  state.staged.length === 0 ? NONE : namedBytes(state.staged, selectShownForm(state).isPhysical);

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
  /** What differs from before is this session's own. */
  readonly isOurs: boolean;
}

const readRows = memoizeByIdentity(({ rows }: MemoryView) =>
  rows.map(({ address, hex, why }) => ({ address: BigInt(address), read: fromHexInOrder(hex) ?? NOTHING, why })),
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
  isOurs: boolean,
): readonly MemoryRowShown[] => {
  const then = before === null || before.isPhysical !== view.isPhysical ? null : beforeOf(view, before);
  return readRows(view).map(({ address, read, why }, at) => ({
    ...{ address, why, read, written, isOurs },
    bytes: over(read, address, staged),
    before: then?.[at] ?? null,
  }));
};

/**
 * An element at a path with what assignments name of it put over it, in whichever types they are written; the same bytes where they
 * name nothing of it.
 */
export const overlaid = (path: string, bytes: Uint8Array, assignments: readonly Assignment[]): Uint8Array => {
  const place = parseMemoryPath(path);
  return place.ok ? over(bytes, place.value.address, namedBytes(assignments, place.value.isPhysical)) : bytes;
};

/** Whether assignments name a byte of the element at a path. */
export const isNamed = (path: string, size: number, assignments: readonly Assignment[]): boolean => {
  const place = parseMemoryPath(path);
  if (!place.ok) return false;
  const named = namedBytes(assignments, place.value.isPhysical);
  return Array.from({ length: size }, (_, at) => named.has(place.value.address + BigInt(at))).includes(true);
};

/** Bytes of one element as memory is shown. */
export const shownBytes = ({ look, type }: Pick<MemoryForm, 'look' | 'type'>): number =>
  look === 'hex' ? 1 : memoryTypeBytes(type);

/** The element that a place is about: what is not mapped has none, the first one that there is stands for it. */
export const placeThere = (
  rows: readonly { readonly read: Uint8Array }[],
  form: Pick<MemoryForm, 'look' | 'type' | 'rowBytes'>,
  place: MemoryPlace,
): MemoryPlace => {
  const size = shownBytes(form);
  const columns = Math.max(1, Math.floor(form.rowBytes / size));
  const isThere = ({ row, column }: MemoryPlace): boolean => (rows[row]?.read.length ?? 0) >= (column + 1) * size;
  const wanted = { row: Math.min(place.row, rows.length - 1), column: Math.min(place.column, columns - 1) };
  if (isThere(wanted)) return wanted;
  const first = rows.findIndex((_, row) => isThere({ row, column: 0 }));
  return { row: Math.max(0, first), column: 0 };
};

/** The element at a place of what was read, as an edit names it; null: nothing was read there. */
export const elementAt = (
  view: MemoryView,
  form: MemoryForm,
  place: MemoryPlace,
): { readonly path: string; readonly address: bigint; readonly read: Uint8Array } | null => {
  const rows = readRows(view);
  const { row, column } = placeThere(rows, form, place);
  const size = shownBytes(form);
  const found = rows[row];
  if (found === undefined || found.read.length < (column + 1) * size) return null;
  const address = found.address + BigInt(column * size);
  const type = form.look === 'hex' ? 'u8' : pathTypeOf(form.type);
  const path = printMemoryPath({ address, isPhysical: form.isPhysical, type });
  return { path, address, read: found.read.subarray(column * size, (column + 1) * size) };
};

/** By what the base of an element is remembered: as a byte of a dump it is another value than as one of a type. */
export const basePathOf = ({ look, type, isPhysical }: MemoryForm, address: bigint): string =>
  `${isPhysical ? 'physical' : ''}[${hexShort(address)}]${look === 'hex' ? '' : `:${type}`}`;

/** Elements as their cells have them: bytes in hex, or values of the type. */
export const elementTexts = (
  bytes: Uint8Array,
  { look, type }: Pick<MemoryForm, 'look' | 'type'>,
): readonly string[] => (look === 'hex' ? Array.from(bytes, hexByte) : cellsOf(bytes, type).map(({ text }) => text));

/**
 * Stages elements of memory: the value that was read there is no edit, and takes an earlier one back.
 * @returns the reason where one is refused
 */
export const stageElements = (
  state: State,
  elements: readonly (Assignment & { readonly bytes: Uint8Array; readonly read: Uint8Array | null })[],
): string | null => {
  const isRead = ({ bytes, read }: (typeof elements)[number]): boolean => read !== null && equalBytes(bytes, read);
  for (const { path } of elements.filter(isRead)) {
    if (state.staged.some((row) => row.path === path)) state.unstage(path);
  }
  const edits = elements.filter((row) => !isRead(row)).map(({ path, value }) => ({ path, value }));
  return edits.length === 0 ? null : state.stageAll(edits);
};

/** Who has brought about the bytes of one element. */
export const markOf = (
  { address, read, bytes, before, written, isOurs }: MemoryRowShown,
  offset: number,
  size: number,
): Mark => {
  const part = (whole: Uint8Array) => whole.subarray(offset, offset + size);
  if (!equalBytes(part(read), part(bytes))) return 'staged';
  for (let at = offset; at < offset + size; at += 1) {
    if (written.has(address + BigInt(at))) return 'written';
  }
  if (before === null || equalBytes(part(before), part(read))) return 'none';
  return isOurs ? 'written' : 'changed';
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
