import type { Capture } from '../../../app/capture/capture.ts';
import { type RunState, STANDS_STILL } from '../../../app/debug/run-state.ts';
import type { StopCause } from '../../../app/session/stop.ts';
import { BIT } from '../../../app/xsave/components.ts';
import type { Comparison } from '../state/compare.ts';
import type { VcpuPart } from '../state/state.ts';
import type { Session } from '../state/target.ts';
import type { OpenVcpu, VcpuState } from '../state/vcpus.ts';
import type { Selection } from '../state/view.ts';
import { NO_EDITS, NO_WRITES } from './edits-slice.ts';
import { noStops, withStop } from './timeline-slice.ts';

const NO_COMPARISON: Comparison = { pinned: null, labels: new Map(), source: { kind: 'stop' }, differencePath: null };

/** Nothing is open. Each has a history of its own. */
export const noVcpu = (): VcpuState => ({
  ...{
    session: null,
    refusal: null,
    overwritten: null,
    memoryAt: new Map(),
    resetClosed: 0,
    saved: null,
    saveDone: null,
  },
  ...{ modelEvents: [], position: null, lastRun: null, run: STANDS_STILL, outcome: null, hasRun: false },
  ...noStops(),
  ...NO_COMPARISON,
  ...NO_EDITS,
  writes: NO_WRITES,
});

/** A vCPU whose first stop is `capture`. */
export const newVcpu = (session: Session, capture: Capture, cause: Extract<StopCause, 'attach' | 'file'>): OpenVcpu => {
  const none = noVcpu();
  return { ...none, ...withStop(none, { capture, cause, write: null }), session };
};

/** A vCPU that runs, or no longer does. One that has ended runs no more, whatever an answer on its way says. */
export const withRun = (one: Pick<VcpuState, 'run' | 'hasRun'>, run: RunState): VcpuPart =>
  one.run.state === 'ended' ? {} : { run, hasRun: one.hasRun || run.state === 'running' };

/** What is selected where something has just been opened. */
export const FIRST_SELECTION: Selection = { kind: 'component', bit: BIT.SSE };
