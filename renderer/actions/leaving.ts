import type { DebuggerStore } from '../store/debugger-store.ts';
import { wouldLose } from '../store/leaving.ts';
import { selectWithEdits } from '../store/parked.ts';

/**
 * Before the page is unloaded: edits are not lost unasked. The window stays without a word where this prevents it, and the
 * browser asks in its own; the dialog is there for both.
 */
export const beforeLeaving = (store: DebuggerStore, event: Pick<Event, 'preventDefault'>): void => {
  const state = store.getState();
  if (!state.hostLost && selectWithEdits(state).length > 0) {
    event.preventDefault();
    state.setOverlay({ kind: 'detach', closing: true });
    return;
  }
  // A browser asks in its own words. The window has none: it would stay, and nobody would know why.
  if (wouldLose(state) && state.hostFacts?.host !== 'electron') event.preventDefault();
};

/** @returns the way out */
export const askBeforeLeaving = (store: DebuggerStore): (() => void) => {
  const hear = (event: BeforeUnloadEvent): void => beforeLeaving(store, event);
  window.addEventListener('beforeunload', hear);
  return () => window.removeEventListener('beforeunload', hear);
};
