import { type Decoded, decoded } from '../../../app/bits/decoded.ts';
import type { SessionDocument } from '../../../app/bridge.ts';
import {
  decodeSession,
  type SavedBreakpoint,
  type SavedSession,
  sessionText,
} from '../../../app/session/session-document.ts';
import { guestKey } from '../select/guest-key.ts';
import type { SavedAbout, SavedSlice } from '../state/saved-session.ts';
import type { Slice, State } from '../state/state.ts';
import type { Session } from '../state/target.ts';
import type { Timeline } from '../state/timeline.ts';
import { timelineOf } from './timeline-slice.ts';

export const createSavedSlice: Slice<SavedSlice> = ({ put }) => ({
  noteSaved: (saveDone) => put({ saveDone }),
});

type SavedTimeline = Pick<Timeline, 'history' | 'stops' | 'at' | 'keptBytes'> &
  Pick<State, 'labels' | 'pinned' | 'staged' | 'modelEvents'>;

/** All stops of a saved session with their labels, the pin, and what was staged over the last; that one is on screen. */
export const savedTimeline = (
  document: SessionDocument,
): Decoded<SavedAbout & { readonly timeline: SavedTimeline; readonly breakpoints: State['breakpoints'] }> => {
  const opened = decodeSession(document);
  if (!opened.ok) return opened;
  const { product, savedAtMs, pinned, staged, stops, history, breakpoints = [] } = opened.value;
  const labels = new Map(stops.flatMap(({ number, label }) => (label === null ? [] : [[number, label] as const])));
  const modelEvents = stops.flatMap(({ number, event }) => (event == null ? [] : [{ ...event, stop: number }]));
  const timeline = { ...timelineOf(history, stops), labels, pinned, staged, modelEvents };
  return decoded({
    product,
    savedAtMs,
    timeline,
    breakpoints: breakpoints.map((one) => ({ ...one, hits: one.hits ?? 0 })),
  });
};

/** Those of the guest whose timeline it is. */
const breakpointsOf = (
  state: Partial<Pick<State, 'breakpoints' | 'breakpointsOf' | 'session'>>,
): readonly SavedBreakpoint[] =>
  state.session != null && guestKey(state.session) === state.breakpointsOf ? (state.breakpoints ?? []) : [];

/** The timeline on screen as it is to be saved. */
export const sessionToSave = (
  state: Pick<State, 'stops' | 'labels' | 'pinned' | 'staged' | 'modelEvents' | 'hostFacts'> &
    Partial<Pick<State, 'breakpoints' | 'breakpointsOf' | 'session'>>,
  savedAtMs: number,
): SavedSession => {
  const events = new Map(state.modelEvents.map(({ stop, kind, text }) => [stop, { kind, text }]));
  return {
    product: state.hostFacts?.product ?? 'Tilescope',
    savedAtMs,
    pinned: state.pinned,
    staged: state.staged,
    breakpoints: breakpointsOf(state),
    stops: state.stops.map((stop) => ({
      number: stop.number,
      cause: stop.cause,
      label: state.labels.get(stop.number) ?? null,
      write: stop.write,
      event: events.get(stop.number) ?? null,
      code: stop.code,
      kept: stop.kept,
      // Only where somebody asks for it: never all stops at once.
      get capture() {
        return stop.capture;
      },
    })),
  };
};

/** A name that every file system takes: VMM, name, vCPU and the time in UTC. */
export const sessionFileName = ({ vmm, name, vcpu }: Session, savedAtMs: number): string => {
  const time = new Date(savedAtMs)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:]/g, '');
  const words = [vmm, name.replace(/^.*\//, ''), `vcpu${vcpu}`]
    .map((word) => word.replaceAll(/[^A-Za-z0-9._]+/g, '-').replaceAll(/^[-.]+|-+$/g, ''))
    .filter((word) => word !== '');
  return `${words.join('-').toLowerCase().slice(0, 120)}-${time}.session.json`;
};

const encoder = new TextEncoder();

/** A session as a file to be saved. */
export interface SessionFile {
  readonly fileName: string;
  readonly bytes: Uint8Array;
  readonly stops: number;
}

/** The file of the session on screen; null where nothing is open. */
export const sessionFile = (state: State, savedAtMs: number): SessionFile | null => {
  if (state.session === null || state.stops.length === 0) return null;
  return {
    fileName: sessionFileName(state.session, savedAtMs),
    bytes: encoder.encode(sessionText(sessionToSave(state, savedAtMs))),
    stops: state.stops.length,
  };
};
