import { type ReactElement, useMemo } from 'react';
import type { LayoutColumn, LayoutRow, TablePlace } from '../../../app/compat/layouts.ts';
import { PRESETS } from '../../../app/xsave/presets.ts';
import { Select } from '../../controls/Select.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { selectSelectedBit } from '../../store/select/selectors.ts';
import { selectLayoutTable } from '../../store/view/compatibility.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count, maskedPids } from '../../wording.ts';

const HEADS: Readonly<Record<LayoutColumn['id'], string>> = {
  guest: 'guest CPUID',
  host: 'host CPUID',
  file: 'this image',
  there: 'destination',
};

/** Guest CPUID, host CPUID, the image and where it might go: offset and size of each component, side by side. */
export function Layouts(): ReactElement {
  const table = useDebugger(selectLayoutTable);
  const selected = useDebugger(selectSelectedBit);
  const differing = table.differing.length;
  const shown = table.columns.flatMap((column, index) => (column.layout === null ? [] : [{ column, index }]));
  const notes = useMemo(() => notesOf(table.columns), [table]);
  const image = table.columns.find((column) => column.id === 'file');
  const guessed = image?.layout?.source.startsWith('guessed') ?? false;
  return (
    <section className="section" aria-labelledby="layouts-head" data-testid="layouts">
      <div className="section-head">
        <h2 id="layouts-head">Layouts</h2>
        <span className="text-3 small">
          offset and size in bytes;{' '}
          {differing === 0 ? 'no component differs in place' : `${count(differing, 'component')} in different places`}
        </span>
        <span className="push" />
        <LayoutChoice />
      </div>
      {image?.layout == null ? null : (
        <p className="layout-source small">
          {guessed ? <Glyph name="warn" className="g12 is-armed" /> : null}
          <span className={guessed ? '' : 'text-3'}>
            image: {guessed ? 'layout ' : 'layout from '}
            {image.layout.source}
          </span>
        </p>
      )}
      <table className="layouts">
        <thead>
          <tr>
            <th scope="col">component</th>
            {shown.map(({ column }) => (
              <th key={column.id} scope="col" className="right" title={maskedPids(column.label)}>
                {HEADS[column.id]}
              </th>
            ))}
            <th scope="col" />
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => (
            <Row key={row.bit} row={row} shown={shown} selected={row.bit === selected} />
          ))}
          <tr className="total">
            <th scope="row">ends at</th>
            {shown.map(({ column }) => (
              <td key={column.id} className="val right">
                {column.totalBytes}
              </td>
            ))}
            <td />
          </tr>
        </tbody>
      </table>
      {notes.length === 0 ? null : (
        <ul className="layout-notes small text-2">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** What is to be said of the columns; what holds for several is said once, with their names. */
const notesOf = (columns: readonly LayoutColumn[]): readonly string[] => {
  const whose = new Map<string, string[]>();
  for (const column of columns) {
    const said = [
      ...(column.layout === null ? [column.why ?? 'not read'] : []),
      ...column.holes.map(({ offsetBytes, sizeBytes }) => `a hole of ${sizeBytes} bytes at ${offsetBytes}`),
      ...column.doubts,
    ];
    for (const sentence of said) whose.set(sentence, [...(whose.get(sentence) ?? []), HEADS[column.id]]);
  }
  return [...whose].map(([sentence, names]) => `${names.join(', ')}: ${sentence}`);
};

/** A file's layout can be named where it was guessed, or is not what the file says. */
function LayoutChoice(): ReactElement | null {
  const store = useDebuggerStore();
  const session = useDebugger((state) => state.session);
  // A capture says its own layout, measured where it was taken.
  if (session?.file === undefined || session.file.kind === 'capture') return null;
  const options = [
    { value: '', label: 'what the file says, or a guess' },
    ...PRESETS.map(({ name, label }) => ({ value: name, label })),
  ];
  return (
    <>
      <span className="text-3 small">image laid out as</span>
      <Select
        name="Layout of the image"
        value={session.file.preset ?? ''}
        options={options}
        onChoose={(preset) => void store.getState().chooseState(session.vcpu, preset)}
      />
    </>
  );
}

const placeText = (place: TablePlace): string =>
  place.offsetBytes === null ? `${place.sizeBytes}` : `${place.offsetBytes} + ${place.sizeBytes}`;

const DIFFERENCE: Readonly<Record<LayoutRow['difference'], string>> = {
  same: '',
  place: 'differs',
  missing: 'not in all',
};

interface RowProps {
  readonly row: LayoutRow;
  /** The columns that are known, and where they stand in the row. */
  readonly shown: readonly { readonly column: LayoutColumn; readonly index: number }[];
  readonly selected: boolean;
}

function Row({ row, shown, selected }: RowProps): ReactElement {
  const store = useDebuggerStore();
  return (
    <tr
      className={`${selected ? 'selected' : ''} ${row.difference === 'place' ? 'differs' : ''}`}
      onClick={() => store.getState().select({ kind: 'component', bit: row.bit })}
    >
      <th scope="row">
        <span className="line tight">
          <span className="swatch short" style={{ '--hue': hueOf(row.bit) }} />
          {row.name} <span className="val micro text-3">{row.bit}</span>
        </span>
      </th>
      {shown.map(({ column, index }) => {
        const place = row.places[index] ?? null;
        return (
          <td key={column.id} className="val right">
            {place === null ? <span className="text-3">none</span> : placeText(place)}
          </td>
        );
      })}
      <td className={`small ${row.difference === 'place' ? 'is-armed' : 'text-3'}`}>
        {row.difference === 'place' ? <Glyph name="warn" className="g12" /> : null} {DIFFERENCE[row.difference]}
      </td>
    </tr>
  );
}
