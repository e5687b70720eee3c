import type { ReactElement } from 'react';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { type ChangingValue, type LastChange, lastChange } from '../../store/select/last-change.ts';
import { Glyph } from '../../theme/Glyph.tsx';

interface Part {
  /** What it is about, where the block speaks of more than one thing. */
  readonly name: string | null;
  readonly value: ChangingValue;
}

/** When these parts last got the value that they have at the stop on screen, each with a way to the stop that says so. */
export function LastChanged({ parts, dense = false }: { parts: readonly Part[]; dense?: boolean }): ReactElement {
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  return (
    <section
      className={`block ${dense ? 'dense' : ''} ${dense && parts.length === 1 ? 'one-line' : ''}`}
      data-testid="last-changed"
      aria-label="Last changed"
    >
      <h3>Last changed</h3>
      {parts.map(({ name, value }) => (
        <Line key={value} name={name} last={lastChange(stops, at, value)} />
      ))}
    </section>
  );
}

function Line({ name, last }: { name: string | null; last: LastChange | null }): ReactElement {
  const store = useDebuggerStore();
  const since = useDebugger((state) => (state.stops[0]?.cause === 'file' ? 'it was opened' : 'attach'));
  const goTo = (number: number): void => {
    const { stops, goToStop } = store.getState();
    goToStop(stops.findIndex((stop) => stop.number === number));
  };
  // There the VMM put its own copy back, or so it looks.
  const isOverwritten = useDebugger((state) => last !== null && state.overwritten?.stop === last.stop);
  const by =
    last?.by !== 'guest' ? 'written by you, ' : isOverwritten ? 'not by you, before ' : 'by the guest, before ';
  return (
    <div className="line tight last-changed">
      {name === null ? null : <span className="text-3 small last-changed-name ellipsis">{name}</span>}
      {last === null ? (
        <span className="text-2">not since {since}</span>
      ) : (
        <>
          <Glyph
            name={last.by === 'guest' ? 'delta' : 'check2'}
            className={`g12 ${last.by === 'guest' ? 'is-changed' : 'is-written'}`}
          />
          <span>
            {by}
            <button
              type="button"
              className="link"
              aria-label={`Go to stop ${last.stop}`}
              onClick={() => goTo(last.stop)}
            >
              stop <span className="val">{last.stop}</span>
            </button>
          </span>
        </>
      )}
    </div>
  );
}

/** A register, and the field of it that is chosen: "FTZ", "rows[3]". */
export function RegisterChanged(props: { register: string; field: string | null; dense?: boolean }): ReactElement {
  const { register, field, dense = false } = props;
  const whole = { name: field === null ? null : register, value: register };
  const parts = field === null ? [whole] : [{ name: field, value: `${register}.${field}` }, whole];
  return <LastChanged parts={parts} dense={dense} />;
}

/** One element of a register by its path, and the whole of it. */
export function ElementChanged({ register, path }: { register: string; path: string }): ReactElement {
  return (
    <LastChanged
      parts={[
        { name: 'this element', value: path },
        { name: register, value: register },
      ]}
    />
  );
}
