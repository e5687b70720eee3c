import type { ReactElement } from 'react';

interface SparklineProps {
  /** Null: not known at that place; the line is broken there. */
  readonly values: readonly (number | null)[];
  readonly widthPx: number;
  readonly heightPx: number;
  readonly label: string;
  /** The class that gives the colour: neutral, or the value's own provenance. */
  readonly look?: string;
}

/** The path of a step line: a value holds until the next stop. */
const stepPath = (values: readonly (number | null)[], widthPx: number, heightPx: number): string => {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value));
  if (known.length === 0) return '';
  const [least, greatest] = [Math.min(...known), Math.max(...known)];
  const y = (value: number): number =>
    greatest === least ? heightPx / 2 : 1 + (1 - (value - least) / (greatest - least)) * (heightPx - 2);
  const step = widthPx / Math.max(1, values.length);
  let path = '';
  let isBroken = true;
  values.forEach((value, at) => {
    if (value === null || !Number.isFinite(value)) {
      isBroken = true;
      return;
    }
    const height = y(value).toFixed(1);
    path += `${isBroken ? `M${(at * step).toFixed(1)} ${height}` : `V${height}`}H${((at + 1) * step).toFixed(1)}`;
    isBroken = false;
  });
  return path;
};

/** A value over the last stops, without an axis. */
export function Sparkline({ values, widthPx, heightPx, label, look = 'text-3' }: SparklineProps): ReactElement {
  return (
    <svg className={`sparkline ${look}`} width={widthPx} height={heightPx} role="img" aria-label={label}>
      <path d={stepPath(values, widthPx, heightPx)} />
    </svg>
  );
}
