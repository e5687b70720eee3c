import { isDeterministic } from './fixed.ts';
import type { Remembered } from './store/base/remembered.ts';
import type { Theme } from './store/state/view.ts';
import { newTab, type TabName } from './store/vcpu/page-slice.ts';

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

/** The tab's own storage outlives a reload and a crash of the page, and nothing else. */
export const tabName: TabName = {
  get() {
    const fresh = newTab();
    try {
      const kept = window.sessionStorage.getItem(`${PREFIX}tab`);
      if (kept !== null) return kept;
      window.sessionStorage.setItem(`${PREFIX}tab`, fresh);
    } catch {
      // A page that may keep nothing does not come back to what it held.
    }
    return fresh;
  },
  set(name) {
    try {
      window.sessionStorage.setItem(`${PREFIX}tab`, name);
    } catch {
      // As above.
    }
  },
};

const asTheme = (text: string | null | undefined): Theme | null => (text === 'light' || text === 'dark' ? text : null);

const LIGHT = '(prefers-color-scheme: light)';

/** The address wins, then what stands on <html> already, then what was chosen last, then what the desktop has. */
export const firstTheme = (): Theme =>
  asTheme(new URLSearchParams(window.location.search).get('theme')) ??
  asTheme(document.documentElement.dataset.theme) ??
  asTheme(pageMemory.get('theme')) ??
  // Where every run is to look the same the desktop has no say.
  (!isDeterministic() && window.matchMedia(LIGHT).matches ? 'light' : 'dark');

/**
 * The desktop changes its colours while the page is open, in the evening: the page goes along until a theme is chosen in it.
 *
 * @returns ends it
 */
export const followDesktop = (follow: (theme: Theme) => void): (() => void) => {
  // The page says on <html> what it shows, which is no choice.
  if (isDeterministic() || new URLSearchParams(window.location.search).has('theme')) return () => undefined;
  const light = window.matchMedia(LIGHT);
  const onChange = (): void => {
    if (asTheme(pageMemory.get('theme')) === null) follow(light.matches ? 'light' : 'dark');
  };
  light.addEventListener('change', onChange);
  return () => light.removeEventListener('change', onChange);
};

/** `?deterministic` fixes everything that differs between two runs, so that a screenshot is the same twice. */
export const markDeterministic = (): void => {
  if (new URLSearchParams(window.location.search).has('deterministic')) {
    document.documentElement.dataset.deterministic = '';
  }
};
