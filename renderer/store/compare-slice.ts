import { describeProblem } from '../../app/bits/decoded.ts';
import type { Bridge, OpenFile } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { decodeCapture } from '../../app/session/document.ts';
import { ask, undecodedRefusal } from './ask.ts';
import type { Slice, State } from './state.ts';
import type { Stop } from './timeline-slice.ts';

/** Where A comes from: a stop of this vCPU, a stop of another attached one, a file. B is the stop on screen. */
export type CompareSource =
  | { readonly kind: 'stop' }
  | { readonly kind: 'vcpu'; readonly vcpu: number; readonly number: number }
  | { readonly kind: 'file' };

/** A state of a file that was read to be compared with; no session is open about it. */
export interface CompareFile {
  readonly name: string;
  readonly file: OpenFile;
  /** The number of the state within the file. */
  readonly state: number;
  readonly capture: Capture;
  /** The bytes, for another of its states and to restore from; '' names the file that the host was started with. */
  readonly base64: string;
}

/** What the stops of one vCPU are compared with, and what the user calls them. */
export interface Comparison {
  /** Number of stop A; null: the first stop. B is the stop on screen. */
  readonly pinned: number | null;
  readonly labels: ReadonlyMap<number, string>;
  readonly source: CompareSource;
  /** The value that differs and is looked at, as in its row; null: none is chosen. */
  readonly differencePath: string | null;
}

export interface CompareSlice extends Comparison {
  /** One for the window: every vCPU can be compared with it. */
  readonly compareFile: CompareFile | null;
  readonly compareFileBusy: boolean;
  chooseDifference(path: string): void;
  pinStop(number: number | null): void;
  compareWithVcpu(vcpu: number, number: number): void;
  /** The file that was read last is A again. */
  pinFile(): void;
  /** Reads a file of the page, or another state of it; an empty text names the file that the host was started with. */
  compareWithFile(name: string, base64: string, state: number | null): Promise<void>;
  /** A becomes the stop on screen, and the one on screen A; where A is on another vCPU, that one comes on screen. */
  swapStops(): void;
  /** An empty text takes the label away. */
  labelStop(number: number, text: string): void;
}

const MAX_LABEL_CHARACTERS = 60;

export const pinnedIndex = (stops: readonly Stop[], pinned: number | null): number =>
  pinned === null ? Math.min(0, stops.length - 1) : indexOfStop(stops, pinned);

/** Stops are numbered in order, so that the place follows from the number; −1: there is no such stop. */
export const indexOfStop = (stops: readonly Stop[], number: number): number => {
  const near = number - (stops[0]?.number ?? 1);
  return stops[near]?.number === number ? near : stops.findIndex((stop) => stop.number === number);
};

export const createCompareSlice =
  (bridge: Bridge): Slice<Omit<CompareSlice, keyof Comparison>> =>
  (set, get) => {
    const swapWithVcpu = async (vcpu: number, number: number): Promise<void> => {
      const { session, stops, at } = get();
      const b = stops[at];
      if (session === null || b === undefined) return;
      await get().switchVcpu(vcpu);
      if (get().session?.vcpu !== vcpu) return;
      get().goToStop(indexOfStop(get().stops, number));
      get().compareWithVcpu(session.vcpu, b.number);
    };

    return {
      compareFile: null,
      compareFileBusy: false,
      chooseDifference: (differencePath) =>
        set((state) => (state.differencePath === differencePath ? {} : { differencePath })),
      pinStop: (pinned) => set({ pinned, source: { kind: 'stop' } }),
      compareWithVcpu: (vcpu, number) => set({ source: { kind: 'vcpu', vcpu, number } }),
      pinFile: () => set((state) => (state.compareFile === null ? {} : { source: { kind: 'file' } })),
      async compareWithFile(name, base64, state) {
        const asked = get();
        if (asked.compareFileBusy) return;
        set({ compareFileBusy: true });
        const answer = await ask(() => bridge.readState(name, base64, state, ''));
        const capture = answer.ok ? decodeCapture(answer.value.capture) : null;
        if (!answer.ok || capture === null) {
          set({ compareFileBusy: false, refusal: answer.ok ? null : answer.refusal });
          return;
        }
        if (!capture.ok) {
          const refusal = undecodedRefusal(`${name} cannot be compared with`, describeProblem(capture.problem));
          set({ compareFileBusy: false, refusal });
          return;
        }
        const { file } = answer.value;
        const first = (file.kind === 'session' ? file.states.at(-1) : file.states[0])?.vcpu ?? 0;
        set((now: State) => ({
          compareFileBusy: false,
          compareFile: { name, file, state: state ?? first, capture: capture.value, base64 },
          // Another A that was chosen while the file was read stands, as does the A of a vCPU that came on screen.
          source: now.session?.id === asked.session?.id && now.source === asked.source ? { kind: 'file' } : now.source,
          refusal: now.refusal?.code === 'undecodable' ? null : now.refusal,
        }));
      },
      swapStops() {
        const { stops, at, pinned, source } = get();
        if (source.kind === 'file') return;
        if (source.kind === 'vcpu') {
          void swapWithVcpu(source.vcpu, source.number);
          return;
        }
        const [a, b] = [pinnedIndex(stops, pinned), stops[at]];
        if (a < 0 || b === undefined) return;
        set({ pinned: b.number });
        get().goToStop(a);
      },
      labelStop: (number, text) =>
        set((state) => {
          const label = text.trim().slice(0, MAX_LABEL_CHARACTERS);
          if ((state.labels.get(number) ?? '') === label) return {};
          const labels = new Map(state.labels);
          if (label === '') labels.delete(number);
          else labels.set(number, label);
          return { labels };
        }),
    };
  };
