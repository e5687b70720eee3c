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

const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
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

/** Where a key leads from here, by the WAI-ARIA grid pattern; null: the key does not move. */
export const moveInGrid = (key: string, ctrl: boolean, from: Place, shape: GridShape): Place | null => {
  const step = STEPS[key];
  if (step !== undefined) {
    if (ctrl) return jump(from, step, shape);
    return { row: clamp(from.row + step[0], shape.rows), column: clamp(from.column + step[1], shape.columns) };
  }
  switch (key) {
    case 'Home':
      return { row: ctrl ? 0 : from.row, column: 0 };
    case 'End':
      return { row: ctrl ? shape.rows - 1 : from.row, column: shape.columns - 1 };
    case 'PageUp':
      return { row: clamp(from.row - 8, shape.rows), column: from.column };
    case 'PageDown':
      return { row: clamp(from.row + 8, shape.rows), column: from.column };
    default:
      return null;
  }
};
