/**
 * The focus never falls to the body: where what had it is taken out of the page (a pane closed, a row gone, a button that has
 * done its work) it goes to the start of the region that it was in, or to the view.
 */
export const guardFocus = (): (() => void) => {
  let last: { readonly node: Element; readonly region: string | null } | null = null;
  const note = (event: FocusEvent): void => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    last = { node: target, region: target.closest('[data-region]')?.getAttribute('data-region') ?? null };
  };
  const home = (region: string | null): HTMLElement | null => {
    const own = region === null ? null : document.querySelector<HTMLElement>(`[data-region="${CSS.escape(region)}"]`);
    const place = own ?? document.querySelector<HTMLElement>('[data-region="centre"]');
    if (place === null) return null;
    return (
      place.querySelector<HTMLElement>('[data-region-start]') ??
      place.querySelector<HTMLElement>('button:not([tabindex="-1"]), [tabindex="0"]') ??
      place
    );
  };
  let pending = false;
  const look = (): void => {
    pending = false;
    if (last === null || last.node.isConnected || document.activeElement !== document.body) return;
    const { region } = last;
    last = null;
    home(region)?.focus({ preventScroll: true });
  };
  const observer = new MutationObserver(() => {
    if (pending || last === null || last.node.isConnected) return;
    pending = true;
    // After whoever took it away has had the chance to say where the focus goes.
    requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(look)));
  });
  observer.observe(document.body, { childList: true, subtree: true });
  document.addEventListener('focusin', note);
  return () => {
    observer.disconnect();
    document.removeEventListener('focusin', note);
  };
};
