import type { Command } from '../../keys/keymap.ts';

export interface Place {
  /** Index into the rows on screen. */
  readonly row: number;
  /** Column on screen, from the left. */
  readonly column: number;
}

export interface GridShape {
  readonly rows: number;
  readonly columns: number;
  /** Whether a value stands there that is not zero: for Ctrl+arrows, which jump to the next edge of values. */
  readonly hasValue: (place: Place) => boolean;
}

const STEPS: Readonly<Record<string, readonly [down: number, right: number]>> = {
  up: [-1, 0],
  down: [1, 0],
  left: [0, -1],
  right: [0, 1],
};

const clamp = (value: number, count: number): number => Math.max(0, Math.min(count - 1, value));

const jump = (from: Place, step: readonly [number, number], shape: GridShape): Place => {
  const inside = ({ row, column }: Place): boolean =>
    row >= 0 && row < shape.rows && column >= 0 && column < shape.columns;
  const next = (place: Place): Place => ({ row: place.row + step[0], column: place.column + step[1] });
  let at = from;
  const first = next(at);
  if (!inside(first)) return from;
  // Within a run of values to its end; else over the zeros to the next value.
  const within = shape.hasValue(at) && shape.hasValue(first);
  at = first;
  while (inside(next(at)) && (within ? shape.hasValue(next(at)) : !shape.hasValue(at))) at = next(at);
  return at;
};

/**
 * Where a command leads from here, by the WAI-ARIA grid pattern; null: it does not move.
 * @param toEdge a step goes to the next edge of values instead (Ctrl)
 */
export const moveInGrid = (
  command: Command<'grid'> | null,
  toEdge: boolean,
  from: Place,
  shape: GridShape,
): Place | null => {
  const step = STEPS[command ?? ''];
  if (step !== undefined) {
    if (toEdge) return jump(from, step, shape);
    return { row: clamp(from.row + step[0], shape.rows), column: clamp(from.column + step[1], shape.columns) };
  }
  switch (command) {
    case 'row-first':
      return { row: from.row, column: 0 };
    case 'row-last':
      return { row: from.row, column: shape.columns - 1 };
    case 'first':
      return { row: 0, column: 0 };
    case 'last':
      return { row: shape.rows - 1, column: shape.columns - 1 };
    case 'page-up':
      return { row: clamp(from.row - 8, shape.rows), column: from.column };
    case 'page-down':
      return { row: clamp(from.row + 8, shape.rows), column: from.column };
    default:
      return null;
  }
};

/** Whether a step goes to the next edge of values. */
export const isToEdge = (event: { readonly ctrlKey: boolean; readonly metaKey: boolean }): boolean =>
  event.ctrlKey || event.metaKey;

/** Whether a step with Shift held widens the block. */
export const isBlockMove = (command: Command<'grid'> | null, event: { readonly shiftKey: boolean }): boolean =>
  event.shiftKey && STEPS[command ?? ''] !== undefined;
