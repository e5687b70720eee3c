import type { Refusal } from '../../../app/bridge.ts';

/** Readings a second that can be chosen; 0: off. */
export const LIVE_RATES = [0, 1, 2, 5, 10, 30] as const;

export type LiveHz = (typeof LIVE_RATES)[number];

/** What comes about; null: it is not known yet, or nothing is read. */
export interface LivePace {
  /** Readings a second, as a whole number; of fewer than one with one decimal. */
  readonly hz: number;
  /** Readings come less often than they are wanted, for each stops the vCPU so long; null: they do not for that. */
  readonly backsOffMs: number | null;
}

export interface LiveSlice {
  /** Reads a vCPU that runs again and again, without freezing it. */
  readonly liveHz: LiveHz;
  /** The readings a second that there really are, and whether they are fewer than chosen so that the guest is not held up; null: not known. */
  readonly livePace: LivePace | null;
  /** Why live refresh has stopped by itself; null: it has not. */
  readonly liveStopped: Refusal | null;
  /** The page is on screen and may change by itself. It says so; until then nothing is refreshed. */
  readonly pageShown: boolean;
  setLive(hz: LiveHz): void;
  /** Off, or the rate that was chosen last. */
  toggleLive(): void;
  notePage(shown: boolean): void;
}
