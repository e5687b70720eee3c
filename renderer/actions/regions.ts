import type { DebuggerStore } from '../store/debugger-store.ts';

const FOCUSABLE = 'button:not([tabindex="-1"]), input, select, [tabindex="0"]';

/** Moves the keyboard to the next region of the window (F6), to what was last focused in it or its first control. */
export const moveRegion = (step: 1 | -1): void => {
  const regions = [...document.querySelectorAll<HTMLElement>('[data-region]')].filter(
    (region) => region.getClientRects().length > 0,
  );
  const at = regions.findIndex((region) => region.contains(document.activeElement));
  for (let tried = 1; tried <= regions.length; tried += 1) {
    const region = regions[(at + step * tried + regions.length * (tried + 1)) % regions.length];
    const first =
      region?.querySelector<HTMLElement>('[data-region-start]') ??
      [...(region?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [])].find((node) => node.getClientRects().length > 0);
    if (first !== undefined && first !== null) {
      first.focus();
      return;
    }
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
  panel.scrollTop += node.getBoundingClientRect().top - panel.getBoundingClientRect().top;
};
