import type { Capture } from '../../app/session/capture.ts';
import type { Stop } from './timeline-slice.ts';

export interface LastChange {
  readonly by: 'guest' | 'edit';
  readonly stop: number;
}

/** The latest stop, not after the one on screen, that differs from the stop before it. Null: never since attach. */
export const lastChange = (
  stops: readonly Stop[],
  at: number,
  differs: (former: Capture, now: Capture) => boolean,
): LastChange | null => {
  for (let index = Math.min(at, stops.length - 1); index > 0; index -= 1) {
    const now = stops[index];
    const former = stops[index - 1];
    if (now !== undefined && former !== undefined && differs(former.capture, now.capture)) {
      return { by: now.write === null ? 'guest' : 'edit', stop: now.number };
    }
  }
  return null;
};
