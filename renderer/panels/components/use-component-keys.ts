import type { KeyboardEvent } from 'react';
import { commandOf, movedInList } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { ComponentEntry } from '../../store/select/components.ts';
import { selectSelectedBit } from '../../store/select/selectors.ts';

/** Keys of a list of components: they move the selection through `rows`. */
export const useComponentKeys = (rows: readonly ComponentEntry[]): ((event: KeyboardEvent) => void) => {
  const store = useDebuggerStore();
  const selected = useDebugger(selectSelectedBit);
  return (event) => {
    const at = rows.findIndex(({ bit }) => bit === selected);
    const next = movedInList(commandOf('list', event), at, rows.length);
    if (next === null) return;
    event.preventDefault();
    const row = rows[next];
    if (row !== undefined) store.getState().select({ kind: 'component', bit: row.bit });
  };
};
