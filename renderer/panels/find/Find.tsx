import { type KeyboardEvent, type ReactElement, useDeferredValue, useMemo, useState } from 'react';
import { describeProblem } from '../../../app/bits/decoded.ts';
import { type FindAsAny, findIn, type Needle, needlesOf } from '../../../app/register/find.ts';
import { Select } from '../../controls/Select.tsx';
import { commandOf, movedInList } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { jumpOf } from '../../store/select/jump.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { componentOfPath } from '../../store/select/vector.ts';
import type { Stop } from '../../store/state/timeline.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';

const TYPES: readonly FindAsAny[] = [
  ...(['any', 'f32', 'f64', 'f16', 'bf16', 'i8', 'i16', 'i32', 'i64', 'u8', 'u16', 'u32', 'u64', 'bytes'] as const),
];
const MOST_PLACES = 200;
/** So many of the last stops are looked through: a long history is put together piece by piece for it. */
const MOST_STOPS = 400;

/** "3, 7–12": numbers that follow one another as one stretch. */
export const stretches = (numbers: readonly number[]): readonly (readonly [number, number])[] => {
  const found: [number, number][] = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found;
};

/** Finds a value or a pattern of bytes in every register and tile of the stop on screen, and says which stops have it. */
export function Find(): ReactElement {
  const store = useDebuggerStore();
  const text = useDebugger((state) => state.findText);
  const as = useDebugger((state) => state.findAs);
  const capture = useDebugger(selectCapture);
  const stops = useDebugger((state) => state.stops);
  const [at, setAt] = useState(0);
  const wanted = useDeferredValue(text);
  const needle = useMemo(() => (wanted.trim() === '' ? null : needlesOf(wanted, as)), [wanted, as]);
  const found = useMemo(
    () => (needle === null || !needle.ok || capture === null ? null : findIn(capture, needle.value, MOST_PLACES)),
    [needle, capture],
  );
  const paths = found?.paths ?? [];
  const go = (path: string | undefined): void => {
    if (path !== undefined && capture !== null) jumpOf(capture, path)?.go(store.getState());
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const command = commandOf('list', event);
    const to = movedInList(command, at, paths.length);
    if (to !== null) {
      event.preventDefault();
      setAt(to);
      go(paths[to]);
      document.getElementById(`found-${to}`)?.scrollIntoView({ block: 'nearest' });
    } else if (command === 'press') {
      event.preventDefault();
      go(paths[at]);
    }
  };
  return (
    <section className="watch-pane find-pane" data-region="find" data-pane="find" tabIndex={-1} aria-label="Find">
      <div className="find-in">
        <label className="field">
          <Glyph name="search" />
          <input
            type="search"
            className="val small"
            data-filter
            data-region-start
            aria-label={as === 'bytes' ? 'Bytes to find' : as === 'any' ? 'Value or bytes to find' : `${as} to find`}
            aria-invalid={needle?.ok === false}
            placeholder={
              as === 'bytes' ? 'de ad ?? ef' : as === 'any' ? '2.75, 0x602e7 or de ad ?? ef' : 'a value, such as 2.75'
            }
            value={text}
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => {
              store.getState().setFind(event.target.value, as);
              setAt(0);
            }}
            onKeyDown={(event) => {
              const command = commandOf('field', event);
              if (command !== 'list' && command !== 'commit') return;
              event.preventDefault();
              go(paths[0]);
              document.querySelector<HTMLElement>('.found-list')?.focus();
            }}
          />
        </label>
        <Select
          name="Find as"
          value={as}
          options={TYPES.map((value) => ({ value, label: value }))}
          onChoose={(value) => store.getState().setFind(text, value as FindAsAny)}
        />
      </div>
      <p className="small text-3 find-count" role="status">
        {needle === null
          ? 'In every register and tile of this stop; bytes as they lie in memory, ?? for any.'
          : !needle.ok
            ? describeProblem(needle.problem)
            : found === null
              ? ''
              : `${found.isCut ? 'more than ' : ''}${count(paths.length, 'place')} in this stop`}
      </p>
      <div
        className="scroll found-list"
        role="listbox"
        aria-label="Places found"
        tabIndex={0}
        aria-activedescendant={paths.length === 0 ? undefined : `found-${at}`}
        onKeyDown={onKeyDown}
      >
        {paths.map((path, index) => {
          const bit = capture === null ? null : componentOfPath(capture, path);
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the list box in front of the rows holds the keyboard.
            <div
              key={path}
              id={`found-${index}`}
              role="option"
              aria-selected={index === at}
              tabIndex={-1}
              className="found-row val small"
              data-path={path}
              onClick={() => {
                setAt(index);
                go(path);
              }}
            >
              <span
                className="swatch short"
                style={{ '--hue': bit === null ? 'var(--line-2)' : hueOf(bit) }}
                aria-hidden="true"
              />
              {path}
            </div>
          );
        })}
      </div>
      {needle?.ok === true ? <InStops stops={stops} needles={needle.value} /> : null}
    </section>
  );
}

function InStops({ stops, needles }: { stops: readonly Stop[]; needles: readonly Needle[] }): ReactElement {
  const store = useDebuggerStore();
  const now = useDebugger((state) => state.stops[state.at]?.number ?? null);
  const later = useDeferredValue(stops);
  const shown = later.slice(-MOST_STOPS);
  const found = useMemo(
    () =>
      later.slice(-MOST_STOPS).flatMap(({ number, capture }) => (findIn(capture, needles, 0).isCut ? [number] : [])),
    [later, needles],
  );
  return (
    <div className="found-stops small" data-testid="found-stops">
      <span className="text-3">
        in {found.length} of {shown.length < later.length ? `the last ${shown.length}` : count(shown.length, 'stop')}
      </span>
      {stretches(found)
        .slice(0, 24)
        .map(([from, to]) => (
          <button
            key={from}
            type="button"
            className={`link val ${now !== null && now >= from && now <= to ? 'strong' : ''}`}
            title={`Go to stop ${from}`}
            onClick={() => {
              const { stops: all, goToStop } = store.getState();
              goToStop(all.findIndex(({ number }) => number === from));
            }}
          >
            {from === to ? from : `${from}–${to}`}
          </button>
        ))}
    </div>
  );
}
