/**
 * Ctrl+C while something long runs: what is under way ends in order, and what it has brought is kept. A second one ends the
 * program at once; the helper then lets go by itself.
 */
export interface Cancel {
  readonly isAsked: () => boolean;
  readonly stop: () => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** The first Ctrl+C asks for an end, the second ends the process as usual. */
export const cancelOnInterrupt = (): Cancel => {
  let asked = false;
  const onSignal = (): void => {
    asked = true;
  };
  for (const signal of SIGNALS) process.once(signal, onSignal);
  return {
    isAsked: () => asked,
    stop: () => {
      for (const signal of SIGNALS) process.removeListener(signal, onSignal);
    },
  };
};
