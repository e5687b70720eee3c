import type { MouseEvent, ReactElement } from 'react';
import { minus } from '../../wording.ts';
import { pageBox, pagePoint } from '../../zoom.ts';
import { type PlotData, rangeOf } from './plot-data.ts';

interface PlotPictureProps {
  readonly data: PlotData;
  readonly widthPx: number;
  readonly heightPx: number;
  /** A press on a place goes there; null: there is nowhere to go. */
  readonly onGo: ((place: number) => void) | null;
}

/** Room for the labels of the axis, and beside the last place. */
export const PLOT_LEFT_PX = 56;
export const PLOT_RIGHT_PX = 12;
const [LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX] = [PLOT_LEFT_PX, PLOT_RIGHT_PX, 10, 22] as const;
/** Characters of an axis label: 56 px of 10 px type. */
const LABEL_CHARACTERS = 8;

const axisText = (value: number): string => {
  const plain = String(value);
  return minus(plain.length <= LABEL_CHARACTERS ? plain : value.toPrecision(3));
};

/** The line or the bars, with the ends of both axes, the ground, and where the window stands. Colours are the tokens', by currentColor. */
export function PlotPicture({ data, widthPx, heightPx, onGo }: PlotPictureProps): ReactElement | null {
  const range = rangeOf(data);
  if (range === null) return null;
  const [least, greatest] = range;
  const count = data.values.length;
  const [width, height] = [widthPx - LEFT_PX - RIGHT_PX, heightPx - TOP_PX - BOTTOM_PX];
  const step = width / Math.max(1, count);
  const yOf = (value: number): number => TOP_PX + (1 - (value - least) / (greatest - least)) * height;
  const xOf = (place: number): number => LEFT_PX + place * step;
  const ground = least <= 0 && greatest >= 0 ? yOf(0) : null;
  const placeOf = (event: MouseEvent<SVGSVGElement>): number => {
    const x = pagePoint(event).x - pageBox(event.currentTarget).left;
    return Math.max(0, Math.min(count - 1, Math.floor((x - LEFT_PX) / step)));
  };
  const sentence = `${data.title}: ${count} places from ${data.labels[0]} to ${data.labels.at(-1)}, least ${least}, greatest ${greatest}`;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the stops are gone to by keys of their own, Alt+Left and Alt+Right.
    <svg
      className={`plot ${onGo === null ? '' : 'goes'}`}
      xmlns="http://www.w3.org/2000/svg"
      width={widthPx}
      height={heightPx}
      viewBox={`0 0 ${widthPx} ${heightPx}`}
      role="img"
      aria-label={sentence}
      onClick={onGo === null ? undefined : (event) => onGo(placeOf(event))}
    >
      <g className="plot-axis" fill="currentColor" stroke="none" fontSize="10">
        <text x={LEFT_PX - 6} y={TOP_PX + 4} textAnchor="end">
          {axisText(greatest)}
        </text>
        <text x={LEFT_PX - 6} y={TOP_PX + height + 3} textAnchor="end">
          {axisText(least)}
        </text>
        {ground === null || ground < TOP_PX + 14 || ground > TOP_PX + height - 12 ? null : (
          <text x={LEFT_PX - 6} y={ground + 3} textAnchor="end">
            0
          </text>
        )}
        <text x={LEFT_PX} y={heightPx - 6}>
          {data.labels[0]}
        </text>
        <text x={LEFT_PX + width / 2} y={heightPx - 6} textAnchor="middle">
          {data.along}
        </text>
        <text x={LEFT_PX + width} y={heightPx - 6} textAnchor="end">
          {data.labels.at(-1)}
        </text>
      </g>
      <g className="plot-frame" fill="none" stroke="currentColor">
        <path d={`M${LEFT_PX} ${TOP_PX}V${TOP_PX + height}H${LEFT_PX + width}`} />
        {ground === null ? null : <path d={`M${LEFT_PX} ${ground}H${LEFT_PX + width}`} />}
      </g>
      {data.here === null ? null : (
        <rect
          className="plot-here"
          fill="currentColor"
          x={xOf(data.here)}
          y={TOP_PX}
          width={Math.max(1, step)}
          height={height}
        />
      )}
      {data.look === 'bars' ? (
        <g className="plot-bars" fill="currentColor">
          {data.values.map((value, place) => {
            if (value === null) return null;
            const [from, to] = [yOf(Math.max(0, least)), yOf(value)];
            return (
              <rect
                // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place.
                key={place}
                x={xOf(place) + Math.min(1, step / 8)}
                y={Math.min(from, to)}
                width={Math.max(1, step - Math.min(2, step / 4))}
                height={Math.max(1, Math.abs(from - to))}
              >
                <title>{`${data.along} ${data.labels[place]}: ${value}`}</title>
              </rect>
            );
          })}
        </g>
      ) : (
        <path
          className="plot-line"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.5"
          d={linePath(data, xOf, yOf, step)}
        />
      )}
    </svg>
  );
}

/** A value holds until the next place; where none is known the line is broken. */
const linePath = (
  { values }: PlotData,
  xOf: (place: number) => number,
  yOf: (value: number) => number,
  step: number,
): string => {
  let path = '';
  let isBroken = true;
  for (const [place, value] of values.entries()) {
    if (value === null) {
      isBroken = true;
      continue;
    }
    const [x, y] = [xOf(place).toFixed(1), yOf(value).toFixed(1)];
    path += `${isBroken ? `M${x} ${y}` : `V${y}`}H${(xOf(place) + step).toFixed(1)}`;
    isBroken = false;
  }
  return path;
};
