import type { ReactElement } from 'react';
import { useDebugger } from '../../store/context.ts';
import { causeWords } from '../../store/select/stop-name.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { changedWords } from '../history/StopHint.tsx';
import { eventsOf, labelledStops } from '../history/stop-events.ts';
import { StopList } from './StopList.tsx';

/** What happened, without the steps between: where it began, what was written, what the guest raised, and stops with a label. */
export function Events(): ReactElement {
  const stops = useDebugger((state) => state.stops);
  const labels = useDebugger((state) => state.labels);
  const raised = useDebugger((state) => state.modelEvents);
  const events = eventsOf(stops, raised);
  const shown = [...new Set([...events.keys(), ...labelledStops(stops, labels)])].sort((a, b) => a - b);
  return (
    <section
      className="watch-pane stops-pane"
      data-region="events"
      data-pane="events"
      tabIndex={-1}
      aria-label="Events"
    >
      <StopList
        name="Events of this vCPU"
        id="event-row"
        shown={shown}
        words={(stop, index) => {
          const event = events.get(index);
          const exception = raised.find((one) => one.stop === stop.number);
          const label = labels.get(stop.number);
          return (
            <>
              <Glyph name={event?.glyph ?? 'flag'} className={`g12 ${event?.look ?? 'text-2'}`} />{' '}
              {label === undefined ? null : <span className="strong">{label} </span>}
              {exception === undefined ? causeWords(stop) : `#${exception.kind.toUpperCase()}: ${exception.text}`}
              {index === 0 ? '' : `, ${changedWords(stop)}`}
            </>
          );
        }}
      />
    </section>
  );
}
