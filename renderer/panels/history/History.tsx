import type { KeyboardEvent, MouseEvent, ReactElement } from 'react';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { pinnedIndex } from '../../store/compare-slice.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { Stop } from '../../store/timeline-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { StopLabel } from './StopLabel.tsx';

interface Lane {
  readonly name: string;
  readonly hue: string;
  readonly differs: (stop: Stop) => boolean;
}

const inBits =
  (...bits: number[]) =>
  ({ changed }: Stop): boolean =>
    bits.some((bit) => changed.has(bit));
const LANES: readonly Lane[] = [
  { name: 'x87, SSE, AVX', hue: 'var(--c-avx)', differs: inBits(0, 1, 2) },
  { name: 'AVX-512', hue: 'var(--c-zmm-hi256)', differs: inBits(5, 6, 7) },
  { name: 'AMX', hue: 'var(--c-tiledata)', differs: inBits(17, 18) },
  { name: 'XFD, XCR0', hue: 'var(--c-apx)', differs: (stop) => stop.changedOutside },
];

/** The strip is filled from the left and never stretches a few stops over the whole width. */
const LEAST_PLACES = 24;

export function History(): ReactElement {
  const stops = useDebugger((state) => state.stops);
  const bytes = useDebugger((state) => state.keptBytes);
  const stop = useDebugger((state) => state.stops[state.at]);
  return (
    <section className="history" data-region="history" data-testid="history" aria-label="History">
      <div className="section-head history-head">
        <h2>History</h2>
        <span className="text-3 small nowrap">
          <span className="val">{stops.length}</span> {stops.length === 1 ? 'stop' : 'stops'},{' '}
          <span className="val">{(bytes / 1024).toFixed(1)} KiB</span>
        </span>
        {stop === undefined ? null : <StopLabel key={stop.number} number={stop.number} />}
        <span className="push" />
        <span className="line text-3 small wide-only history-key" aria-hidden="true">
          <span className="line tight">
            <Glyph name="flag" className="g12" />
            attach
          </span>
          <span className="line tight">
            <Glyph name="check2" className="g12 is-written" />
            write
          </span>
        </span>
        <ActionButton action={action('pin-stop')} look="tiny ghost" glyphClass="g12">
          Pin A
        </ActionButton>
        <span className="stepper">
          <ActionButton action={action('former-stop')} look="tiny ghost square" glyphClass="g12 mirrored" />
          <span className="val small stepper-now">stop {stop?.number ?? ''}</span>
          <ActionButton action={action('next-stop')} look="tiny ghost square" glyphClass="g12" />
        </span>
      </div>
      <Track />
    </section>
  );
}

function Track(): ReactElement {
  const store = useDebuggerStore();
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const labels = useDebugger((state) => state.labels);
  const pinned = useDebugger((state) => state.pinned);
  const pinIndex = pinnedIndex(stops, pinned);
  const places = Math.max(LEAST_PLACES, stops.length);
  const left = (index: number): string => `${((index + 0.5) / places) * 100}%`;
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = {
      ArrowLeft: at - 1,
      ArrowDown: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at + 1,
      Home: 0,
      End: stops.length - 1,
    }[event.key];
    if (next === undefined || event.altKey || event.ctrlKey) return;
    event.preventDefault();
    store.getState().goToStop(next);
  };
  const onClick = (event: MouseEvent<HTMLElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    store.getState().goToStop(Math.round(((event.clientX - box.left) / box.width) * places - 0.5));
  };
  const stop = stops[at];
  return (
    <div className="track">
      <div className="track-names small text-3" aria-hidden="true">
        {LANES.map((lane) => (
          <div key={lane.name}>{lane.name}</div>
        ))}
      </div>
      <div className="track-name-one small text-3" aria-hidden="true">
        changed
      </div>
      <div
        className="track-box inset-focus"
        role="slider"
        aria-label="Stop"
        aria-valuemin={1}
        aria-valuemax={Math.max(1, stops.length)}
        aria-valuenow={at + 1}
        aria-valuetext={stop === undefined ? 'no stop' : `stop ${stop.number} of ${count(stops.length, 'stop')}`}
        tabIndex={0}
        data-region-start
        onKeyDown={onKeyDown}
        onClick={onClick}
      >
        {LANES.map((lane, row) => (
          <div key={lane.name} className="track-lane" style={{ '--lane': row }}>
            {stops.map((now, index) =>
              lane.differs(now) ? (
                <span key={now.number} className="track-mark" style={{ left: left(index), '--hue': lane.hue }} />
              ) : null,
            )}
          </div>
        ))}
        {stops.map((one, index) =>
          one.write !== null || index === 0 ? (
            <span
              key={one.number}
              className={`track-event ${one.write === null ? 'text-3' : 'is-written'}`}
              style={{ left: left(index) }}
            >
              <Glyph name={one.write === null ? (one.cause === 'file' ? 'file' : 'flag') : 'check2'} className="g12" />
            </span>
          ) : null,
        )}
        {stops.map((one, index) =>
          labels.has(one.number) ? (
            <span
              key={one.number}
              className="track-event text-2 track-label"
              style={{ left: left(index) }}
              title={labels.get(one.number)}
            >
              <Glyph name="flag" className="g12" />
            </span>
          ) : null,
        )}
        {pinned === null || pinIndex < 0 ? null : (
          <span className="track-pin pin-a" style={{ left: left(pinIndex) }} data-testid="pin-a">
            <span className="val micro">A {pinned}</span>
          </span>
        )}
        {stop === undefined ? null : (
          <span className="track-pin" style={{ left: left(at) }}>
            <span className={`val micro ${at / places > 0.9 ? 'before' : ''}`}>{stop.number}</span>
          </span>
        )}
      </div>
    </div>
  );
}
