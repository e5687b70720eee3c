import type { DebuggerStore } from '../store/debugger-store.ts';

/** Soon enough that a reload loses nothing, and seldom enough that a run of steps is one text. */
const SOON_MS = 300;
/** Of the page's time that much goes into what is kept: a long history is written down less often. */
const ONE_PART_IN = 40;

/** Gives the host what the page holds whenever it has changed, and once more as the page goes. @returns the way out */
export const keepPage = (store: DebuggerStore): (() => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let tookMs = 0;
  const now = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const began = performance.now();
    void store.getState().keep();
    tookMs = performance.now() - began;
  };
  const unsubscribe = store.subscribe(() => {
    timer ??= setTimeout(now, Math.max(SOON_MS, tookMs * ONE_PART_IN));
  });
  const last = (): void => {
    if (timer !== undefined) now();
  };
  window.addEventListener('pagehide', last);
  return () => {
    unsubscribe();
    clearTimeout(timer);
    window.removeEventListener('pagehide', last);
  };
};
