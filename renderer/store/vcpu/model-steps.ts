import { fromHexInOrder } from '../../../app/bits/bytes.ts';
import type { Answer, Bridge, ModelEvent, ModelPosition, SessionId } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { HALTED } from '../../../app/debug/run-state.ts';
import { received } from '../base/received.ts';
import { askTold } from '../base/told.ts';
import type { State, VcpuPart } from '../state/state.ts';
import { withCode, withStep } from './timeline-slice.ts';
import { withRun } from './vcpu.ts';

/** One answer of the model guest: where it stands now, and what it raised on the way. */
export interface Stepped {
  readonly capture: Capture;
  readonly event: ModelEvent | null;
  /** The guest has halted. */
  readonly ended: boolean;
  /** The bytes of what was executed, where it was one instruction. */
  readonly code: Uint8Array | null;
  readonly position: ModelPosition;
}

/** Asks the host for steps of a model; what the page has already is not sent again. */
export const requestSteps = async (bridge: Bridge, session: SessionId, count: number): Promise<Answer<Stepped>> => {
  const answer = await askTold(bridge, session, (have) => bridge.step(session, count, have));
  if (!answer.ok) return answer;
  const { capture: document, event, ended, executed, at, total, disassembly } = answer.value;
  const capture = received(document, 'The step was made and cannot be shown');
  if (!capture.ok) return capture;
  const code = executed === null ? null : fromHexInOrder(executed);
  return { ok: true, value: { capture: capture.value, event, ended, code, position: { at, total, disassembly } } };
};

/** The state with a stop for each answer, the last of them on screen. */
export const withSteps = (state: State, steps: readonly Stepped[]): VcpuPart => {
  const last = steps.at(-1);
  if (last === undefined) return {};
  let timeline: Pick<State, 'stops' | 'at' | 'keptBytes'> = state;
  const modelEvents = [...state.modelEvents];
  for (const { capture, event, code } of steps) {
    const before = { history: state.history, stops: timeline.stops };
    timeline = withStep(before, code, { capture, cause: 'step', write: null });
    if (event !== null) modelEvents.push({ ...event, stop: timeline.stops.at(-1)?.number ?? 0 });
  }
  const { stops, at, keptBytes } = timeline;
  const halted = last.ended ? withRun(state, HALTED) : {};
  return { stops, at, keptBytes, modelEvents, position: last.position, ...halted };
};

/** The state without the stops behind the first `count`, and without what was said of them. */
export const withoutStops = (state: State, count: number): VcpuPart => {
  // What was executed from the last of them is gone with the stop that it led to.
  const { stops } = withCode({ history: state.history, stops: state.stops.slice(0, count) }, null);
  const last = stops.at(-1)?.number ?? 0;
  return {
    stops,
    at: stops.length - 1,
    labels: new Map([...state.labels].filter(([number]) => number <= last)),
    pinned: state.pinned !== null && state.pinned > last ? null : state.pinned,
    modelEvents: state.modelEvents.filter(({ stop }) => stop <= last),
    memoryAt: new Map([...state.memoryAt].filter(([number]) => number <= last)),
    staged: [],
    done: [],
    undone: [],
    editor: null,
  };
};
