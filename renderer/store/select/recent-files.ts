import type { OpenFile } from '../../../app/bridge.ts';
import { FILE_KINDS } from '../../../app/formats/kinds.ts';
import type { RecentFile } from '../state/recent-files.ts';

const MOST_RECENT = 8;
const MOST_NAME_CHARACTERS = 200;

/** A file in a few words, with the stops of a saved session; one state of one kind needs no count. */
export const fileWords = ({ kind, states }: OpenFile, stops: number): string => {
  const row = FILE_KINDS.find((one) => one.kind === kind);
  if (row === undefined) return kind;
  const held = kind === 'session' ? stops : states.length;
  return row.one === 'state' ? row.what : `${row.what}, ${held} ${held === 1 ? row.one : row.many}`;
};

/** The newest first; a file opened again moves to the front. */
export const withRecent = (files: readonly RecentFile[], file: RecentFile): readonly RecentFile[] =>
  [file, ...files.filter(({ name, what }) => name !== file.name || what !== file.what)].slice(0, MOST_RECENT);

const asRecent = (value: unknown): RecentFile | null => {
  if (typeof value !== 'object' || value === null) return null;
  const { name, what, openedAtMs } = value as Record<string, unknown>;
  if (typeof name !== 'string' || typeof what !== 'string' || !Number.isSafeInteger(openedAtMs)) return null;
  if (name === '' || name.length > MOST_NAME_CHARACTERS || what.length > MOST_NAME_CHARACTERS) return null;
  return { name, what, openedAtMs: openedAtMs as number };
};

/** What was remembered; anything else that stands there is forgotten. */
export const parseRecent = (text: string | null): readonly RecentFile[] => {
  try {
    const rows: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(rows) ? rows.flatMap((row) => asRecent(row) ?? []).slice(0, MOST_RECENT) : [];
  } catch {
    return [];
  }
};

const DAY_MS = 24 * 60 * 60 * 1000;
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const withYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

/** "today 10:42", "yesterday", "18 Nov", "12 Nov 2024", in the user's time zone. */
export const recentWhen = (openedAtMs: number, nowMs: number): string => {
  const [then, now] = [new Date(openedAtMs), new Date(nowMs)];
  if (then.toDateString() === now.toDateString()) return `today ${clock.format(then)}`;
  if (then.toDateString() === new Date(nowMs - DAY_MS).toDateString()) return 'yesterday';
  return (then.getFullYear() === now.getFullYear() ? day : withYear).format(then);
};
