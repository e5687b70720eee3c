import { commandOf } from '../keys/chord.ts';
import type { DebuggerStore } from '../store/debugger-store.ts';
import { selectWithEdits } from '../store/select/attached.ts';
import { wouldLose } from '../store/vcpu/leaving.ts';

/**
 * Before the page is unloaded: edits are not lost unasked. The window stays without a word where this prevents it, and the
 * browser asks in its own; the dialog is there for both.
 */
export const beforeLeaving = (store: DebuggerStore, event: Pick<Event, 'preventDefault'>, isReload = false): void => {
  const state = store.getState();
  // Loaded again the page has all of it, staged and written edits too.
  if (isReload && state.allKept && !state.hostLost) return;
  if (!state.hostLost && state.session?.kind !== 'file' && selectWithEdits(state).length > 0) {
    event.preventDefault();
    state.setOverlay({ kind: 'detach', closing: true });
    return;
  }
  // A browser asks in its own words. The window has none: it would stay, and nobody would know why.
  if (wouldLose(state) && state.hostFacts?.host !== 'electron') event.preventDefault();
};

/** @returns the way out */
export const askBeforeLeaving = (store: DebuggerStore): (() => void) => {
  // A page is not told whether it is reloaded or closed; the keys of a reload are all that it sees of one.
  let isReload = false;
  const press = (event: KeyboardEvent): void => {
    isReload = commandOf('browser', event) === 'reload';
  };
  const release = (): void => {
    isReload = false;
  };
  const hear = (event: BeforeUnloadEvent): void => beforeLeaving(store, event, isReload);
  window.addEventListener('keydown', press, true);
  window.addEventListener('pointerdown', release, true);
  window.addEventListener('beforeunload', hear);
  return () => {
    window.removeEventListener('keydown', press, true);
    window.removeEventListener('pointerdown', release, true);
    window.removeEventListener('beforeunload', hear);
  };
};
