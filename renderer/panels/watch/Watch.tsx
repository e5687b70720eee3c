import { type FormEvent, type ReactElement, useRef, useState } from 'react';
import { Button } from '../../controls/Button.tsx';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { Sparkline } from '../../controls/Sparkline.tsx';
import { shownKey } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { jumpOf } from '../../store/select/jump.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { inBase } from '../../store/view/bases.ts';
import { asNumber, selectWatchable, watchedText } from '../../store/view/watch-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';

/** So many stops are drawn beside a value. */
const SHOWN_STOPS = 24;

/** Registers, fields and elements that are followed over the stops, each with its value and its last stops. */
export function Watch(): ReactElement {
  const watched = useDebugger((state) => state.watched);
  return (
    <section className="watch-pane" data-region="watch" data-pane="watch" tabIndex={-1} aria-label="Watch">
      <div className="scroll">
        {watched.length === 0 ? (
          <div className="pane-empty">
            <Glyph name="eye" className="text-3" />
            <p className="text-2">Values that you follow over the stops stand here, whichever view is in front.</p>
          </div>
        ) : (
          <table className="watch-table" aria-label="Watched values">
            <thead>
              <tr>
                <th scope="col">path</th>
                <th scope="col" className="right">
                  value
                </th>
                <th scope="col" className="right">
                  last {SHOWN_STOPS}
                </th>
                <th scope="col">
                  <span className="visually-hidden">remove</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {watched.map((path) => (
                <Row key={path} path={path} />
              ))}
            </tbody>
          </table>
        )}
      </div>
      <Add />
    </section>
  );
}

function Row({ path }: { path: string }): ReactElement {
  const store = useDebuggerStore();
  const capture = useDebugger(selectCapture);
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const base = useDebugger((state) => state.bases.get(path) ?? 'own');
  const now = capture === null ? null : watchedText(capture, path);
  const written = now === null ? null : inBase(path, now, base);
  const shown = stops.slice(Math.max(0, at + 1 - SHOWN_STOPS), at + 1);
  const texts = shown.map((stop) => watchedText(stop.capture, path));
  const before = texts.at(-2);
  const isChanged = before !== undefined && before !== now;
  const look = isChanged ? (stops[at]?.write === null ? 'is-changed' : 'is-written') : '';
  const values = texts.map(asNumber);
  const go = (): void => {
    if (capture !== null) jumpOf(capture, path)?.go(store.getState());
  };
  return (
    <tr>
      <th scope="row">
        <span className="line tight">
          <span className={`watch-mark ${look}`}>
            {isChanged ? <Glyph name={look === 'is-written' ? 'check2' : 'delta'} className="g10" /> : null}
          </span>
          <button type="button" className="link quiet val small ellipsis" title={`Show ${path}`} onClick={go}>
            {path}
          </button>
        </span>
      </th>
      <td
        className={`val small right ellipsis ${look}`}
        title={now === null ? 'not in this image' : written === now ? now : `${written}, ${now}`}
        data-watch={path}
      >
        {written === null ? <span className="text-3">not read</span> : minus(written)}
      </td>
      <td className="right">
        {values.every((value) => value === null) ? (
          <span className="text-3 small">{new Set(texts).size === 1 ? 'held' : 'changed'}</span>
        ) : (
          <Sparkline
            values={values}
            widthPx={52}
            heightPx={16}
            look={look === '' ? 'text-2' : look}
            label={`${path} over ${shown.length} stops`}
          />
        )}
      </td>
      <td>
        <CrossButton label={`Stop watching ${path}`} onPress={() => store.getState().unwatch(path)} />
      </td>
    </tr>
  );
}

/** A path typed, or what is selected with one press. */
function Add(): ReactElement {
  const store = useDebuggerStore();
  const selected = useDebugger(selectWatchable);
  const isWatched = useDebugger((state) => selected !== null && state.watched.includes(selected));
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const add = (event: FormEvent): void => {
    event.preventDefault();
    if (text.trim() === '') return;
    const why = store.getState().watch(text);
    setProblem(why);
    if (why === null) setText('');
  };
  return (
    <form className="watch-add" onSubmit={add}>
      <label className="field">
        <input
          ref={input}
          type="text"
          className="val small"
          data-region-start
          aria-label="Path to watch"
          aria-invalid={problem !== null}
          placeholder="a path, such as zmm3:f32[1]"
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => {
            setText(event.target.value);
            setProblem(null);
          }}
        />
      </label>
      <Button
        label={selected === null ? 'Watch what is selected' : `Watch ${selected}`}
        look="tiny"
        glyph="eye"
        glyphClass="g12"
        keys={shownKey('watch-selected') ?? undefined}
        refused={selected === null ? 'nothing with a path is selected' : isWatched ? 'watched already' : null}
        onPress={() => {
          if (selected !== null) setProblem(store.getState().watch(selected));
        }}
      >
        <span className="val ellipsis">{selected ?? 'Watch'}</span>
      </Button>
      {problem === null ? null : (
        <p className="is-refused small line tight" role="alert">
          <Glyph name="stop" className="g12" />
          {problem}
        </p>
      )}
    </form>
  );
}
