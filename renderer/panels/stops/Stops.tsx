import { type ReactElement, useMemo, useRef } from 'react';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectFilteredStops } from '../../store/select/stop-filter.ts';
import { causeWords } from '../../store/select/stop-name.ts';
import { stepDiffers } from '../../store/vcpu/trace-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { changedWords } from '../history/StopHint.tsx';
import { differsWords } from '../trace/product-words.ts';
import { StopList } from './StopList.tsx';

/**
 * Every stop as a line: its number, when, what brought it about, what changed. The filter of History thins it out to the stops at
 * which a register changed; away from History's dock it has it in a field of its own.
 */
export function Stops(): ReactElement {
  const store = useDebuggerStore();
  const stops = useDebugger((state) => state.stops);
  const labels = useDebugger((state) => state.labels);
  const filter = useDebugger((state) => state.stopFilter);
  const found = useDebugger(selectFilteredStops);
  const pane = useRef<HTMLElement>(null);
  const shown = useMemo(
    () => (found === null || found === 'no path' ? stops.map((_, index) => index) : found),
    [found, stops],
  );
  return (
    <section
      ref={pane}
      className="watch-pane stops-pane"
      data-region="stops"
      data-pane="stops"
      tabIndex={-1}
      aria-label="Stops"
    >
      <div className="stops-head">
        <label className="field stops-filter">
          <Glyph name="search" className="g12" />
          <input
            type="search"
            className="val small"
            data-filter
            aria-label="Show stops at which a register changed"
            aria-invalid={found === 'no path'}
            placeholder="where zmm3 changed"
            value={filter}
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => store.getState().setStopFilter(event.target.value)}
            onKeyDown={(event) => {
              if (commandOf('field', event) !== 'list') return;
              event.preventDefault();
              pane.current?.querySelector<HTMLElement>('[role="listbox"]')?.focus();
            }}
          />
        </label>
        <p className="small text-3 find-count" role="status">
          {found === 'no path'
            ? 'That is no register.'
            : found === null
              ? count(stops.length, 'stop')
              : `${found.length} of ${count(stops.length, 'stop')}`}
        </p>
      </div>
      <StopList
        name="Stops of this vCPU"
        id="stop-row"
        shown={shown}
        words={(stop, index) => {
          const label = labels.get(stop.number);
          const differs = stepDiffers(stops, index);
          const text = `${label === undefined ? '' : `${label}, `}${causeWords(stop)}${index === 0 ? '' : `, ${changedWords(stop)}`}`;
          return differs === null ? (
            text
          ) : (
            <>
              {text} <Glyph name="differs" className="g12 is-refused" />{' '}
              <span className="is-refused">{differsWords(differs)}</span>
            </>
          );
        }}
      />
    </section>
  );
}
