import { busyRefusal, EDITS_STAGED, needsStops } from '../store/base/availability.ts';
import { selectEditRefusal, selectWriteRefusal } from '../store/select/selectors.ts';
import type { State } from '../store/state/state.ts';
import type { Action } from './action.ts';
import { showView } from './show-view.ts';

/** Why no write can be taken back, or written again; null: it can. */
export const writeWalkRefusal = (state: State, word: 'undo' | 'redo'): string | null => {
  const left = word === 'undo' ? state.writes.undoable : state.writes.redoable;
  if (left === 0) return `nothing to ${word}`;
  if (state.staged.length > 0) return EDITS_STAGED;
  return busyRefusal(state.busy) ?? selectEditRefusal(state) ?? selectWriteRefusal(state);
};

/** The acts on two stops. */
export const COMPARE_ACTIONS: readonly Action[] = [
  {
    id: 'compare',
    title: 'Compare',
    group: 'View',
    glyph: 'differs',
    refused: needsStops,
    run: showView('compare'),
  },
  {
    id: 'pin-stop',
    title: 'Pin A, this stop',
    group: 'View',
    glyph: 'flag',
    refused: needsStops,
    run: (store) => store.getState().pinStop(store.getState().stops[store.getState().at]?.number ?? null),
  },
  {
    id: 'swap-stops',
    title: 'Swap A and B',
    group: 'View',
    glyph: 'swap',
    refused: (state) =>
      needsStops(state) ??
      (state.source.kind === 'file' ? 'A is a file: it cannot come on screen here, but it can be opened' : null),
    run: (store) => store.getState().swapStops(),
  },
];
