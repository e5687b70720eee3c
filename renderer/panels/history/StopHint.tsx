import type { ReactElement } from 'react';
import { componentLabel } from '../../../app/xsave/components.ts';
import { useDebugger } from '../../store/context.ts';
import { causeWords } from '../../store/select/stop-name.ts';
import type { Stop } from '../../store/state/timeline.ts';
import { count } from '../../wording.ts';
import { elapsedMs, secondsText, sincePrevious } from './stop-times.ts';

const MOST_NAMES = 4;

/** Which components changed, by name: "SSE, AVX changed". */
export const changedWords = ({ changed, changedOutside }: Stop): string => {
  const names = [...changed].sort((a, b) => a - b).map(componentLabel);
  if (changedOutside) names.push('XCR0 or MSRs');
  const more = names.length - MOST_NAMES;
  const told = more > 0 ? [...names.slice(0, MOST_NAMES), count(more, 'other')] : names;
  return told.length === 0 ? 'nothing changed' : `${told.join(', ')} changed`;
};

/** What is known of the stop under the pointer, without going there. */
export function StopHint({ index, x, bottom }: { index: number; x: number; bottom: number }): ReactElement | null {
  const stop = useDebugger((state) => state.stops[index]);
  const fromFirst = useDebugger((state) => elapsedMs(state.stops[0], state.stops[index]));
  const fromPrevious = useDebugger((state) => sincePrevious(state.stops, index));
  const event = useDebugger((state) => state.modelEvents.find((one) => one.stop === stop?.number));
  const label = useDebugger((state) => (stop === undefined ? undefined : state.labels.get(stop.number)));
  if (stop === undefined) return null;
  return (
    <div className="stop-hint small" data-testid="stop-hint" style={{ left: x, bottom }}>
      <span className="line tight">
        <span className="val strong">stop {stop.number}</span>
        {label === undefined ? null : <span className="strong ellipsis">{label}</span>}
      </span>
      <span className="text-2">
        {causeWords(stop)}
        {index === 0 ? '' : `, ${changedWords(stop)}`}
      </span>
      {event === undefined ? null : (
        <span className="is-armed">
          #{event.kind.toUpperCase()}: {event.text}
        </span>
      )}
      {fromPrevious === null ? null : (
        <span className="text-3">
          <span className="val">{fromPrevious}</span> after the stop before
          {index === 1 || fromFirst === null ? null : (
            <>
              , <span className="val">{secondsText(fromFirst)}</span> after the first
            </>
          )}
        </span>
      )}
    </div>
  );
}
