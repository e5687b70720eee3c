import {
  type ClipboardEvent,
  type FocusEvent,
  type KeyboardEvent,
  type MouseEvent,
  type RefObject,
  useEffect,
  useRef,
  useState,
} from 'react';
import { flushSync } from 'react-dom';
import { describeProblem } from '../../../app/bits/decoded.ts';
import type { Assignment } from '../../../app/bridge.ts';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import {
  basePathOf,
  type MemoryRowShown,
  memoryAssignment,
  placeThere,
  shownBytes,
  stageElements,
} from '../../store/select/memory-edits.ts';
import { selectEditRefusal } from '../../store/select/selectors.ts';
import type { MemoryForm } from '../../store/state/guest.ts';
import type { Base } from '../../store/state/view.ts';
import { nextBase } from '../../store/view/bases.ts';
import { isBlockMove, isToEdge, moveInGrid, type Place } from '../registers/grid-moves.ts';
import { beginsEdit } from '../registers/ValueEditor.tsx';
import { blockOf } from '../tiles/tile-clipboard.ts';
import { type MemoryBlock, memoryText } from './memory-text.ts';

export interface MemoryGrid {
  readonly table: RefObject<HTMLTableElement | null>;
  readonly active: Place;
  readonly form: MemoryForm;
  /** In which base a value is written, where it was chosen. */
  readonly bases: ReadonlyMap<string, Base>;
  readonly rowCount: number;
  readonly block: MemoryBlock;
  /** Its editor is open. */
  readonly editing: boolean;
  /** The path of the active element, as it is assigned. */
  readonly path: string;
  /** Why the last edit or paste was refused. */
  readonly problem: string | null;
  readonly edit: (typed: string | null) => void;
  readonly stage: (text: string) => string | null;
  readonly onDone: (how: 'stay' | 'onward' | 'back') => void;
  readonly events: {
    readonly onKeyDown: (event: KeyboardEvent) => void;
    readonly onMouseDown: (event: MouseEvent) => void;
    readonly onMouseOver: (event: MouseEvent) => void;
    readonly onDoubleClick: (event: MouseEvent) => void;
    readonly onFocus: (event: FocusEvent) => void;
    readonly onCopy: (event: ClipboardEvent) => void;
    readonly onPaste: (event: ClipboardEvent) => void;
  };
}

const placeOf = (target: EventTarget | null): Place | null => {
  const cell = target instanceof HTMLElement ? target.closest<HTMLElement>('[data-memory]') : null;
  if (cell === null) return null;
  const [row = 0, column = 0] = (cell.dataset.memory ?? '').split(' ').map(Number);
  return { row, column };
};

