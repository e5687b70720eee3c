import { BUSY, busyRefusal, NOT_ATTACHED, needsStops, TARGET_ENDED } from '../store/base/availability.ts';
import { hasEnded, hasHalted, isDriving, isFrozen, isRunning, isStepping } from '../store/select/run.ts';
import { selectApplyRefusal } from '../store/select/selectors.ts';
import type { State } from '../store/state/state.ts';
import { driveRefusal } from '../store/vcpu/drive-slice.ts';
import type { Action } from './action.ts';
import { APPEARANCE_ACTIONS } from './appearance-actions.ts';
import { COMPARE_ACTIONS, writeWalkRefusal } from './compare-actions.ts';
import { PANE_ACTIONS } from './pane-actions.ts';
import { focusFilter, moveRegion } from './regions.ts';
import { RESTORE_ACTIONS } from './restore-actions.ts';
import { RUN_ACTIONS } from './run-actions.ts';
import { SESSION_ACTIONS } from './session-actions.ts';
import { showView } from './show-view.ts';
import { TARGET_ACTIONS } from './target-actions.ts';

const always = (): null => null;

const needsLive = (state: State): string | null => {
  if (state.session === null) return NOT_ATTACHED;
  if (state.session.kind === 'file') return 'a file does not run';
  if (hasEnded(state)) return TARGET_ENDED;
  return busyRefusal(state.busy);
};
const needsModel = (state: State): string | null => {
  if (state.session?.kind !== 'model') return 'only a model or a live vCPU can be stepped';
  if (hasEnded(state)) return TARGET_ENDED;
  if (hasHalted(state)) return 'the program has halted';
  return null;
};
const stepRefusal = (state: State): string | null => {
  if (state.session?.kind === 'live') return driveRefusal(state);
  // A step under way takes the next one along.
  const isFree = state.busy === null || state.busy === 'step';
  return needsModel(state) ?? (isStepping(state) ? 'the program is running' : isFree ? null : BUSY);
};

