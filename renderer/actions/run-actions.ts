import { NOT_ATTACHED, needsStops, TARGET_ENDED } from '../store/base/availability.ts';
import { hasEnded, isWaiting } from '../store/select/run.ts';
import type { State } from '../store/state/state.ts';
import { allStopRefusal } from '../store/vcpu/drive-slice.ts';
import { runUntilRefusal } from '../store/vcpu/run-until.ts';
import type { Action } from './action.ts';

const liveRefusal = (state: State): string | null => {
  const { session } = state;
  if (session === null) return NOT_ATTACHED;
  if (session.kind !== 'live') return 'only a live vCPU runs by itself';
  return hasEnded(state) ? TARGET_ENDED : null;
};

/** Where no instruction has the focus it is the one that comes next. */
const breakpointRefusal = ({ session, focusedLine, stops }: State): string | null =>
  session === null
    ? NOT_ATTACHED
    : session.kind === 'file'
      ? 'a file does not run'
      : focusedLine === null && stops.at(-1)?.capture.facts.general == null
        ? 'no instruction has the focus'
        : null;

/** Runs that are watched: until a condition holds, and a vCPU that is read again and again. */
export const RUN_ACTIONS: readonly Action[] = [
  {
    id: 'run-until',
    title: 'Run until…',
    group: 'Run',
    glyph: 'flag',
    refused: runUntilRefusal,
    run: (store) => store.getState().openRunUntil(),
  },
  {
    id: 'many-steps',
    title: 'Many steps…',
    group: 'Run',
    glyph: 'step',
    refused: runUntilRefusal,
    run: (store) => {
      store.getState().chooseExactRun('steps', {});
      store.getState().openRunUntil();
    },
  },
  {
    id: 'toggle-breakpoint',
    title: 'Breakpoint at the focused instruction',
    group: 'Run',
    glyph: 'dot',
    refused: breakpointRefusal,
    run: (store) => {
      const { focusedLine, stops, toggleBreakpoint } = store.getState();
      const rip = stops.at(-1)?.capture.facts.general?.rip;
      const address = focusedLine ?? (rip === undefined ? null : `0x${rip.toString(16)}`);
      if (address !== null) toggleBreakpoint(address);
    },
  },
  {
    id: 'trace',
    title: 'Trace…',
    group: 'Run',
    glyph: 'trace',
    refused: needsStops,
    run: (store) => store.getState().askWorkbench({ kind: 'show', pane: 'trace' }),
  },
  {
    id: 'stop-waiting',
    title: 'Stop waiting for the condition',
    group: 'Run',
    glyph: 'cross',
    refused: (state) => (isWaiting(state) ? null : 'nothing is waited for'),
    run: (store) => store.getState().stopRunUntil(),
  },
  {
    id: 'all-stop',
    title: 'Hold the other vCPUs while one is driven, or let them run on',
    group: 'Run',
    glyph: 'pause',
    refused: allStopRefusal,
    run: (store) => store.getState().toggleAllStop(),
  },
  {
    id: 'live',
    title: 'Live refresh, on or off',
    group: 'Run',
    glyph: 'eye',
    refused: liveRefusal,
    run: (store) => store.getState().toggleLive(),
  },
];
