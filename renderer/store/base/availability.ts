/** Why an act cannot be done now: the words that several places give. One phrase each, without a full stop. */

export const NOTHING_OPEN = 'nothing is open';
export const NOT_ATTACHED = 'no target is attached';
export const TARGET_ENDED = 'the target has ended';
export const BUSY = 'another act is under way';
export const EDITS_STAGED = 'edits are staged: apply or discard them first';
export const DETACH_FIRST = 'detach first';
export const CLOSE_FIRST = 'save or close the edited file first';

/** What is about a state needs a stop. */
export const needsStops = ({ stops }: { readonly stops: readonly unknown[] }): string | null =>
  stops.length === 0 ? NOTHING_OPEN : null;

/** @param busy the act under way, of whatever kind; null: none */
export const busyRefusal = (busy: unknown): string | null => (busy === null ? null : BUSY);

export const HOST_LOST = 'the Tilescope host is gone: start it again';

/** What only the host can do is refused once it is gone. */
export const hostRefusal = ({ hostLost }: { readonly hostLost: boolean }): string | null =>
  hostLost ? HOST_LOST : null;
