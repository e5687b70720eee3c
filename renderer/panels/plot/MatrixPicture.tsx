import type { MouseEvent, ReactElement } from 'react';
import { minus } from '../../wording.ts';
import { pageBox, pagePoint } from '../../zoom.ts';
import { charactersIn, pxOf } from '../registers/element-text.ts';
import { heatStep, tileColours } from '../tiles/heat.ts';
import { notationText, realNotation } from '../tiles/notation.ts';
import { useShownTheme } from '../tiles/use-theme.ts';
import type { MatrixData } from './plot-data.ts';

interface MatrixPictureProps {
  readonly data: MatrixData;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly onGo: ((place: number) => void) | null;
}

const [LEFT_PX, TOP_PX] = [28, 18] as const;
/** Below it no number of three characters stands in a cell. */
const NUMBERS_FROM_PX = 34;
const [LEAST_PX, MOST_PX, ROW_PX] = [8, 72, 27] as const;

const integersPx = ({ values }: MatrixData): number =>
  values.every((value) => value === null || Number.isInteger(value))
    ? pxOf(values.reduce((most: number, value) => Math.max(most, String(value ?? '').length), 0))
    : 0;

const notationIn = (data: MatrixData, cellPx: number) => {
  const characters = charactersIn(cellPx);
  const values = data.values.filter((value): value is number => value !== null && value !== 0);
  const whole = values.every(Number.isInteger) && values.every((value) => String(value).length <= characters);
  return cellPx < NUMBERS_FROM_PX ? null : whole ? ({ kind: 'integer' } as const) : realNotation(values, characters);
};

/** Heat with the numbers in one notation where the cells have room; what is equal has the ground colour. */
export function MatrixPicture({ data, widthPx, heightPx, onGo }: MatrixPictureProps): ReactElement {
  const colours = tileColours(useShownTheme());
  const { rows, columns, values, end, here } = data;
  const fits = Math.max(LEAST_PX, Math.min(MOST_PX, Math.floor((widthPx - LEFT_PX - 4) / Math.max(1, columns))));
  // Cells with numbers grow to whole integers before these are written with an exponent: the picture then scrolls.
  const cell = fits < NUMBERS_FROM_PX ? fits : Math.max(fits, Math.min(MOST_PX, integersPx(data)));
  const row = Math.max(LEAST_PX, Math.min(ROW_PX, Math.floor((heightPx - TOP_PX - 4) / Math.max(1, rows))));
  const notation = notationIn(data, row < 12 ? 0 : cell);
  const [width, height] = [LEFT_PX + columns * cell + 4, TOP_PX + rows * row + 4];
  const placeOf = (event: MouseEvent<SVGSVGElement>): number => {
    const box = pageBox(event.currentTarget);
    const at = pagePoint(event);
    const inside = (px: number, size: number, count: number): number =>
      Math.max(0, Math.min(count - 1, Math.floor(px / size)));
    return inside(at.y - box.top - TOP_PX, row, rows) * columns + inside(at.x - box.left - LEFT_PX, cell, columns);
  };
  const heads = Array.from({ length: columns }, (_, at) => at).filter((at) => cell >= 20 || at % 8 === 0);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: elements are gone to in the tile itself, by its keys.
    <svg
      className={`plot ${onGo === null ? '' : 'goes'}`}
      xmlns="http://www.w3.org/2000/svg"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={`${data.title}: ${rows} rows, ${columns} columns, ${data.differing} elements differ, by ${end} at most`}
      onClick={onGo === null ? undefined : (event) => onGo(placeOf(event))}
    >
      <g className="plot-axis" fill="currentColor" stroke="none" fontSize="10">
        {heads.map((at) => (
          <text key={at} x={LEFT_PX + at * cell + cell / 2} y={12} textAnchor="middle">
            {at}
          </text>
        ))}
        {Array.from({ length: rows }, (_, at) => at)
          .filter((at) => row >= 12 || at % 4 === 0)
          .map((at) => (
            <text key={at} x={LEFT_PX - 6} y={TOP_PX + at * row + row / 2 + 3.5} textAnchor="end">
              {at}
            </text>
          ))}
      </g>
      {values.map((value, at) => {
        const [x, y] = [LEFT_PX + (at % columns) * cell, TOP_PX + Math.floor(at / columns) * row];
        const step = heatStep(value ?? 0, end, 'diverging');
        const fill = value === null ? colours.token('heat-nan') : (colours.diverging.fill[step] ?? '#808080');
        const text =
          value === null ? 'NaN' : notation === null || notation.kind === 'each' ? '' : notationText(value, notation);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place.
          <g key={at}>
            <rect x={x} y={y} width={cell - 1} height={row - 1} fill={fill}>
              <title>{`[${Math.floor(at / columns)}][${at % columns}] ${minus(value === null ? 'no number' : String(value))}`}</title>
            </rect>
            {notation === null ? null : (
              <text
                x={x + cell - 6}
                y={y + row / 2 + 3.5}
                textAnchor="end"
                fontSize="11"
                fill={colours.diverging.text[step] ?? '#ffffff'}
              >
                {minus(text)}
              </text>
            )}
          </g>
        );
      })}
      {here === null ? null : (
        <rect
          className="plot-cell-here"
          fill="none"
          stroke="currentColor"
          strokeWidth="2"
          x={LEFT_PX + (here % columns) * cell}
          y={TOP_PX + Math.floor(here / columns) * row}
          width={cell - 1}
          height={row - 1}
        />
      )}
    </svg>
  );
}
