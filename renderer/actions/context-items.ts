import { isMemoryPath } from '../../app/edit/memory-path.ts';
import { chordText, shownKey } from '../keys/chord.ts';
import { KEYMAP } from '../keys/keymap.ts';
import type { DebuggerStore } from '../store/debugger-store.ts';
import { lastChange } from '../store/select/last-change.ts';
import { selectCapture, selectEditRefusal } from '../store/select/selectors.ts';
import { memoryAtStop } from '../store/select/watched-memory.ts';
import { watchedText } from '../store/select/watched-text.ts';
import type { State } from '../store/state/state.ts';
import { selectMemoryBasePath, selectMemoryText } from '../store/vcpu/guest-slice.ts';
import { basesOf, baseWords } from '../store/view/bases.ts';
import { selectWatchable } from '../store/view/watch-slice.ts';
import type { Action } from './action.ts';
import { action } from './registry.ts';

/** One line of a context menu: an act of the registry, or one about the value that was pointed at. */
export interface ContextItem {
  readonly id: string;
  readonly label: string;
  /** As written: "Shift+F9". */
  readonly keys: string | null;
  readonly refused: string | null;
  /** A rule is drawn above it. */
  readonly begins: boolean;
  readonly run: () => void;
}

/** What was pointed at. */
export type ContextPlace = 'value' | 'memory' | 'stop' | 'component' | 'target' | 'model' | 'program' | 'elsewhere';

const ACTS: Readonly<Record<Exclude<ContextPlace, 'value' | 'memory'>, readonly (readonly string[])[]>> = {
  stop: [
    ['previous-stop', 'next-stop', 'beside'],
    ['capture', 'save-session', 'copy-as'],
  ],
  component: [
    ['overview', 'registers', 'tiles', 'compare'],
    ['restore', 'copy-as'],
  ],
  target: [['attach', 'attach-frozen'], ['refresh']],
  model: [['open-model']],
  program: [
    ['run-to-line', 'toggle-breakpoint'],
    ['step', 'step-over', 'step-out', 'run-until'],
    ['run-to-end', 'run-back'],
  ],
  elsewhere: [
    ['find', 'plot', 'beside'],
    ['copy-as', 'restore', 'reset-layout'],
  ],
};

const ofAction = (store: DebuggerStore, row: Action, begins: boolean): ContextItem => ({
  id: row.id,
  label: row.title,
  keys: shownKey(row.id),
  refused: row.refused(store.getState()),
  begins,
  run: () => row.run(store),
});

const actsOf = (store: DebuggerStore, groups: readonly (readonly string[])[]): readonly ContextItem[] =>
  groups.flatMap((ids, group) =>
    ids.flatMap((id, at) => {
      const row = action(id);
      return row === undefined ? [] : [ofAction(store, row, group > 0 && at === 0)];
    }),
  );

const copy = (text: string): void => {
  // A page without focus or permission is refused the clipboard; Ctrl+C on the value itself still copies.
  navigator.clipboard.writeText(text).catch(() => undefined);
};

const item = (id: string, label: string, more: Partial<ContextItem> & Pick<ContextItem, 'run'>): ContextItem => ({
  ...{ id, label, keys: null, refused: null, begins: false },
  ...more,
});

const editItem = (state: State, edit: (() => void) | null): readonly ContextItem[] =>
  edit === null
    ? []
    : [
        item('edit', 'Edit', {
          keys: chordText(KEYMAP.grid.edit.keys[0]),
          refused: selectEditRefusal(state),
          run: edit,
        }),
      ];

const baseItems = (state: State, path: string): readonly ContextItem[] =>
  basesOf(path)
    .filter((base) => base !== (state.bases.get(path) ?? 'own'))
    .map((base, at) =>
      item(`base-${base}`, baseWords(path, base), {
        keys: at === 0 ? chordText(KEYMAP.cell.base.keys[0]) : null,
        run: () => state.setBase(path, base),
      }),
    );

const copyItems = (path: string, text: string | null): readonly ContextItem[] => [
  item('copy-value', text === null || text.length > 24 ? 'Copy value' : `Copy ${text}`, {
    keys: chordText(KEYMAP.browser.copy.keys[0]),
    refused: text === null ? 'it was not read' : null,
    run: () => copy(text ?? ''),
  }),
  item('copy-path', `Copy ${path}`, { run: () => copy(path) }),
];

const plotItem = (state: State, path: string): ContextItem =>
  item('plot-value', 'Plot over the stops', { keys: shownKey('plot'), run: () => state.plotOverStops(path) });

/** The element of memory that the keyboard is on. */
const aboutMemory = (store: DebuggerStore, path: string, edit: (() => void) | null): readonly ContextItem[] => {
  const state = store.getState();
  return [
    ...editItem(state, edit),
    ...baseItems(state, selectMemoryBasePath(state) ?? path),
    ...copyItems(path, selectMemoryText(state)),
    ofAction(store, action('watch-selected'), true),
  ];
};

/** A watched place of memory. */
const aboutWatched = (store: DebuggerStore, path: string): readonly ContextItem[] => {
  const state = store.getState();
  return [
    ...baseItems(state, path),
    ...copyItems(path, memoryAtStop(state, path)?.text ?? null),
    plotItem(state, path),
    item('unwatch', 'Stop watching it', { begins: true, run: () => state.unwatch(path) }),
  ];
};

const aboutValue = (store: DebuggerStore, path: string, edit: (() => void) | null): readonly ContextItem[] => {
  if (isMemoryPath(path)) return aboutWatched(store, path);
  const state = store.getState();
  const capture = selectCapture(state);
  const text = capture === null ? null : watchedText(capture, path);
  const last = lastChange(state.stops, state.at, path);
  const type = /:(\w+?)(?::vnni)?\[/.exec(path)?.[1];
  return [
    ...editItem(state, edit),
    ...baseItems(state, path),
    ...copyItems(path, text),
    ofAction(store, action('watch-selected'), true),
    plotItem(state, path),
    item('find-value', 'Find this value', {
      keys: shownKey('find'),
      refused: text === null || type === undefined ? 'only an element is looked for' : null,
      run: () => {
        state.setFind(text ?? '', (type ?? 'u64') as Parameters<typeof state.setFind>[1]);
        state.askWorkbench({ kind: 'show', pane: 'find' });
      },
    }),
    item('last-change', last === null ? 'Go to its last change' : `Go to its last change, stop ${last.stop}`, {
      refused: last === null ? 'it has not changed since the first stop' : null,
      run: () => state.goToStop(state.stops.findIndex(({ number }) => number === last?.stop)),
    }),
    ...(state.staged.some((row) => row.path === path)
      ? [item('unstage', 'Undo this edit', { begins: true, run: () => state.unstage(path) })]
      : []),
    item('compare', 'Compare with A', { begins: true, keys: shownKey('compare'), run: () => state.setTab('compare') }),
  ];
};

/**
 * What can be done with what was pointed at, each with the key that does the same.
 * @param edit opens the editor of the value; null: it has none here
 * @param named the path that is written there; null: it is about what is selected
 */
export const contextItems = (
  store: DebuggerStore,
  place: ContextPlace,
  edit: (() => void) | null,
  named: string | null = null,
): readonly ContextItem[] => {
  const isValue = place === 'value' || place === 'memory';
  const path = isValue ? (named ?? selectWatchable(store.getState())) : null;
  if (path !== null) return (place === 'memory' ? aboutMemory : aboutValue)(store, path, edit);
  return actsOf(store, ACTS[isValue ? 'elsewhere' : place]);
};
