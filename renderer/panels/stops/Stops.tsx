import { type KeyboardEvent, type ReactElement, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { commandOf, movedInList } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectFilteredStops } from '../../store/select/stop-filter.ts';
import { causeWords } from '../../store/select/stop-name.ts';
import type { Stop } from '../../store/state/timeline.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { changedWords } from '../history/StopHint.tsx';
import { elapsedMs, secondsText } from '../history/stop-times.ts';

const ROW_PX = 24;
/** Rows put in above and below those on screen. */
const SPARE_ROWS = 8;

/**
 * Every stop as a line: its number, when, what brought it about, what changed. The filter of History thins it out to the stops at
 * which a register changed. A long list is put in as it is scrolled.
 */
export function Stops(): ReactElement {
  const store = useDebuggerStore();
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const filter = useDebugger((state) => state.stopFilter);
  const found = useDebugger(selectFilteredStops);
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [heightPx, setHeightPx] = useState(400);
  const shown = useMemo(
    () => (found === null || found === 'no path' ? stops.map((_, index) => index) : found),
    [found, stops],
  );
  const here = shown.indexOf(at);
  useLayoutEffect(() => {
    const node = list.current;
    if (node === null) return;
    const observer = new ResizeObserver(() => setHeightPx(node.clientHeight));
    observer.observe(node);
    setHeightPx(node.clientHeight);
    return () => observer.disconnect();
  }, []);
  // The stop on screen stays in sight, whoever went there.
  useLayoutEffect(() => {
    const node = list.current;
    if (node === null || here === -1) return;
    const [above, below] = [here * ROW_PX, (here + 1) * ROW_PX];
    if (above < node.scrollTop) node.scrollTop = above;
    else if (below > node.scrollTop + node.clientHeight) node.scrollTop = below - node.clientHeight;
  }, [here]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = movedInList(commandOf('list', event), here, shown.length);
    const stop = to === null ? undefined : shown[to];
    if (stop === undefined) return;
    event.preventDefault();
    store.getState().goToStop(stop);
  };
  const first = Math.max(0, Math.floor(top / ROW_PX) - SPARE_ROWS);
  const end = Math.min(shown.length, Math.ceil((top + heightPx) / ROW_PX) + SPARE_ROWS);
  return (
    <section className="watch-pane stops-pane" data-region="stops" data-pane="stops" tabIndex={-1} aria-label="Stops">
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
            list.current?.focus();
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
      <div
        ref={list}
        className="scroll found-list"
        role="listbox"
        aria-label="Stops of this vCPU"
        tabIndex={0}
        data-region-start
        aria-activedescendant={here >= first && here < end ? `stop-row-${at}` : undefined}
        onKeyDown={onKeyDown}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      >
        <div style={{ height: first * ROW_PX }} />
        {shown.slice(first, end).map((index) => {
          const stop = stops[index];
          return stop === undefined ? null : <Row key={stop.number} stop={stop} index={index} />;
        })}
        <div style={{ height: (shown.length - end) * ROW_PX }} />
      </div>
    </section>
  );
}

function Row({ stop, index }: { stop: Stop; index: number }): ReactElement {
  const store = useDebuggerStore();
  const isHere = useDebugger((state) => state.at === index);
  const label = useDebugger((state) => state.labels.get(stop.number));
  const since = useDebugger((state) => elapsedMs(state.stops[0], stop));
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list box in front of the rows holds the keyboard.
    <div
      id={`stop-row-${index}`}
      role="option"
      aria-selected={isHere}
      tabIndex={-1}
      className="found-row stops-row small"
      onClick={() => store.getState().goToStop(index)}
    >
      <span className="val strong">{stop.number}</span>{' '}
      <span className="val text-3">{since === null ? '' : secondsText(since)}</span>{' '}
      <span className="ellipsis">
        {label === undefined ? '' : `${label}, `}
        {causeWords(stop)}
        {index === 0 ? '' : `, ${changedWords(stop)}`}
      </span>
    </div>
  );
}
