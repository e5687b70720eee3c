import type { Refusal } from '../../../app/bridge.ts';

/** Readings a second that can be chosen; 0: off. */
export const LIVE_RATES = [0, 1, 2, 5, 10, 30] as const;

export type LiveHz = (typeof LIVE_RATES)[number];

export interface LiveSlice {
  /** Reads a vCPU that runs again and again, without freezing it. */
  readonly liveHz: LiveHz;
  /** The readings a second that there really are; null: not known. */
  readonly liveAchievedHz: number | null;
  /** Why live refresh has stopped by itself; null: it has not. */
  readonly liveStopped: Refusal | null;
  /** The page is on screen and may change by itself. It says so; until then nothing is refreshed. */
  readonly pageShown: boolean;
  setLive(hz: LiveHz): void;
  /** Off, or the rate that was chosen last. */
  toggleLive(): void;
  notePage(shown: boolean): void;
}
