import type { Tab } from '../store/state/view.ts';
import type { Action } from './action.ts';

/** A view to the front, also where a pane such as Trace lies over it in the centre. */
export const showView =
  (tab: Tab): Action['run'] =>
  (store) => {
    const { setTab, askWorkbench } = store.getState();
    setTab(tab);
    askWorkbench({ kind: 'show', pane: tab });
  };
