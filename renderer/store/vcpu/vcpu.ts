import type { Capture } from '../../../app/capture/capture.ts';
import type { StopCause } from '../../../app/session/stop.ts';
import { BIT } from '../../../app/xsave/components.ts';
import type { Comparison } from '../state/compare.ts';
import type { ParkedVcpu, VcpuState } from '../state/parked.ts';
import type { State } from '../state/state.ts';
import { NO_EDITS, NO_WRITES } from './edits-slice.ts';
import { noStops, withStop } from './timeline-slice.ts';

const NO_COMPARISON: Comparison = { pinned: null, labels: new Map(), source: { kind: 'stop' }, differencePath: null };

/** Nothing is open. Each has a history of its own. */
export const noVcpu = (): VcpuState => ({
  ...{ session: null, refusal: null, overwritten: null, resetClosed: 0, saveDone: null, modelEvents: [] },
  ...noStops(),
  ...NO_COMPARISON,
  ...NO_EDITS,
  writes: NO_WRITES,
});

/** A vCPU whose first stop is `capture`; the session it belongs to is the caller's to set. */
export const newVcpu = (
  capture: Capture,
  cause: Extract<StopCause, 'attach' | 'file'>,
): Omit<VcpuState, 'session' | 'refusal'> & Pick<State, 'selection'> => {
  const { session: _, refusal: __, ...none } = noVcpu();
  const first = withStop(none, { capture, cause, write: null });
  return { ...none, ...first, selection: { kind: 'component', bit: BIT.SSE } };
};

const KEYS = Object.keys(noVcpu()) as readonly (keyof VcpuState)[];

/** All that the vCPU on screen has of its own, to be kept aside; null where none is. */
export const vcpuOnScreen = (state: State): ParkedVcpu | null =>
  state.session === null ? null : (Object.fromEntries(KEYS.map((key) => [key, state[key]])) as unknown as ParkedVcpu);
