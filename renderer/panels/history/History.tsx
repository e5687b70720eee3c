import { type ReactElement, useMemo } from 'react';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { Button } from '../../controls/Button.tsx';
import { useDebugger } from '../../store/context.ts';
import { selectIsNewest } from '../../store/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { SaveDoneNote, SavedNote } from './SavedNote.tsx';
import { StopLabel } from './StopLabel.tsx';
import { sizeText } from './size-text.ts';
import { sinceFormer, spanText } from './stop-times.ts';
import { Track, useTrackView } from './Track.tsx';
import { aboutStop, fitView, isFit, LEAST_PLACES, type TrackView } from './track-view.ts';

/** From so many stops on, a single one cannot be told apart in the strip at its usual width. */
const MANY_STOPS = 300;

export function History(): ReactElement {
  const length = useDebugger((state) => state.stops.length);
  const span = useDebugger((state) => spanText(state.stops));
  const bytes = useDebugger((state) => state.keptBytes);
  const raised = useDebugger((state) => state.modelEvents.some(({ kind }) => kind === 'nm'));
  const fitted = useMemo(() => fitView(length), [length]);
  const [view, onView] = useTrackView(fitted);
  return (
    <section className="history" data-region="history" data-testid="history" aria-label="History">
      <div className="section-head history-head">
        <h2>History</h2>
        <span className="text-3 small nowrap">
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
        <SavedNote />
        <Label />
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
          {raised ? (
            <span className="line tight">
              <Glyph name="lock" className="g12 is-armed" />
              #NM
            </span>
          ) : null}
        </span>
        {length < MANY_STOPS ? null : <Zoom view={view} onView={onView} length={length} />}
        <ActionButton action={action('run-until')} look="tiny ghost" glyph={null}>
          Run until…
        </ActionButton>
        <RestoreToStop />
        <ActionButton action={action('pin-stop')} look="tiny ghost" glyphClass="g12">
          Pin A
        </ActionButton>
        <Stepper />
      </div>
      <Track view={view} onView={onView} />
      <SaveDoneNote />
    </section>
  );
}

/** Only where an older stop is on screen: the newest is what the vCPU holds. */
function RestoreToStop(): ReactElement | null {
  const shown = useDebugger((state) => !selectIsNewest(state) && state.session?.kind !== 'file');
  return shown ? (
    <ActionButton action={action('restore-to-stop')} look="tiny ghost" glyphClass="g12">
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
  const since = useDebugger((state) => sinceFormer(state.stops, state.at));
  return (
    <span className="stepper">
      <ActionButton action={action('former-stop')} look="tiny ghost square" glyphClass="g12 mirrored" />
      <span className="small stepper-now" data-testid="stepper-now" title={label}>
        <span className="val">stop {number ?? ''}</span>
        {since === null ? null : (
          <span className="val text-3 stepper-since wide-only" title={`${since} after the stop before`}>
            +{since}
          </span>
        )}
        {label === undefined ? null : <span className="ellipsis stepper-label">{label}</span>}
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
  const [first, last] = [Math.floor(view.from) + 1, Math.min(length, Math.ceil(view.from + view.places))];
  return (
    <span className="line tight track-zoom">
      <span className="text-3 small val" data-testid="track-range">
        {whole ? 'all' : `${first} … ${last}`}
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
