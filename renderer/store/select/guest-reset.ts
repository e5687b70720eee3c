import type { Capture } from '../../../app/capture/capture.ts';
import { memoizeByIdentity } from '../base/memoize.ts';
import type { State } from '../state/state.ts';
import type { Stop } from '../state/timeline.ts';

/** A guest that began anew between two stops, and the write that went with the state it was written to. */
export interface GuestReset {
  /** The first stop that shows it. */
  readonly stop: number;
  /** Number of the last stop before it at which something was written. */
  readonly written: number;
}

/**
 * CR0.PG. (Intel SDM vol. 3, 2.5; after a reset it is clear: vol. 3, 10.1.1) An operating system turns paging on once, and off
 * only as it ends: by a reset, a kexec, or a return from sleep, after which nothing of before is in the registers.
 */
const PAGING = 1n << 31n;
const hasPaging = ({ facts }: Pick<Capture, 'facts'>): boolean | null =>
  facts.control === null ? null : (facts.control.cr0 & PAGING) !== 0n;

const found = memoizeByIdentity((stops: readonly Stop[]): GuestReset | null => {
  for (let at = stops.length - 1; at > 0; at -= 1) {
    const [previous, now] = [stops[at - 1], stops[at]];
    if (previous === undefined || now === undefined) return null;
    if (now.write !== null) return null;
    if (hasPaging(previous.kept) !== true || hasPaging(now.kept) !== false) continue;
    const written = stops.findLast(({ write }, index) => index < at && write !== null);
    return written === undefined ? null : { stop: now.number, written: written.number };
  }
  return null;
});

/** The reset since the last write; null: there was none, nothing was written before it, or it was read and closed. */
export const selectGuestReset = (state: State): GuestReset | null => {
  if (state.session?.kind !== 'live') return null;
  const reset = found(state.stops);
  return reset === null || reset.stop === state.resetClosed ? null : reset;
};
