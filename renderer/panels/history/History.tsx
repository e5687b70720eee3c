import { type ReactElement, type ReactNode, useMemo } from 'react';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { Button } from '../../controls/Button.tsx';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectIsNewest } from '../../store/select/selectors.ts';
import { selectFilteredStops } from '../../store/select/stop-filter.ts';
import { timeAxisRefusal } from '../../store/select/time-axis.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { SaveDoneNote, SavedNote } from './SavedNote.tsx';
import { StopLabel } from './StopLabel.tsx';
import { sizeText } from './size-text.ts';
import { sincePrevious, spanText } from './stop-times.ts';
import { Track, useTrackView } from './Track.tsx';
import { aboutStop, fitView, isFit, LEAST_PLACES, shownStops, type TrackView } from './track-view.ts';

/** From so many stops on, a single one cannot be told apart in the strip at its usual width. */
const MANY_STOPS = 300;

export function History(): ReactElement {
  const length = useDebugger((state) => state.stops.length);
  const fitted = useMemo(() => fitView(length), [length]);
  const [view, onView] = useTrackView(fitted);
  return (
    <section
      className="history"
      data-region="history"
      data-pane="history"
      data-testid="history"
      tabIndex={-1}
      aria-label="History"
    >
      <Track view={view} onView={onView} />
      <SaveDoneNote />
    </section>
  );
}

/** What stands behind the names of the bottom dock: how much history there is, the label of the stop, and the way between stops. */
export function HistoryTools({ children }: { children: ReactNode }): ReactElement {
  const length = useDebugger((state) => state.stops.length);
  const fitted = useMemo(() => fitView(length), [length]);
  const [view, onView] = useTrackView(fitted);
  return (
    <div className="history-head" data-testid="history-tools">
      {children}
      <SavedNote />
      <span className="push" />
      <Label />
      <Filter />
      {length < MANY_STOPS ? null : <Zoom view={view} onView={onView} length={length} />}
      <TimeAxis />
      <RestoreToStop />
      <ActionButton action={action('pin-stop')} look="tiny" glyphClass="g12">
        <span className="wide-only">Pin A</span>
      </ActionButton>
      <Stepper />
    </div>
  );
}

/** How many stops there are, over how long, and what keeping them takes. */
export function HistorySize(): ReactElement {
  const length = useDebugger((state) => state.stops.length);
  const span = useDebugger((state) => spanText(state.stops));
  const bytes = useDebugger((state) => state.keptBytes);
  return (
    <span className="text-3 small nowrap wide-only">
      <span className="val">{length}</span> {length === 1 ? 'stop' : 'stops'}
      {span === null ? null : (
        <>
          {' '}
          over <span className="val">{span}</span>
        </>
      )}
      {', '}
      <span className="val">{sizeText(bytes)}</span>
    </span>
  );
}

/** "Where did zmm3 change": a path typed here marks the stops at which its value differs from the one before. */
function Filter(): ReactElement {
  const store = useDebuggerStore();
  const text = useDebugger((state) => state.stopFilter);
  const found = useDebugger(selectFilteredStops);
  const length = useDebugger((state) => state.stops.length);
  const go = (step: 1 | -1): void => {
    if (found === null || found === 'no path' || found.length === 0) return;
    const { at, goToStop } = store.getState();
    const next = step === 1 ? found.find((index) => index > at) : found.findLast((index) => index < at);
    goToStop(next ?? found[step === 1 ? 0 : found.length - 1] ?? at);
  };
  return (
    <span className="line tight">
      <label className="field history-filter">
        <Glyph name="search" className="g12" />
        <input
          type="search"
          className="val small"
          data-filter
          aria-label="Stops at which a register changed"
          aria-invalid={found === 'no path'}
          placeholder="zmm3 changed"
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => store.getState().setStopFilter(event.target.value)}
          onKeyDown={(event) => {
            const command = commandOf('field', event);
            if (command === 'commit' || command === 'back') go(command === 'back' ? -1 : 1);
            else if (command === 'cancel' && text !== '') store.getState().setStopFilter('');
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        />
      </label>
      {found === null ? null : found === 'no path' ? (
        <span className="small is-refused">no register</span>
      ) : (
        <span className="pill changed-pill" role="status">
          <Glyph name="delta" className="g10" />
          {found.length} of {length} stops
        </span>
      )}
    </span>
  );
}

/** Stops by when they were taken, or one as far from the other as the next. */
function TimeAxis(): ReactElement {
  const store = useDebuggerStore();
  const on = useDebugger((state) => state.timeAxis);
  const why = useDebugger(timeAxisRefusal);
  return (
    <button
      type="button"
      className="button tiny broad-only"
      aria-pressed={on && why === null}
      aria-disabled={why === null ? undefined : true}
      title={why ?? 'Stops by when they were taken'}
      onClick={() => (why === null ? action('time-axis').run(store) : undefined)}
    >
      Time axis
    </button>
  );
}

/** Only where an older stop is on screen: the newest is what the vCPU holds. */
function RestoreToStop(): ReactElement | null {
  const shown = useDebugger((state) => !selectIsNewest(state) && state.session?.kind !== 'file');
  return shown ? (
    <ActionButton action={action('restore-to-stop')} look="tiny" glyphClass="g12">
      <span className="wide-only">Restore to this stop…</span>
    </ActionButton>
  ) : null;
}

function Label(): ReactElement | null {
  const number = useDebugger((state) => state.stops[state.at]?.number);
  return number === undefined ? null : <StopLabel key={number} number={number} />;
}

function Stepper(): ReactElement {
  const number = useDebugger((state) => state.stops[state.at]?.number);
  const label = useDebugger((state) => (number === undefined ? undefined : state.labels.get(number)));
  const since = useDebugger((state) => sincePrevious(state.stops, state.at));
  return (
    <span className="stepper">
      <ActionButton action={action('previous-stop')} look="tiny ghost square" glyphClass="g12 mirrored" />
      <span className="small stepper-now" data-testid="stepper-now" title={label}>
        <span className="val">stop {number ?? ''}</span>
        {since === null ? null : (
          <span className="val text-3 stepper-since wide-only" title={`${since} after the stop before`}>
            +{since}
          </span>
        )}
      </span>
      <ActionButton action={action('next-stop')} look="tiny ghost square" glyphClass="g12" />
    </span>
  );
}

interface ZoomProps {
  readonly view: TrackView;
  readonly onView: ReturnType<typeof useTrackView>[1];
  readonly length: number;
}

/** Which stops the strip shows, and nearer or farther about the one on screen. */
function Zoom({ view, onView, length }: ZoomProps): ReactElement {
  const at = useDebugger((state) => state.at);
  const whole = isFit(view, length);
  const by = (factor: number): void => onView((now, n) => aboutStop(now, factor, at, n));
  const [first, last] = shownStops(view, length);
  return (
    <span className="line tight track-zoom">
      <span className="text-3 small val" data-testid="track-range">
        {whole ? 'all' : first > last ? 'none' : `${first + 1} … ${last + 1}`}
      </span>
      <Button
        label="Fewer stops in the strip"
        look="tiny ghost square"
        keys="+"
        refused={view.places <= LEAST_PLACES ? 'nearer than this is not needed' : null}
        onPress={() => by(1 / 4)}
      >
        <span className="val">+</span>
      </Button>
      <Button
        label="More stops in the strip"
        look="tiny ghost square"
        keys="-"
        refused={whole ? 'every stop is shown' : null}
        onPress={() => by(4)}
      >
        <span className="val">{'\u2212'}</span>
      </Button>
    </span>
  );
}
