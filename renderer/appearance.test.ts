import { expect, test } from 'vitest';
import { firstTheme, followDesktop } from './appearance.ts';
import { createDebuggerStore } from './store/debugger-store.ts';
import { createFakeBridge } from './testing/fake-bridge.ts';

/** A page of a browser whose desktop is light or dark, and which remembers. */
const page = (search = '') => {
  const memory = new Map<string, string>();
  const heard = new Set<() => void>();
  const desktop = { matches: false };
  const dataset: Record<string, string> = {};
  const listeners = {
    addEventListener: (_: string, one: () => void) => heard.add(one),
    removeEventListener: (_: string, one: () => void) => heard.delete(one),
  };
  Object.assign(globalThis, {
    document: { documentElement: { dataset } },
    window: {
      location: { search },
      localStorage: {
        getItem: (key: string) => memory.get(key) ?? null,
        setItem: (key: string, value: string) => memory.set(key, value),
      },
      matchMedia: () =>
        Object.assign(
          Object.create({
            get matches() {
              return desktop.matches;
            },
          }),
          listeners,
        ),
    },
  });
  const turn = (isLight: boolean): void => {
    desktop.matches = isLight;
    for (const one of heard) one();
  };
  return { memory, turn, dataset, heard };
};

const opened = () => createDebuggerStore(createFakeBridge(), undefined, firstTheme());

test('[U29] the theme is the desktop’s, at first and while the page is open, until one is chosen', () => {
  const { memory, turn } = page();
  turn(true);
  const store = opened();
  expect(store.getState().theme).toBe('light');
  followDesktop((theme) => store.getState().followTheme(theme));
  turn(false);
  expect(store.getState().theme).toBe('dark');
  expect(memory.size).toBe(0);
  memory.set('tilescope.theme', 'dark');
  turn(true);
  expect(store.getState().theme).toBe('dark');
  expect(firstTheme()).toBe('dark');
});

test('[U29] where the address names a theme, and where every run is to look the same, the desktop has no say', () => {
  const named = page('?theme=dark');
  followDesktop(() => undefined);
  expect(named.heard.size).toBe(0);
  expect(firstTheme()).toBe('dark');
  const fixed = page();
  fixed.dataset.deterministic = '';
  fixed.turn(true);
  followDesktop(() => undefined);
  expect([fixed.heard.size, firstTheme()]).toEqual([0, 'dark']);
});
