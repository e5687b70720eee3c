import type { DebuggerStore } from '../store/debugger-store.ts';
import type { Tab } from '../store/state/view.ts';
import type { DockedPane } from '../store/state/workbench.ts';

const VIEWS: readonly string[] = ['overview', 'registers', 'tiles', 'memory', 'xfd', 'compare'] satisfies Tab[];
const isView = (id: string): id is Tab => VIEWS.includes(id);

/** The tabs of the dock that has the keyboard, of the views where none has it. */
const tabsHere = (): readonly HTMLElement[] => {
  const tabsOf = (dock: Element | null | undefined): readonly HTMLElement[] => [
    ...(dock?.querySelectorAll<HTMLElement>('.dock-head [role="tab"]') ?? []),
  ];
  const here = tabsOf(document.activeElement?.closest('.dock'));
  return here.length > 0 ? here : tabsOf(document.querySelector('.dock:has([data-tab-id="overview"])'));
};

/** Brings the next or previous tab of the dock in use to the front, and the keyboard into it; the ends meet. */
export const turnTab = (store: DebuggerStore, step: 1 | -1): void => {
  const tabs = tabsHere();
  const at = tabs.findIndex((tab) => tab.ariaSelected === 'true');
  const id = tabs[(at + step + tabs.length) % tabs.length]?.dataset.tabId;
  if (id === undefined || tabs.length < 2) return;
  if (isView(id)) store.getState().setTab(id);
  else store.getState().askWorkbench({ kind: 'show', pane: id as DockedPane });
};
