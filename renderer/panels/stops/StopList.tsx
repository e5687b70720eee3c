import { type KeyboardEvent, type ReactElement, type ReactNode, useLayoutEffect, useRef, useState } from 'react';
import { commandOf, movedInList } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { Stop } from '../../store/state/timeline.ts';
import { elapsedMs, secondsText } from '../history/stop-times.ts';

const ROW_PX = 24;
/** Rows put in above and below those on screen. */
const SPARE_ROWS = 8;

interface StopListProps {
  readonly name: string;
  /** What the ids of its rows begin with: two lists may stand side by side. */
  readonly id: string;
  /** The stops that it lists, as indexes, ascending. */
  readonly shown: readonly number[];
  readonly words: (stop: Stop, index: number) => ReactNode;
}

/** Stops as lines: number, when, and words. A long list is put in as it is scrolled; the stop on screen stays in sight. */
export function StopList({ name, id, shown, words }: StopListProps): ReactElement {
  const store = useDebuggerStore();
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [heightPx, setHeightPx] = useState(400);
  const here = shown.indexOf(at);
  useLayoutEffect(() => {
    const node = list.current;
    if (node === null) return;
    const observer = new ResizeObserver(() => setHeightPx(node.clientHeight));
    observer.observe(node);
    setHeightPx(node.clientHeight);
    return () => observer.disconnect();
  }, []);
  // Whoever went there; in a pane of a few lines as well as in a high one.
  useLayoutEffect(() => {
    const node = list.current;
    if (node === null || here === -1) return;
    const [above, below] = [here * ROW_PX, (here + 1) * ROW_PX];
    if (above < node.scrollTop) node.scrollTop = above;
    else if (below > node.scrollTop + heightPx) node.scrollTop = below - heightPx;
  }, [here, heightPx]);
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
    <div
      ref={list}
      className="scroll found-list"
      role="listbox"
      aria-label={name}
      tabIndex={0}
      data-region-start
      aria-activedescendant={here >= first && here < end ? `${id}-${at}` : undefined}
      onKeyDown={onKeyDown}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <div style={{ height: first * ROW_PX }} />
      {shown.slice(first, end).map((index) => {
        const stop = stops[index];
        return stop === undefined ? null : (
          <Row key={stop.number} id={`${id}-${index}`} stop={stop} index={index}>
            {words(stop, index)}
          </Row>
        );
      })}
      <div style={{ height: (shown.length - end) * ROW_PX }} />
    </div>
  );
}

interface RowProps {
  readonly id: string;
  readonly stop: Stop;
  readonly index: number;
  readonly children: ReactNode;
}

function Row({ id, stop, index, children }: RowProps): ReactElement {
  const store = useDebuggerStore();
  const isHere = useDebugger((state) => state.at === index);
  const since = useDebugger((state) => elapsedMs(state.stops[0], stop));
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list box in front of the rows holds the keyboard.
    <div
      id={id}
      role="option"
      aria-selected={isHere}
      tabIndex={-1}
      className="found-row stops-row small"
      data-stop={stop.number}
      onClick={() => store.getState().goToStop(index)}
    >
      <span className="val strong">{stop.number}</span>{' '}
      <span className="val text-3">{since === null ? '' : secondsText(since)}</span>{' '}
      <span className="ellipsis">{children}</span>
    </div>
  );
}
