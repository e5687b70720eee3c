import type { State } from '../store/state/state.ts';
import { TEXT_SIZES, type TextSize } from '../store/state/view.ts';
import type { Action } from './action.ts';

const besides = ({ textSize }: State, step: 1 | -1): TextSize | null =>
  TEXT_SIZES[TEXT_SIZES.indexOf(textSize) + step] ?? null;

/** Light and size of text. The latter has no keys: Ctrl with + and − is the browser's zoom, or that of the window's menu. */
export const APPEARANCE_ACTIONS: readonly Action[] = [
  {
    id: 'theme',
    title: 'Dark or light',
    group: 'View',
    glyph: 'sun',
    refused: () => null,
    run: (store) => store.getState().setTheme(store.getState().theme === 'dark' ? 'light' : 'dark'),
  },
  {
    id: 'text-larger',
    title: 'Larger text',
    group: 'View',
    glyph: 'eye',
    refused: (state) => (besides(state, 1) === null ? `text is at ${state.textSize} %, the largest` : null),
    run: (store) => {
      const next = besides(store.getState(), 1);
      if (next !== null) store.getState().setTextSize(next);
    },
  },
  {
    id: 'text-smaller',
    title: 'Smaller text',
    group: 'View',
    glyph: 'eye',
    refused: (state) => (besides(state, -1) === null ? 'text has its usual size, the smallest' : null),
    run: (store) => {
      const next = besides(store.getState(), -1);
      if (next !== null) store.getState().setTextSize(next);
    },
  },
  {
    id: 'text-usual',
    title: 'Text at its usual size',
    group: 'View',
    glyph: 'restore',
    refused: (state) => (state.textSize === 100 ? 'text has its usual size' : null),
    run: (store) => store.getState().setTextSize(100),
  },
];
