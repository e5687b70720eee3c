import { type FormEvent, type ReactElement, useEffect, useRef, useState } from 'react';
import { Button } from '../../controls/Button.tsx';
import { shownKey } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectIsReadable, whichStop } from '../../store/vcpu/guest-slice.ts';
import { selectWatchable } from '../../store/view/watch-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { SHOWN_STOPS, WatchRow } from './WatchRow.tsx';

/** Registers, fields, elements and places of memory that are followed over the stops, each with its value and its last stops. */
export function Watch(): ReactElement {
  const watched = useDebugger((state) => state.watched);
  const store = useDebuggerStore();
  const stop = useDebugger(whichStop);
  const isAsked = useDebugger(selectIsReadable);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each stop, and what is watched from now on, is read.
  useEffect(() => {
    if (isAsked) void store.getState().readWatched();
  }, [store, stop, isAsked, watched]);
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
                <th scope="col" className="watch-type">
                  type
                </th>
                <th scope="col" className="right watch-values">
                  value
                </th>
                <th scope="col" className="right watch-stops">
                  last {SHOWN_STOPS}
                </th>
                <th scope="col" className="watch-remove">
                  <span className="visually-hidden">remove</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {watched.map((path) => (
                <WatchRow key={path} path={path} />
              ))}
            </tbody>
          </table>
        )}
      </div>
      <Add />
    </section>
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
          placeholder="a path, such as zmm3:f32[1] or [rsi]:i8"
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
