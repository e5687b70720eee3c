import { needsStops } from '../store/base/availability.ts';
import { timeAxisRefusal } from '../store/select/time-axis.ts';
import type { State } from '../store/state/state.ts';
import { selectDifferences } from '../store/tiles/product-check.ts';
import { selectMemoryDifferences } from '../store/vcpu/memory-matrix.ts';
import { selectWrongStops } from '../store/vcpu/trace-slice.ts';
import { selectWatchable } from '../store/view/watch-slice.ts';
import type { Action } from './action.ts';
import { turnTab } from './turn-tab.ts';

const differencesShown = (state: State) =>
  state.product === null ? [] : selectDifferences(state.product.operands.c)(state);

const toDifference =
  (step: 1 | -1) =>
  (state: State): void => {
    const rows = differencesShown(state);
    const { product, selection } = state;
    if (product === null || rows.length === 0) return;
    const here = selection?.kind === 'tile' && selection.tile === product.operands.c ? selection : null;
    const at = here === null ? -1 : rows.findIndex(({ row, column }) => row === here.row && column === here.column);
    const next = rows[(at === -1 ? (step === 1 ? 0 : rows.length - 1) : at + step + rows.length) % rows.length];
    if (next === undefined) return;
    state.setTab('tiles');
    state.showTile(product.operands.c);
    state.selectElement(product.operands.c, next, false);
  };

const toMemoryDifference = (step: 1 | -1, state: State): boolean => {
  const places = selectMemoryDifferences(state);
  const { row, column } = state.memoryPlace;
  const isBehind = (place: { row: number; column: number }): boolean =>
    place.row > row || (place.row === row && place.column > column);
  const isBefore = (place: { row: number; column: number }): boolean =>
    place.row < row || (place.row === row && place.column < column);
  const next = step === 1 ? (places.find(isBehind) ?? places[0]) : (places.findLast(isBefore) ?? places.at(-1));
  if (next === undefined) return false;
  state.goToMemory(next);
  return true;
};

const toWrongStop = (step: 1 | -1, state: State): void => {
  const places = selectWrongStops(state);
  const next =
    step === 1
      ? (places.find((at) => at > state.at) ?? places[0])
      : (places.findLast((at) => at < state.at) ?? places.at(-1));
  if (next !== undefined) state.goToStop(next);
};

/** Of memory beside a tile, else of the product that is checked, else of those that a trace executed. */
const goToDifference =
  (step: 1 | -1): Action['run'] =>
  (store) => {
    const state = store.getState();
    if (toMemoryDifference(step, state)) return;
    if (differencesShown(state).length > 0) toDifference(step)(state);
    else toWrongStop(step, state);
  };

const nothingDiffers = (state: State): string | null =>
  differencesShown(state).length === 0 &&
  selectMemoryDifferences(state).length === 0 &&
  selectWrongStops(state).length === 0
    ? 'nothing differs: no product that is checked or traced, and no tile beside memory'
    : null;

/** The acts on the panes of the workbench, and on what they follow. */
export const PANE_ACTIONS: readonly Action[] = [
  {
    id: 'components',
    title: 'Components',
    group: 'View',
    glyph: 'list',
    refused: needsStops,
    run: (store) => {
      const { componentsOpen, componentsPinned, openComponents, pinComponents } = store.getState();
      if (componentsPinned) pinComponents(false);
      else openComponents(!componentsOpen);
    },
  },
  {
    id: 'program',
    title: 'Program, shown or folded',
    group: 'View',
    glyph: 'code',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'toggle', pane: 'program' }),
  },
  {
    id: 'inspector',
    title: 'Inspector, shown or folded',
    group: 'View',
    glyph: 'info',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'toggle', pane: 'inspector' }),
  },
  {
    id: 'watch-pane',
    title: 'Watch, shown or folded',
    group: 'View',
    glyph: 'eye',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'toggle', pane: 'watch' }),
  },
  {
    id: 'history-pane',
    title: 'History, shown or folded',
    group: 'View',
    glyph: 'flag',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'toggle', pane: 'history' }),
  },
  {
    id: 'find',
    title: 'Find a value or bytes',
    group: 'View',
    glyph: 'search',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'show', pane: 'find' }),
  },
  {
    id: 'plot',
    title: 'Plot what is selected',
    group: 'View',
    glyph: 'delta',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'toggle', pane: 'plot' }),
  },
  {
    id: 'difference',
    title: 'Difference of two tiles, full size',
    group: 'View',
    glyph: 'differs',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'show', pane: 'difference' }),
  },
  {
    id: 'register-file',
    title: 'Register file beside the view',
    group: 'View',
    glyph: 'list',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'toggle', pane: 'register-file' }),
  },
  {
    id: 'beside',
    title: 'Another stop, vCPU or target beside',
    group: 'View',
    glyph: 'swap',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'toggle', pane: 'beside' }),
  },
  {
    id: 'stops',
    title: 'List of stops',
    group: 'View',
    glyph: 'list',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'toggle', pane: 'stops' }),
  },
  {
    id: 'events',
    title: 'Events: what was written, what the guest raised, what has a label',
    group: 'View',
    glyph: 'flag',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'toggle', pane: 'events' }),
  },
  {
    id: 'calls',
    title: 'Calls, and the task',
    group: 'View',
    glyph: 'list',
    refused: (state) => (state.session?.kind === 'live' ? needsStops(state) : 'calls are those of a live guest'),
    run: (store) => store.getState().askWorkbench({ kind: 'toggle', pane: 'calls' }),
  },
  {
    id: 'breakpoints',
    title: 'Breakpoints',
    group: 'View',
    glyph: 'dot',
    refused: (state) => (state.session?.kind === 'file' ? 'a file does not run' : needsStops(state)),
    run: (store) => store.getState().askWorkbench({ kind: 'toggle', pane: 'breakpoints' }),
  },
  {
    id: 'next-tab',
    title: 'Next tab of the dock',
    group: 'View',
    glyph: 'arrow',
    refused: needsStops,
    run: (store) => turnTab(store, 1),
  },
  {
    id: 'previous-tab',
    title: 'Previous tab of the dock',
    group: 'View',
    glyph: 'arrow',
    refused: needsStops,
    run: (store) => turnTab(store, -1),
  },
  {
    id: 'time-axis',
    title: 'History by time, or stop by stop',
    group: 'View',
    glyph: 'flag',
    refused: timeAxisRefusal,
    run: (store) => store.getState().setTimeAxis(!store.getState().timeAxis),
  },
  {
    id: 'reset-layout',
    title: 'Reset layout',
    group: 'View',
    glyph: 'restore',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'reset' }),
  },
  {
    id: 'watch-selected',
    title: 'Watch what is selected',
    group: 'View',
    glyph: 'eye',
    refused: (state) =>
      needsStops(state) ?? (selectWatchable(state) === null ? 'nothing with a path is selected' : null),
    run: (store) => {
      const state = store.getState();
      const path = selectWatchable(state);
      if (path === null) return;
      state.watch(path);
      state.askWorkbench({ kind: 'show', pane: 'watch' });
    },
  },
  {
    id: 'next-difference',
    title: 'Next difference: of a product, or of memory from a tile',
    group: 'View',
    glyph: 'differs',
    refused: nothingDiffers,
    run: goToDifference(1),
  },
  {
    id: 'previous-difference',
    title: 'Previous difference: of a product, or of memory from a tile',
    group: 'View',
    glyph: 'differs',
    refused: nothingDiffers,
    run: goToDifference(-1),
  },
];
