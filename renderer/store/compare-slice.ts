import type { Slice } from './state.ts';
import type { Stop } from './timeline-slice.ts';

/** Which stop the one on screen is compared with, and what the user calls stops. */
export interface CompareSlice {
  /** Number of stop A; null: the first stop. B is the stop on screen. */
  readonly pinned: number | null;
  readonly labels: ReadonlyMap<number, string>;
  pinStop(number: number | null): void;
  /** A becomes the stop on screen, and the one on screen A. */
  swapStops(): void;
  /** An empty text takes the label away. */
  labelStop(number: number, text: string): void;
}

export const NO_COMPARE: Pick<CompareSlice, 'pinned' | 'labels'> = { pinned: null, labels: new Map() };

const MAX_LABEL_CHARACTERS = 60;

export const pinnedIndex = (stops: readonly Stop[], pinned: number | null): number =>
  pinned === null ? Math.min(0, stops.length - 1) : stops.findIndex((stop) => stop.number === pinned);

export const createCompareSlice: Slice<CompareSlice> = (set, get) => ({
  ...NO_COMPARE,
  pinStop: (pinned) => set({ pinned }),
  swapStops() {
    const { stops, at, pinned } = get();
    const [a, b] = [pinnedIndex(stops, pinned), stops[at]];
    if (a < 0 || b === undefined) return;
    set({ pinned: b.number });
    get().goToStop(a);
  },
  labelStop: (number, text) =>
    set((state) => {
      const labels = new Map(state.labels);
      const label = text.trim().slice(0, MAX_LABEL_CHARACTERS);
      if (label === '') labels.delete(number);
      else labels.set(number, label);
      return { labels };
    }),
});
