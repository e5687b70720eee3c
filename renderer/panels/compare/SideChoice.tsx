import { type KeyboardEvent, type ReactElement, type ReactNode, useState } from 'react';
import { pickFile, readPageFile } from '../../actions/open-file.ts';
import { Button } from '../../controls/Button.tsx';
import { Select } from '../../controls/Select.tsx';
import { commandOf } from '../../keys/chord.ts';
import { isListedWhole, selectValueA, stopsToList } from '../../store/compare/compare-sides.ts';
import { indexOfStop } from '../../store/compare/compare-slice.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { DebuggerStore } from '../../store/debugger-store.ts';
import { selectOthers } from '../../store/select/attached.ts';
import { stopTitle } from '../../store/select/stop-name.ts';
import type { Stop } from '../../store/state/timeline.ts';

/** Reads a file of the page to compare with; nothing is opened. */
export const compareWithPageFile = async (store: DebuggerStore, file: File): Promise<void> => {
  const read = await readPageFile(file);
  if (read.ok) await store.getState().compareWithFile(read.value.name, read.value.base64, null);
  else store.getState().refuse(read.refusal);
};

/** Of a file with many states this many are listed; the first ones. */
const MOST_STATES = 500;

interface StopOptionsProps {
  readonly stops: readonly Stop[];
  readonly labels: ReadonlyMap<number, string>;
  readonly chosen: number | null;
  readonly value: (stop: Stop) => string;
  /** Said before each, so that the closed list says it as well. */
  readonly of?: string;
}

const stopOptions = ({ stops, labels, chosen, value, of = '' }: StopOptionsProps): ReactNode =>
  stopsToList(stops, labels, chosen).map((stop) => (
    <option key={stop.number} value={value(stop)}>
      {of}
      {stopTitle(stop, labels)}
    </option>
  ));

/** A: a stop of this vCPU, a stop of another attached one, or a file. */
export function SideA(): ReactElement {
  const store = useDebuggerStore();
  const value = useDebugger(selectValueA);
  const stops = useDebugger((state) => state.stops);
  const labels = useDebugger((state) => state.labels);
  const others = useDebugger(selectOthers);
  const file = useDebugger((state) => state.compareFile);
  const busy = useDebugger((state) => state.compareFileBusy);
  const vcpu = useDebugger((state) => state.session?.vcpu ?? 0);
  const [other, number] = value.includes(':') ? value.split(':').map(Number) : [null, Number(value)];
  const chosen = number === undefined || Number.isNaN(number) ? null : number;
  const choose = (next: string): void => {
    const state = store.getState();
    const [left = '', right] = next.split(':');
    if (next === 'file') state.pinFile();
    else if (right === undefined) state.pinStop(Number(left));
    else state.compareWithVcpu(Number(left), Number(right));
  };
  const list = other === null ? stops : (others.find(({ session }) => session.vcpu === other)?.stops ?? stops);
  return (
    <div className="compare-side">
      <span className="compare-letter">A</span>
      <select className="choice" aria-label="A" value={value} onChange={(event) => choose(event.target.value)}>
        <optgroup label={others.length === 0 ? 'stops' : `vCPU ${vcpu}`}>
          {stopOptions({ stops, labels, chosen: other === null ? chosen : null, value: (stop) => String(stop.number) })}
        </optgroup>
        {others.map(({ session: { vcpu: aside }, stops: theirs, labels: names }) => (
          <optgroup key={aside} label={`vCPU ${aside}`}>
            {stopOptions({
              stops: theirs,
              labels: names,
              chosen: other === aside ? chosen : null,
              value: (stop) => `${aside}:${stop.number}`,
              of: `vCPU ${aside}, `,
            })}
          </optgroup>
        ))}
        {file === null ? null : (
          <optgroup label="file">
            <option value="file">{file.name}</option>
          </optgroup>
        )}
      </select>
      {value === 'file' || isListedWhole(list) ? null : (
        <StopNumber
          name="A"
          stops={list}
          value={chosen ?? 1}
          onChoose={(next) => choose(other === null ? String(next) : `${other}:${next}`)}
        />
      )}
      {value === 'file' && file !== null && file.file.states.length > 1 ? (
        <Select
          name="State of the file"
          value={String(file.state)}
          options={file.file.states
            .slice(0, MOST_STATES)
            .map(({ vcpu: state, label }) => ({ value: String(state), label }))}
          onChoose={(state) => void store.getState().compareWithFile(file.name, file.base64, Number(state))}
        />
      ) : null}
      <Button
        label="Compare with a file…"
        look="tiny ghost square"
        glyph="file"
        glyphClass="g12"
        refused={busy ? 'a file is being read' : null}
        onPress={() => pickFile((picked) => void compareWithPageFile(store, picked))}
      />
    </div>
  );
}

/** B: the stop on screen. */
export function SideB(): ReactElement | null {
  const store = useDebuggerStore();
  const stops = useDebugger((state) => state.stops);
  const labels = useDebugger((state) => state.labels);
  const b = useDebugger((state) => state.stops[state.at]);
  if (b === undefined) return null;
  const goTo = (number: number): void => store.getState().goToStop(indexOfStop(stops, number));
  return (
    <div className="compare-side">
      <span className="compare-letter">B</span>
      <select
        className="choice"
        aria-label="B"
        value={String(b.number)}
        onChange={(event) => goTo(Number(event.target.value))}
      >
        {stopOptions({ stops, labels, chosen: b.number, value: (stop) => String(stop.number) })}
      </select>
      {isListedWhole(stops) ? null : <StopNumber name="B" stops={stops} value={b.number} onChoose={goTo} />}
    </div>
  );
}

interface StopNumberProps {
  readonly name: string;
  readonly stops: readonly Stop[];
  readonly value: number;
  readonly onChoose: (number: number) => void;
}

/** Any stop by its number, where there are too many to list. */
function StopNumber({ name, stops, value, onChoose }: StopNumberProps): ReactElement {
  const [typed, setTyped] = useState<string | null>(null);
  const wanted = Number(typed ?? value);
  const known = indexOfStop(stops, wanted) >= 0;
  const commit = (): void => {
    if (typed !== null && known) onChoose(wanted);
    setTyped(null);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const command = commandOf('field', event);
    if (command === 'commit') commit();
    else if (command === 'cancel') setTyped(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <input
      type="text"
      inputMode="numeric"
      className="stop-number val small"
      aria-label={`${name}, stop number`}
      aria-invalid={!known}
      title={known ? undefined : `there is no stop ${typed}`}
      value={typed ?? String(value)}
      onChange={(event) => setTyped(event.target.value.trim())}
      onBlur={commit}
      onKeyDown={onKeyDown}
    />
  );
}
