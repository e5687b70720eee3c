/** Until when a verb drives a guest: what is under way ends in order, and what it has brought is kept. */
export interface DriveLimit {
  /** Its time is over, or Ctrl+C was pressed; a second one ends the program at once, and the helper then lets go by itself. */
  readonly isOver: () => boolean;
  /** Why a drive that did not come to its end ended. @param late the words for a time that is over */
  readonly why: (late: string) => string;
  readonly stop: () => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Begins to count, and to listen for Ctrl+C until it is stopped. @param seconds null: as long as it takes */
export const limitDrive = (seconds: number | null): DriveLimit => {
  let isAsked = false;
  const onSignal = (): void => {
    isAsked = true;
  };
  for (const signal of SIGNALS) process.once(signal, onSignal);
  const endMs = seconds === null ? Number.POSITIVE_INFINITY : Date.now() + seconds * 1_000;
  const isLate = (): boolean => Date.now() >= endMs;
  return {
    isOver: () => isAsked || isLate(),
    why: (late) => {
      if (isAsked) return 'stopped by Ctrl+C';
      // Nothing else ends a drive from outside: see all-stop.ts.
      return isLate() ? late : 'a vCPU that was held is held no longer';
    },
    stop: () => {
      for (const signal of SIGNALS) process.removeListener(signal, onSignal);
    },
  };
};
