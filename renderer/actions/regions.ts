import type { DebuggerStore } from '../store/debugger-store.ts';
import { pageBox } from '../zoom.ts';
import { enterRegion } from './focus.ts';

/** The stops of F6 in the order of the screens: what stands around the view is left of it, right of it, or below. */
const RANKS: Readonly<Record<string, number>> = {
  toolbar: 1,
  components: 2,
  tabs: 4,
  centre: 5,
  targets: 5,
  status: 8,
};

interface Stop {
  readonly node: HTMLElement;
  readonly name: string;
}

const isShown = (node: Element): boolean => node.getClientRects().length > 0;

/** Every region on screen, the row of the views' tabs, and the strips that docks are folded to. */
const stopsOnScreen = (): readonly Stop[] => {
  const regions = [...document.querySelectorAll<HTMLElement>('[data-region]')].map((node) => ({
    node,
    name: node.dataset.region ?? '',
  }));
  const heads = [...document.querySelectorAll<HTMLElement>('.dock-head')].flatMap((node) => {
    const tabset = node.closest('[data-tabset-collapsed], [data-tabset]');
    const isFolded = tabset?.hasAttribute('data-tabset-collapsed') === true;
    const holdsView = node.querySelector(VIEW_TABS) !== null;
    return isFolded || holdsView ? [{ node, name: holdsView ? 'tabs' : 'strip' }] : [];
  });
  return [...regions, ...heads].filter(({ node }) => isShown(node));
};
const VIEW_TABS = '[data-tab-id="overview"]';

const byPlace = (stops: readonly Stop[]): readonly Stop[] => {
  const view = stops.find(({ name }) => name === 'centre' || name === 'targets')?.node.getBoundingClientRect();
  const placed = stops.map((stop) => {
    const box = stop.node.getBoundingClientRect();
    const around = view === undefined ? 6 : box.right <= view.left + 1 ? 3 : box.top >= view.bottom - 1 ? 7 : 6;
    return { stop, rank: RANKS[stop.name] ?? around, top: box.top, left: box.left };
  });
  return placed.sort((a, b) => a.rank - b.rank || a.top - b.top || a.left - b.left).map(({ stop }) => stop);
};

/** Of a row of tabs the chosen one takes the keyboard, which its arrows move. */
const enter = ({ node, name }: Stop): boolean => {
  if (name !== 'tabs' && name !== 'strip') return enterRegion(node);
  const tab =
    node.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]') ?? node.querySelector('[role="tab"]');
  tab?.focus();
  return tab !== null;
};

/** Moves the keyboard to the next region of the window (F6), to what was last focused in it or its first control. */
export const moveRegion = (step: 1 | -1): void => {
  const stops = byPlace(stopsOnScreen());
  const at = stops.findIndex(({ node }) => node.contains(document.activeElement));
  const from = at === -1 && step === -1 ? 0 : at;
  for (let tried = 1; tried <= stops.length; tried += 1) {
    const stop = stops[(from + step * tried + stops.length * (tried + 1)) % stops.length];
    if (stop !== undefined && enter(stop)) return;
  }
};

/** `/` goes to the filter of the region in focus, else to the first one on screen; what is typed takes the place of its text. */
export const focusFilter = (_: DebuggerStore): void => {
  const region = document.activeElement?.closest('[data-region]');
  const filter =
    region?.querySelector<HTMLElement>('[data-filter]') ?? document.querySelector<HTMLElement>('[data-filter]');
  (filter?.querySelector<HTMLElement>('[tabindex="0"]') ?? filter)?.focus();
  if (filter instanceof HTMLInputElement) filter.select();
};

/**
 * Brings an element to the top of the panel that scrolls it, and moves nothing else: scrollIntoView() would also scroll the
 * frame around it, which hides what does not fit and cannot be scrolled back.
 */
export const scrollInPanel = (selector: string): void => {
  const node = document.querySelector<HTMLElement>(selector);
  const panel = node?.closest<HTMLElement>('.scroll');
  if (node == null || panel == null) return;
  panel.scrollTop += pageBox(node).top - pageBox(panel).top;
};
