/** What takes the keyboard: by Tab, or as the one tab stop of a list or grid. */
const FOCUSABLE = 'button:not([tabindex="-1"]), input, select, summary, a[href], [tabindex="0"]';

/** A region is a part of the window that F6 stops at; what is in a dialog belongs to the dialog. */
const REGION = 'dialog, [data-region]';
const nameOf = (region: Element | null | undefined): string | null =>
  region instanceof HTMLDialogElement
    ? 'dialog'
    : region instanceof HTMLElement
      ? (region.dataset.region ?? null)
      : null;

const isSeen = (node: Element): boolean => node.isConnected && node.getClientRects().length > 0;

interface Been {
  readonly node: HTMLElement;
  readonly region: string | null;
}

/** Where the keyboard has been, the newest last. More than what one gesture can take away is not needed. */
const MOST_BEEN = 32;
let been: Been[] = [];

/** @returns whether it has the keyboard now; a dialog in front lets nothing behind it have it */
const take = (node: HTMLElement | null | undefined): boolean => {
  if (node == null || !isSeen(node)) return false;
  node.focus();
  return document.activeElement === node;
};

const newestOf = (isWanted: (one: Been) => boolean): boolean =>
  been.toReversed().some((one) => isWanted(one) && take(one.node));

/**
 * Gives the keyboard to a region: to what had it there last, else to what it begins with (a list, a matrix), else to its
 * first control, else to the region as a whole.
 * @returns whether something took it
 */
export const enterRegion = (region: HTMLElement): boolean =>
  newestOf(({ node }) => node !== region && region.contains(node)) ||
  take(region.querySelector<HTMLElement>('[data-region-start]')) ||
  take(region.querySelector<HTMLElement>('[role="grid"] [tabindex="0"]')) ||
  [...region.querySelectorAll<HTMLElement>(FOCUSABLE)].some(take) ||
  take(region);

/**
 * Back to where the keyboard was before it came into the region that has it now; to the view, where that has gone.
 * @returns the region that was left; null: it stays where it is
 */
export const leaveRegion = (): string | null => {
  const region = document.activeElement?.closest(REGION);
  const here = nameOf(region);
  if (region == null || here === null || here === 'centre' || here === 'targets') return null;
  if (!newestOf((one) => one.region !== here)) restOnView();
  return here;
};

const restOnView = (): void => {
  // The view itself, none of its controls: what is not chosen is not pressed by the next Enter.
  take(document.querySelector<HTMLElement>('[data-region="centre"], [data-region="targets"]'));
};

/**
 * The keyboard never falls to the page's body: what had it may be taken away (a menu, a dialog, a pane, a row), and then it goes
 * to where it was before, in the same region where that is still there.
 * @returns the way out
 */
export const keepFocus = (): (() => void) => {
  const come = ({ target }: FocusEvent): void => {
    if (!(target instanceof HTMLElement)) return;
    been = [
      ...been.filter(({ node }) => node !== target && node.isConnected).slice(1 - MOST_BEEN),
      { node: target, region: nameOf(target.closest(REGION)) },
    ];
  };
  const giveBack = (): void => {
    const lost = been.at(-1);
    if (document.activeElement !== document.body || lost === undefined) return;
    // A press on no control lets the keyboard go; then it is where the hand wanted it.
    if (isSeen(lost.node)) return;
    const same = [...document.querySelectorAll<HTMLElement>(REGION)].find((one) => nameOf(one) === lost.region);
    const given =
      newestOf(({ region }) => region === lost.region) ||
      // The region as a whole where it can be: what came in place of what was lost is not pressed by the next Enter.
      (same !== undefined && isSeen(same) && (take(same) || enterRegion(same))) ||
      newestOf(() => true);
    if (!given) restOnView();
  };
  // A frame later: whoever took it away may know better where it goes.
  let waiting = 0;
  const observer = new MutationObserver(() => {
    if (document.activeElement !== document.body || waiting !== 0) return;
    waiting = requestAnimationFrame(() => {
      waiting = 0;
      giveBack();
    });
  });
  observer.observe(document.body, { childList: true, subtree: true });
  document.addEventListener('focusin', come);
  // What was hidden and not taken away is noticed by the next key.
  window.addEventListener('keydown', giveBack, true);
  return () => {
    observer.disconnect();
    cancelAnimationFrame(waiting);
    document.removeEventListener('focusin', come);
    window.removeEventListener('keydown', giveBack, true);
  };
};
