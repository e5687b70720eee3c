/**
 * What turns one JSON value into another: so that an answer which is like the one before is sent as what differs. Neither side
 * needs to know what the values mean.
 */
export type JsonChange =
  /** Another value in its place. */
  | { readonly to: unknown }
  /** Fields of an object, or items of a list of the same length, that change; and fields that are gone. */
  | { readonly at: Readonly<Record<string, JsonChange>>; readonly gone: readonly string[] }
  /** Runs of a text of the same length, each with the place where it begins. */
  | { readonly text: readonly (readonly [number, string])[] };

/** Shorter texts are sent whole. A run begins at a multiple of this: of base64 that is every twelfth byte. */
const BLOCK_CHARACTERS = 16;

const runsOf = (before: string, after: string): (readonly [number, string])[] => {
  const runs: [number, string][] = [];
  for (let at = 0; at < after.length; at += BLOCK_CHARACTERS) {
    const block = after.slice(at, at + BLOCK_CHARACTERS);
    if (block === before.slice(at, at + BLOCK_CHARACTERS)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1].length === at) last[1] += block;
    else runs.push([at, block]);
  }
  return runs;
};

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const isAlike = (before: unknown, after: unknown): boolean =>
  Array.isArray(before) || Array.isArray(after)
    ? Array.isArray(before) && Array.isArray(after) && before.length === after.length
    : isFields(before) && isFields(after);

/** Both are JSON; a field that is undefined is none. Null: they are equal. */
export const changeOf = (before: unknown, after: unknown): JsonChange | null => {
  if (before === after) return null;
  if (typeof before === 'string' && typeof after === 'string') {
    return before.length === after.length && after.length > BLOCK_CHARACTERS
      ? { text: runsOf(before, after) }
      : { to: after };
  }
  if (!isFields(before) || !isFields(after) || !isAlike(before, after)) return { to: after };
  const has = (one: Readonly<Record<string, unknown>>, key: string): boolean =>
    Object.hasOwn(one, key) && one[key] !== undefined;
  const at: [string, JsonChange][] = [];
  for (const key of Object.keys(after).filter((name) => has(after, name))) {
    const change = has(before, key) ? changeOf(before[key], after[key]) : { to: after[key] };
    if (change !== null) at.push([key, change]);
  }
  const gone = Object.keys(before).filter((key) => has(before, key) && !has(after, key));
  return at.length + gone.length === 0 ? null : { at: Object.fromEntries(at), gone };
};

const withRuns = (before: string, runs: readonly (readonly [number, string])[]): string => {
  let [text, from] = ['', 0];
  for (const [at, run] of runs) {
    text += before.slice(from, at) + run;
    from = at + run.length;
  }
  return text + before.slice(from);
};

/** @param change of this value, as changeOf made it; null leaves it */
export const withChange = (before: unknown, change: JsonChange | null): unknown => {
  if (change === null) return before;
  if ('to' in change) return change.to;
  if ('text' in change) return withRuns(String(before), change.text);
  if (!isFields(before)) return before;
  const of = (key: string, value: unknown): unknown =>
    Object.hasOwn(change.at, key) ? withChange(value, change.at[key] ?? null) : value;
  if (Array.isArray(before)) return before.map((item, index) => of(String(index), item));
  const names = new Set([...Object.keys(before), ...Object.keys(change.at)]);
  for (const key of change.gone) names.delete(key);
  return Object.fromEntries(
    [...names].map((key) => [key, of(key, Object.hasOwn(before, key) ? before[key] : undefined)]),
  );
};
