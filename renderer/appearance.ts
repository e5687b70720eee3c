import { isDeterministic } from './fixed.ts';
import type { Remembered, Theme } from './store/view-slice.ts';

const PREFIX = 'tilescope.';

/** localStorage where the page may have it; a page that may not simply forgets. */
export const pageMemory: Remembered = {
  get(key) {
    try {
      return window.localStorage.getItem(PREFIX + key);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      window.localStorage.setItem(PREFIX + key, value);
    } catch {
      // Storage is off: the choice lasts for this window.
    }
  },
};

const asTheme = (text: string | null | undefined): Theme | null => (text === 'light' || text === 'dark' ? text : null);

/** The address wins, then what stands on <html> already, then what was chosen last, then what the desktop has. */
export const firstTheme = (): Theme =>
  asTheme(new URLSearchParams(window.location.search).get('theme')) ??
  asTheme(document.documentElement.dataset.theme) ??
  asTheme(pageMemory.get('theme')) ??
  // Where every run is to look the same the desktop has no say.
  (!isDeterministic() && window.matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark');

/** `?deterministic` fixes everything that differs between two runs, so that a screenshot is the same twice. */
export const markDeterministic = (): void => {
  if (new URLSearchParams(window.location.search).has('deterministic')) {
    document.documentElement.dataset.deterministic = '';
  }
};
