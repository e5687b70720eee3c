import { describeProblem } from '../../../app/bits/decoded.ts';
import type { Answer, DriveResult } from '../../../app/bridge.ts';
import { decodeSession } from '../../../app/session/session-document.ts';
import { undecodedRefusal } from '../base/ask.ts';
import type { State, VcpuPart } from '../state/state.ts';
import type { NewStop } from '../state/timeline.ts';
import { withCode, withStops } from './timeline-slice.ts';

/** A part of a trace: what is next where it began, and a stop for each instruction. */
interface TracedPart {
  readonly firstCode: Uint8Array | null;
  readonly stops: readonly NewStop[];
}

/** null: it is no trace. */
export const tracedStops = ({ traced }: DriveResult): Answer<TracedPart | null> => {
  if (traced === undefined) return { ok: true, value: null };
  const opened = decodeSession(traced);
  if (!opened.ok) {
    const why = describeProblem(opened.problem);
    return { ok: false, refusal: undecodedRefusal('The trace was made and cannot be shown', why) };
  }
  const [first, ...rest] = opened.value.stops;
  const stops = rest.map(({ capture, code = null }): NewStop => ({ capture, cause: 'step', write: null, code }));
  return { ok: true, value: { firstCode: first?.code ?? null, stops } };
};

/** The timeline with it behind its newest stop, from which it was made. */
export const withTraced = (state: State, { firstCode, stops }: TracedPart): VcpuPart => {
  const timeline = { history: state.history, ...withCode(state, firstCode) };
  return stops.length === 0 ? { stops: timeline.stops } : withStops(timeline, stops);
};
