import type { MouseEvent, ReactElement } from 'react';
import { hueOf } from '../../store/select/components.ts';
import { pageBox, pagePoint } from '../../zoom.ts';
import type { LaneState, LanesData } from './plot-data.ts';

interface LanesPictureProps {
  readonly data: LanesData;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly onGo: ((place: number) => void) | null;
}

const [LEFT_PX, RIGHT_PX, BOTTOM_PX] = [76, 8, 18] as const;
const MOST_LANE_PX = 24;

interface Stretch {
  readonly from: number;
  /** Behind the last place. */
  readonly end: number;
  readonly state: LaneState;
}

/** Places that follow one another in one state. */
export const stretchesOf = (states: readonly LaneState[]): readonly Stretch[] => {
  const found: { from: number; end: number; state: LaneState }[] = [];
  for (const [at, state] of states.entries()) {
    const last = found.at(-1);
    if (last?.state === state) last.end = at + 1;
    else found.push({ from: at, end: at + 1, state });
  }
  return found;
};

/** A lane a component: solid where it is in use, an outline where it is in init, empty where it is absent. */
export function LanesPicture({ data, widthPx, heightPx, onGo }: LanesPictureProps): ReactElement {
  const { lanes, labels, here } = data;
  const width = Math.max(40, widthPx - LEFT_PX - RIGHT_PX);
  const step = width / Math.max(1, labels.length);
  const lane = Math.max(9, Math.min(MOST_LANE_PX, (heightPx - BOTTOM_PX) / Math.max(1, lanes.length)));
  const height = Math.ceil(lane * lanes.length) + BOTTOM_PX;
  const placeOf = (event: MouseEvent<SVGSVGElement>): number => {
    const x = pagePoint(event).x - pageBox(event.currentTarget).left;
    return Math.max(0, Math.min(labels.length - 1, Math.floor((x - LEFT_PX) / step)));
  };
  const used = lanes.filter(({ states }) => states.includes('in use')).map(({ label }) => label);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the stops are gone to by keys of their own, Alt+Left and Alt+Right.
    <svg
      className={`plot ${onGo === null ? '' : 'goes'}`}
      xmlns="http://www.w3.org/2000/svg"
      width={widthPx}
      height={height}
      viewBox={`0 0 ${widthPx} ${height}`}
      role="img"
      aria-label={`Components over ${labels.length} stops; in use at one of them at least: ${used.join(', ') || 'none'}`}
      onClick={onGo === null ? undefined : (event) => onGo(placeOf(event))}
    >
      {here === null ? null : (
        <rect
          className="plot-here"
          fill="currentColor"
          x={LEFT_PX + here * step}
          y={0}
          width={Math.max(1, step)}
          height={height - BOTTOM_PX}
        />
      )}
      {lanes.map(({ bit, label, states }, at) => (
        <g key={bit}>
          <text
            className="plot-axis"
            fill="currentColor"
            fontSize="10"
            x={LEFT_PX - 6}
            y={at * lane + lane / 2 + 3.5}
            textAnchor="end"
          >
            {label}
          </text>
          {stretchesOf(states).map(({ from, end, state }) =>
            state === 'absent' ? null : (
              <rect
                key={from}
                x={LEFT_PX + from * step + (state === 'init' ? 0.5 : 0)}
                y={at * lane + 2 + (state === 'init' ? 0.5 : 0)}
                width={Math.max(1, (end - from) * step - (state === 'init' ? 1 : 0))}
                height={lane - 4 - (state === 'init' ? 1 : 0)}
                {...(state === 'init' ? { fill: 'none', stroke: 'currentColor' } : { fill: 'currentColor' })}
                style={{ color: hueOf(bit) }}
              >
                <title>{`${label}: ${state}, stop ${labels[from]} to ${labels[end - 1]}`}</title>
              </rect>
            ),
          )}
        </g>
      ))}
      <g className="plot-axis" fill="currentColor" stroke="none" fontSize="10">
        <text x={LEFT_PX} y={height - 4}>
          {labels[0]}
        </text>
        <text x={LEFT_PX + width / 2} y={height - 4} textAnchor="middle">
          stop
        </text>
        <text x={LEFT_PX + width} y={height - 4} textAnchor="end">
          {labels.at(-1)}
        </text>
      </g>
    </svg>
  );
}