export const ACTIONS: readonly Action[] = [
  {
    id: 'continue',
    title: 'Continue',
    group: 'Run',
    glyph: 'play',
    refused: (state) =>
      (state.session?.kind === 'model' ? needsModel(state) : needsLive(state)) ??
      (isRunning(state) ? 'already running' : null),
    run: (store) => {
      const state = store.getState();
      void (state.session?.kind === 'model' ? state.runToEnd() : state.continueLive());
    },
  },
  {
    id: 'freeze',
    title: 'Pause',
    group: 'Run',
    glyph: 'pause',
    refused: (state) => {
      if (isDriving(state)) return null;
      return (
        (state.session?.kind !== 'model' ? needsLive(state) : hasEnded(state) ? TARGET_ENDED : null) ??
        (isFrozen(state) ? 'already stopped' : null)
      );
    },
    run: (store) => {
      const state = store.getState();
      if (isDriving(state)) state.stopDriving();
      else if (state.session?.kind === 'model') state.pauseModel();
      else void state.freeze();
    },
  },
  {
    id: 'capture',
    title: 'Capture',
    group: 'Run',
    glyph: 'capture',
    refused: needsLive,
    run: (store) => void store.getState().capture(),
  },
  {
    id: 'step',
    title: 'Step',
    group: 'Run',
    glyph: 'step',
    refused: stepRefusal,
    run: (store) => {
      const state = store.getState();
      void (state.session?.kind === 'live' ? state.driveSteps(1) : state.step(1));
    },
  },
  {
    id: 'step-over',
    title: 'Step over',
    group: 'Run',
    glyph: 'stepOver',
    refused: stepRefusal,
    run: (store) => {
      const state = store.getState();
      // A model's program calls nothing and repeats nothing.
      void (state.session?.kind === 'live' ? state.stepAlong('over') : state.step(1));
    },
  },
  {
    id: 'step-out',
    title: 'Step out',
    group: 'Run',
    glyph: 'stepOut',
    refused: (state) =>
      state.session?.kind === 'model' ? 'a model’s program calls nothing to step out of' : stepRefusal(state),
    run: (store) => void store.getState().stepAlong('out'),
  },
  {
    id: 'run-to-line',
    title: 'Run to the focused instruction',
    group: 'Run',
    glyph: 'toEnd',
    refused: (state) => stepRefusal(state) ?? (state.focusedLine === null ? 'no instruction has the focus' : null),
    run: (store) => {
      const state = store.getState();
      const { focusedLine: address } = state;
      if (address === null) return;
      void (state.session?.kind === 'live' ? state.runToAddress(address) : state.runModelTo(address));
    },
  },
  {
    id: 'run-to-end',
    title: 'Run to end',
    group: 'Run',
    glyph: 'toEnd',
    refused: (state) => needsModel(state) ?? (isStepping(state) ? 'already running' : null),
    run: (store) => void store.getState().runToEnd(),
  },
  {
    id: 'run-back',
    title: 'Take the run back',
    group: 'Run',
    glyph: 'undo',
    refused: (state) =>
      state.session?.kind !== 'model'
        ? 'only the run of a model can be taken back'
        : state.lastRun === null
          ? 'no run was made'
          : state.lastRun.ended !== state.stops.length
            ? 'something was done since the run'
            : isStepping(state)
              ? 'the program is running'
              : state.busy === null
                ? null
                : BUSY,
    run: (store) => void store.getState().takeRunBack(),
  },
  ...RUN_ACTIONS,
  {
    id: 'apply',
    title: 'Apply',
    group: 'Edit',
    glyph: 'check',
    refused: selectApplyRefusal,
    run: (store) => void store.getState().apply(),
  },
  {
    id: 'discard',
    title: 'Discard staged edits',
    group: 'Edit',
    glyph: 'cross',
    refused: (state) => (state.staged.length === 0 ? 'nothing is staged' : null),
    run: (store) => store.getState().discard(),
  },
  {
    id: 'undo',
    title: 'Undo',
    group: 'Edit',
    glyph: 'undo',
    refused: (state) => (state.done.length > 0 ? null : writeWalkRefusal(state, 'undo')),
    run: (store) => store.getState().undo(),
  },
  {
    id: 'redo',
    title: 'Redo',
    group: 'Edit',
    glyph: 'redo',
    refused: (state) => (state.undone.length > 0 ? null : writeWalkRefusal(state, 'redo')),
    run: (store) => store.getState().redo(),
  },
  ...RESTORE_ACTIONS,
  {
    id: 'overview',
    title: 'Overview',
    group: 'View',
    glyph: 'arrow',
    refused: needsStops,
    run: showView('overview'),
  },
  {
    id: 'registers',
    title: 'Registers',
    group: 'View',
    glyph: 'arrow',
    refused: needsStops,
    run: showView('registers'),
  },
  {
    id: 'tiles',
    title: 'Tiles',
    group: 'View',
    glyph: 'arrow',
    refused: needsStops,
    run: showView('tiles'),
  },
  {
    id: 'memory',
    title: 'Memory',
    group: 'View',
    glyph: 'arrow',
    refused: (state) =>
      state.session?.kind === 'file' ? 'a file of the vCPU’s state has no memory' : needsStops(state),
    run: showView('memory'),
  },
  {
    id: 'xfd',
    title: 'XFD',
    group: 'View',
    glyph: 'lock',
    refused: needsStops,
    run: showView('xfd'),
  },
  ...COMPARE_ACTIONS,
  ...SESSION_ACTIONS,
  {
    id: 'previous-stop',
    title: 'Previous stop',
    group: 'View',
    glyph: 'chevronRight',
    refused: (state) => (state.at <= 0 ? 'this is the first stop' : null),
    run: (store) => store.getState().goToStop(store.getState().at - 1),
  },
  {
    id: 'next-stop',
    title: 'Next stop',
    group: 'View',
    glyph: 'chevronRight',
    refused: (state) => (state.at >= state.stops.length - 1 ? 'this is the newest stop' : null),
    run: (store) => store.getState().goToStop(store.getState().at + 1),
  },
  {
    id: 'flip',
    title: 'Flip the lane order',
    group: 'View',
    glyph: 'swap',
    refused: needsStops,
    run: (store) => store.getState().flipLanes(),
  },
  ...PANE_ACTIONS,
  ...APPEARANCE_ACTIONS,
  {
    id: 'next-region',
    title: 'Next region',
    group: 'View',
    glyph: 'arrow',
    refused: always,
    run: () => moveRegion(1),
  },
  {
    id: 'previous-region',
    title: 'Previous region',
    group: 'View',
    glyph: 'arrow',
    refused: always,
    run: () => moveRegion(-1),
  },
  {
    id: 'filter',
    title: 'Filter',
    group: 'View',
    glyph: 'search',
    refused: always,
    run: focusFilter,
  },
  ...TARGET_ACTIONS,
  {
    id: 'palette',
    title: 'Search',
    group: 'Help',
    glyph: 'search',
    refused: always,
    run: (store) => store.getState().setOverlay({ kind: 'palette' }),
  },
  {
    id: 'help',
    title: 'Keys',
    group: 'Help',
    glyph: 'help',
    refused: always,
    run: (store) => store.getState().setOverlay({ kind: 'help' }),
  },
];

export const action = (id: string): Action => {
  const found = ACTIONS.find((row) => row.id === id);
  if (found === undefined) throw new Error(`Tilescope fault: no action ${id}`);
  return found;
};
