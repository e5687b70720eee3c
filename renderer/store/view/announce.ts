import { isStepping, runWord } from '../select/run.ts';
import { selectStop } from '../select/selectors.ts';
import type { State } from '../state/state.ts';

const CAUSES: Readonly<Record<string, string>> = {
  attach: 'Attached',
  file: 'Opened',
  capture: 'Captured',
  freeze: 'Stopped',
  apply: 'Written and read back',
  restore: 'Restored and read back',
  undo: 'Undone and read back',
  redo: 'Written again and read back',
  step: 'Stepped',
};

const newest = (previous: State, now: State): string | null => {
  const stop = now.stops.at(-1);
  if (stop === undefined || stop === previous.stops.at(-1) || now.session?.id !== previous.session?.id) return null;
  // Live refresh makes a stop many times a second: nobody could listen to that.
  if (stop.cause === 'capture' && now.liveHz > 0) return null;
  if (stop.cause === 'step' && isStepping(now)) return null;
  const bytes = stop.write === null ? '' : `, ${stop.write.writtenBytes} bytes`;
  return `${CAUSES[stop.cause] ?? stop.cause}${bytes}, stop ${stop.number}`;
};

const staged = (previous: State, now: State): string | null => {
  if (
    now.staged === previous.staged ||
    now.session?.id !== previous.session?.id ||
    now.stops !== previous.stops ||
    now.writes !== previous.writes
  )
    return null;
  const [was, is] = [previous.staged.length, now.staged.length];
  if (is === 0) return was === 0 ? null : 'Nothing is staged';
  const last = now.staged.at(-1);
  return is > was && last !== undefined ? `Staged ${last.path} ${last.value}, ${is} in all` : `${is} staged`;
};

/** One sentence about what has just become of the session; null: nothing that is worth a word. */
export const announcement = (previous: State, now: State): string | null => {
  const made = newest(previous, now) ?? staged(previous, now);
  if (made !== null) return made;
  const run = runWord(now);
  if (now.session !== null && previous.session?.id === now.session.id && runWord(previous) !== run) {
    if (run === 'running') return 'Running';
    if (run === 'ended') return 'The target has ended';
    if (now.session.kind === 'model') return `Stands still, stop ${now.stops.at(-1)?.number ?? 0}`;
  }
  if (now.at !== previous.at && now.stops === previous.stops && now.session?.id === previous.session?.id) {
    const stop = selectStop(now);
    return stop === null ? null : `Stop ${stop.number} of ${now.stops.length}`;
  }
  return null;
};