/** Elements of memory as one grid: one stop of the keyboard, blocks by Shift or by dragging, editing, copy and paste. */
export const useMemoryGrid = (rows: readonly MemoryRowShown[], form: MemoryForm): MemoryGrid => {
  const size = shownBytes(form);
  const store = useDebuggerStore();
  const place = useDebugger((state) => state.memoryPlace);
  const from = useDebugger((state) => state.memoryFrom);
  const bases = useDebugger((state) => state.bases);
  const { setMemoryPlace } = store.getState();
  const [problem, setProblem] = useState<string | null>(null);
  const table = useRef<HTMLTableElement>(null);
  const columns = Math.max(1, Math.floor(form.rowBytes / size));
  const element = ({ row, column }: Place): Uint8Array =>
    rows[row]?.bytes.subarray(column * size, (column + 1) * size) ?? new Uint8Array();
  const isThere = (at: Place): boolean => element(at).length === size;
  const active = placeThere(rows, form, place);
  const found = useDebugger(({ memoryFound }) => (memoryFound?.phase === 'found' ? memoryFound : null));
  const first = rows[0]?.address;
  // What is found is selected, in the row that was read for it.
  useEffect(() => {
    if (found === null || first === undefined) return;
    const offset = Number(BigInt(found.address) - first);
    if (offset < 0 || offset >= form.rowBytes) return;
    const last = Math.min(columns - 1, Math.floor((offset + found.bytes - 1) / size));
    setMemoryPlace({ row: 0, column: Math.floor(offset / size) }, { row: 0, column: last });
  }, [found, first, form.rowBytes, columns, size, setMemoryPlace]);
  const asked = useDebugger((state) => state.memoryAsked);
  useEffect(() => {
    if (asked === null) return;
    table.current?.querySelector<HTMLElement>(`[data-memory="${asked.row} ${asked.column}"]`)?.focus();
  }, [asked]);
  const at = (row: number, column: number): bigint => (rows[row]?.address ?? 0n) + BigInt(column * size);
  const assigned = (row: number, column: number, text: string) => memoryAssignment(form, at(row, column), text);
  // Any value has the same path.
  const named = assigned(active.row, active.column, '0');
  const path = named.ok ? named.value.path : '';
  const editing = useDebugger((state) => state.editor?.place === path);
  const focus = (to: Place, extend = false): void => {
    if (!isThere(to)) return;
    // A column outside the window that is shown comes into it first.
    flushSync(() => setMemoryPlace(to, extend ? (from ?? active) : null));
    table.current?.querySelector<HTMLElement>(`[data-memory="${to.row} ${to.column}"]`)?.focus();
  };
  const block = { ...blockOf(active, from), size };
  const shownText = (): string => memoryText(rows, { ...blockOf(active, null), size }, form, 'tsv').trim();
  const edit = (typed: string | null): void => {
    const state = store.getState();
    const refusal = selectEditRefusal(state) ?? (element(active).length === size ? null : 'it was not read');
    setProblem(refusal);
    if (refusal === null) state.openEditor(path, typed ?? shownText(), typed !== null);
  };
  const readAt = ({ row, column }: Place): Uint8Array | null =>
    rows[row]?.read.subarray(column * size, (column + 1) * size) ?? null;
  const stage = (text: string): string | null => {
    const made = assigned(active.row, active.column, text);
    if (!made.ok) return describeProblem(made.problem);
    const why = stageElements(store.getState(), [{ ...made.value, read: readAt(active) }]);
    if (why === null) store.getState().closeEditor();
    return why;
  };
  const paste = (text: string): string | null => {
    const lines = text.replace(/\r/g, '').replace(/\n+$/, '').split('\n');
    const cells = lines.map((line) => line.trim().split(form.look === 'hex' ? /[\t,;\s]+/ : /[\t,;]/));
    const list: (Assignment & { readonly bytes: Uint8Array; readonly read: Uint8Array | null })[] = [];
    for (const [down, line] of cells.entries()) {
      for (const [right, value] of line.entries()) {
        if (value.trim() === '') continue;
        const to = { row: active.row + down, column: active.column + right };
        if (to.row >= rows.length || to.column >= columns) return 'the block does not fit here';
        const made = assigned(to.row, to.column, value);
        if (!made.ok) return `row ${down + 1}, column ${right + 1} of the block: ${describeProblem(made.problem)}`;
        list.push({ ...made.value, read: readAt(to) });
      }
    }
    return list.length === 0 ? 'the clipboard holds no text' : stageElements(store.getState(), list);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLInputElement || rows.length === 0) return;
    const command = commandOf('grid', event);
    const shape = { rows: rows.length, columns, hasValue: (one: Place) => element(one).some((byte) => byte !== 0) };
    const step = (at: Place): Place | null => moveInGrid(command, isToEdge(event), at, shape);
    let to = step(active);
    // Over what is not mapped, to the next element that is.
    for (let at = to; at !== null && to !== null && !isThere(to); at = to) {
      to = step(at);
      if (to?.row === at.row && to.column === at.column) to = active;
    }
    if (to !== null) focus(to, isBlockMove(command, event));
    else if (command === 'base') {
      const { setBase } = store.getState();
      const shown = basePathOf(form, at(active.row, active.column));
      setBase(shown, nextBase(shown, bases.get(shown) ?? 'own'));
    } else if (command === 'edit') edit(null);
    else if (beginsEdit(event)) edit(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return {
    ...{ table, active, form, bases, rowCount: rows.length, block, editing, path, problem, edit, stage },
    onDone: (how) => {
      const next = active.column + (how === 'stay' ? 0 : how === 'onward' ? 1 : -1);
      const row = active.row + (next >= columns ? 1 : next < 0 ? -1 : 0);
      focus({ row: Math.max(0, Math.min(rows.length - 1, row)), column: (next + columns) % columns });
    },
    events: {
      onKeyDown,
      onMouseDown: (event) => {
        const to = placeOf(event.target);
        if (to === null || event.button !== 0 || event.target instanceof HTMLInputElement) return;
        // The focus is moved here: a drag begins, and no text is selected by it.
        event.preventDefault();
        focus(to, event.shiftKey);
      },
      onMouseOver: (event) => {
        const to = placeOf(event.target);
        if (to !== null && event.buttons === 1) focus(to, true);
      },
      onDoubleClick: (event) => {
        if (placeOf(event.target) !== null) edit(null);
      },
      onFocus: (event) => {
        const to = placeOf(event.target);
        if (to !== null && (to.row !== active.row || to.column !== active.column)) setMemoryPlace(to, from);
      },
      onCopy: (event) => {
        if (event.target instanceof HTMLInputElement) return;
        event.clipboardData.setData('text/plain', memoryText(rows, block, form, 'tsv'));
        event.preventDefault();
      },
      onPaste: (event) => {
        if (event.target instanceof HTMLInputElement) return;
        event.preventDefault();
        const refusal = selectEditRefusal(store.getState());
        setProblem(refusal ?? paste(event.clipboardData.getData('text/plain')));
      },
    },
  };
};
