import { busyRefusal, NOT_ATTACHED } from '../store/base/availability.ts';
import { selectIsNewest, selectWriteRefusal } from '../store/select/selectors.ts';
import type { State } from '../store/state/state.ts';
import type { Action } from './action.ts';

/** Why nothing can be restored now, whichever stop is on screen; null: it can. */
const restoreRefusal = (state: State): string | null => {
  if (state.session === null) return NOT_ATTACHED;
  if (state.session.kind === 'file') return 'a file does not run';
  return selectWriteRefusal(state) ?? busyRefusal(state.busy);
};

/** Each opens the dialog, which says what would be written before it is. */
export const RESTORE_ACTIONS: readonly Action[] = [
  {
    id: 'restore',
    title: 'Restore…',
    group: 'Edit',
    glyph: 'restore',
    refused: restoreRefusal,
    run: (store) => store.getState().openRestore({ kind: 'attach' }, 'all'),
  },
  {
    id: 'restore-to-stop',
    title: 'Restore to this stop…',
    group: 'Edit',
    glyph: 'restore',
    refused: (state) =>
      restoreRefusal(state) ??
      (selectIsNewest(state) ? 'the newest stop is what the vCPU holds: go to an earlier one' : null),
    run: (store) => {
      const state = store.getState();
      state.openRestore({ kind: 'stop', number: state.stops[state.at]?.number ?? 1 }, 'all');
    },
  },
  {
    id: 'restore-selected',
    title: 'Restore what is selected…',
    group: 'Edit',
    glyph: 'restore',
    refused: (state) =>
      restoreRefusal(state) ??
      (state.selection === null
        ? 'nothing is selected'
        : state.selection.kind === 'memory'
          ? 'guest memory is put back by Undo'
          : null),
    run: (store) => {
      const state = store.getState();
      const to = selectIsNewest(state)
        ? ({ kind: 'attach' } as const)
        : ({ kind: 'stop', number: state.stops[state.at]?.number ?? 1 } as const);
      state.openRestore(to, state.selection?.kind === 'component' ? 'component' : 'register');
    },
  },
];
