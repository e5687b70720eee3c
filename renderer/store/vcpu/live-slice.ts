import type { Bridge, Refusal } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { refusal } from '../../../app/refusals/refusal.ts';
import { sameState } from '../../../app/session/same-state.ts';
import { received } from '../base/received.ts';
import type { Remembered } from '../base/remembered.ts';
import { askTold } from '../base/told.ts';
import { isRunning, isWatching } from '../select/run.ts';
import { LIVE_RATES, type LiveHz, type LiveSlice } from '../state/live.ts';
import type { Slice, State, VcpuPart } from '../state/state.ts';
import { createLiveLoop } from './live-loop.ts';
import { WATCH_HZ } from './run-until.ts';
import { withStop } from './timeline-slice.ts';

/** What the key and the palette turn on where no rate was chosen before. */
const USUAL_HZ: LiveHz = 10;

/** A file with more stops than twice this is not opened again, and the strip of stops says little long before. */
export const MOST_LIVE_STOPS = 50_000;

/** Of the time a guest's vCPU is refreshed live, it stands still for this part at most. */
const MOST_STOPPED = 0.01;

/** How often live refresh would read now; 0: it stands still. */
const refreshHz = (state: State): number =>
  state.pageShown && state.session?.kind === 'live' && isRunning(state) ? state.liveHz : 0;

const asRate = (text: string | null): LiveHz => LIVE_RATES.find((hz) => String(hz) === text) ?? 0;

const tooMany = (stops: number): Refusal =>
  refusal('too-many-stops', `Live refresh has stopped: the History holds ${stops} stops`, {
    remedy: 'Save the session, detach and attach again; Capture and Run until go on working',
  });

/** The state with a reading as its newest stop, where it differs from the one before. Who reads an earlier stop stays there. */
const withReading = (state: State, capture: Capture): VcpuPart => {
  const newest = state.stops.at(-1);
  if (newest !== undefined && sameState(newest.capture, capture)) return {};
  const next = withStop(state, { capture, cause: 'capture', write: null });
  return { ...next, at: state.at === state.stops.length - 1 ? next.at : state.at };
};

export const createLiveSlice =
  (bridge: Bridge, remembered: Remembered): Slice<LiveSlice> =>
  ({ getState: get, set, put, subscribe }) => {
    let refreshedMs = 0;
    let lastChosen = asRate(remembered.get('liveLast')) || USUAL_HZ;

    const refresh = (capture: Capture): void => {
      const hz = refreshHz(get());
      const nowMs = performance.now();
      // Where a condition is watched, readings come more often than they are to be shown.
      if (hz === 0 || (isWatching(get()) && nowMs - refreshedMs < 1000 / hz)) return;
      refreshedMs = nowMs;
      const { stops } = get();
      if (stops.length < MOST_LIVE_STOPS) put((state) => withReading(state, capture));
      else {
        const refusal = tooMany(stops.length);
        put({ refusal }, { liveHz: 0, liveStopped: refusal });
      }
    };

    /**
     * Past the state's `busy`, which would switch every button off and on: main takes one thing at a time on a vCPU. A
     * reading that comes back during another act is dropped, for the stop of that act is the newer one.
     */
    const read = async (): Promise<{ readonly pauseMs: number } | null> => {
      const { session, busy } = get();
      if (session === null || busy !== null) return null;
      const answer = await askTold(bridge, session.id, (have) => bridge.look(session.id, have));
      const now = get();
      if (now.busy !== null || now.session?.id !== session.id || !isRunning(now)) return null;
      const capture = answer.ok ? received(answer.value) : answer;
      if (!capture.ok) {
        const { refusal } = capture;
        put({ refusal }, now.liveHz === 0 ? {} : { liveHz: 0, liveStopped: refusal });
        get().endRunUntil(refusal.what);
        return null;
      }
      if (!get().watchReading(capture.value)) refresh(capture.value);
      return { pauseMs: Number(capture.value.facts.pauseNs ?? 0n) / 1e6 };
    };

    const loop = createLiveLoop({
      hz: () => Math.max(refreshHz(get()), isWatching(get()) ? WATCH_HZ : 0),
      read,
      // A condition that is watched is not to be missed.
      mostStopped: () => (isWatching(get()) ? null : MOST_STOPPED),
      tell: (pace) => {
        const { livePace: told } = get();
        if (told?.hz !== pace?.hz || told?.backsOffMs !== pace?.backsOffMs) set({ livePace: pace });
      },
    });
    subscribe(() => loop.nudge());

    return {
      liveHz: asRate(remembered.get('liveHz')),
      livePace: null,
      liveStopped: null,
      pageShown: false,
      setLive(liveHz) {
        remembered.set('liveHz', String(liveHz));
        if (liveHz !== 0) {
          lastChosen = liveHz;
          remembered.set('liveLast', String(liveHz));
        }
        set({ liveHz, liveStopped: null });
      },
      toggleLive: () => get().setLive(get().liveHz === 0 ? lastChosen : 0),
      notePage: (pageShown) => {
        if (get().pageShown !== pageShown) set({ pageShown });
      },
    };
  };
