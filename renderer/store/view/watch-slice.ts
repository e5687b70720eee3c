import { parsePath, printPath } from '../../../app/register/path.ts';
import { registerRow } from '../../../app/register/registers.ts';
import type { Remembered } from '../base/remembered.ts';
import { selectSelectedPath } from '../select/selected-path.ts';
import { elementTypeOf, vectorFile } from '../select/vector.ts';
import { isMemoryWatch, parseMemoryWatch, printMemoryWatch } from '../select/watched-memory.ts';
import type { Slice, State } from '../state/state.ts';
import type { WatchSlice } from '../state/watch.ts';
import { shownElement } from '../tiles/tile-edits.ts';
import { selectMemoryPath } from '../vcpu/guest-slice.ts';

/** More than anyone follows at once, and few enough to be read at each stop. */
export const MOST_WATCHED = 64;

const parseWatched = (text: string | null): readonly string[] => {
  try {
    const rows: unknown = JSON.parse(text ?? '[]');
    if (!Array.isArray(rows)) return [];
    return rows
      .filter((row): row is string => typeof row === 'string' && (parsePath(row).ok || isMemoryWatch(row)))
      .slice(0, MOST_WATCHED);
  } catch {
    return [];
  }
};

export const createWatchSlice =
  (remembered: Remembered): Slice<WatchSlice> =>
  ({ getState: get, set }) => {
    const change = (watched: readonly string[]): void => {
      remembered.set('watched', JSON.stringify(watched));
      set({ watched });
    };
    /** A path that can be watched, beside those that are; `but` gives its place to it. */
    const checked = (
      text: string,
      but: string | null = null,
    ): { readonly ok: true; readonly path: string } | { readonly ok: false; readonly why: string } => {
      const no = (why: string) => ({ ok: false, why }) as const;
      const found = (path: string) =>
        path !== but && get().watched.includes(path) ? no(`${path} is watched already`) : ({ ok: true, path } as const);
      const memory = parseMemoryWatch(text);
      if (memory !== null) return found(printMemoryWatch(memory));
      const parsed = parsePath(text.trim());
      if (!parsed.ok) {
        const path = text.trim().slice(0, 40);
        return no(`"${path}" is no path of a register or of memory, such as zmm3:f32[1], mxcsr.RC or [rsi+0x40]:i8`);
      }
      if (registerRow(parsed.value.register) === undefined) return no(`there is no register ${parsed.value.register}`);
      return found(printPath(parsed.value));
    };
    return {
      watched: parseWatched(remembered.get('watched')),
      watch(text) {
        const found = checked(text);
        if (!found.ok) return found.why;
        if (get().watched.length >= MOST_WATCHED) return `${MOST_WATCHED} paths are watched: remove one first`;
        change([...get().watched, found.path]);
        return null;
      },
      rewatch(path, text) {
        const found = checked(text, path);
        if (!found.ok) return found.why;
        change(get().watched.map((row) => (row === path ? found.path : row)));
        return null;
      },
      unwatch: (path) => change(get().watched.filter((row) => row !== path)),
    };
  };

/** What the inspector speaks of, with its element, as a path to watch; null: nothing that has one. */
export const selectWatchable = (state: State): string | null => {
  const { selection, stops, laneType, readings } = state;
  const image = stops.at(-1)?.capture.image;
  if (selection?.kind === 'memory') return selectMemoryPath(state);
  if (selection === null || image === undefined) return null;
  if (selection.kind === 'vector')
    return `${vectorFile(image).kind}${selection.index}:${elementTypeOf(laneType)}[${selection.element}]`;
  if (selection.kind === 'tile') {
    const reading = readings[selection.tile];
    const path = reading === undefined ? '' : shownElement(selection.tile, reading, selection);
    return parsePath(path).ok ? path : null;
  }
  if (selection.kind === 'register' && selection.field !== undefined) return `${selection.path}.${selection.field}`;
  return selectSelectedPath(state);
};

/** What is drawn over the stops: what was asked for by name, else what the inspector speaks of. */
export const selectPlotted = (state: State): string | null =>
  state.plotted?.besides === state.selection ? state.plotted.path : selectWatchable(state);
