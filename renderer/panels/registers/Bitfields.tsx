import type { ReactElement } from 'react';
import { readUint } from '../../../app/bits/bytes.ts';
import { type FieldRow, fieldMaximum, fieldsOf, fieldWord, readField } from '../../../app/xsave/bitfields.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { type Mark, markedPart, type Provenance, registerBytes } from '../../store/provenance.ts';
import { selectEditRefusal } from '../../store/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { HexRegister } from './HexRegister.tsx';
import { MARK_GLYPH, MARK_WORDS } from './MarkLegend.tsx';

interface BitfieldsProps {
  readonly provenance: Provenance;
  readonly register: string;
  readonly title: string;
  readonly sub: string;
}

/** A register as hex, as bits, and as named fields that can be staged one by one. */
export function Bitfields({ provenance, register, title, sub }: BitfieldsProps): ReactElement {
  const bytes = registerBytes(provenance.now, register);
  return (
    <section className="section" aria-label={title}>
      <div className="section-head short-head">
        <h2>{title}</h2>
        <span className="text-3 small ellipsis">{sub}</span>
      </div>
      {bytes === null ? (
        <p className="section-note text-3">not read</p>
      ) : (
        <div className="bitfields">
          <div className="bitfields-whole">
            <HexRegister provenance={provenance} register={register} sizeBytes={bytes.length} />
            <BitStrip provenance={provenance} register={register} sizeBytes={bytes.length} />
          </div>
          <div className="field-grid">
            {fieldsOf(register).map((row) => (
              <Field key={row.name} provenance={provenance} register={register} row={row} sizeBytes={bytes.length} />
            ))}
          </div>
        </div>
      )}
    </section>
  );
}

/** The bits, highest left, at most sixteen: the rest of MXCSR is reserved. */
export function BitStrip({
  provenance,
  register,
  sizeBytes,
}: {
  provenance: Provenance;
  register: string;
  sizeBytes: number;
}): ReactElement | null {
  const part = markedPart(provenance, register, 0, sizeBytes);
  if (part === null) return null;
  const value = readUint(part.bytes, 0, sizeBytes);
  const before = part.before === null ? value : readUint(part.before, 0, sizeBytes);
  const count = Math.min(16, sizeBytes * 8);
  const bits = Array.from({ length: count }, (_, at) => count - 1 - at);
  return (
    <span className="bit-strip" aria-hidden="true">
      {bits.map((bit) => {
        const set = (value >> BigInt(bit)) & 1n;
        const differs = ((before >> BigInt(bit)) & 1n) !== set;
        return (
          <span key={bit} className="bit-place">
            <span className="val micro text-3">{bit}</span>
            <span className={`val small bit-box ${set === 1n ? 'set' : ''} ${differs ? part.mark : ''}`}>
              {String(set)}
            </span>
          </span>
        );
      })}
    </span>
  );
}

interface FieldProps {
  readonly provenance: Provenance;
  readonly register: string;
  readonly row: FieldRow;
  readonly sizeBytes: number;
}

/** One field: a switch for a bit, a list for a field with words, a number for the rest. Changing it stages it. */
export function Field({ provenance, register, row, sizeBytes }: FieldProps): ReactElement | null {
  const store = useDebuggerStore();
  const refused = useDebugger(selectEditRefusal);
  const part = markedPart(provenance, register, 0, sizeBytes);
  if (part === null) return null;
  const path = `${register}.${row.name}`;
  const value = readUint(part.bytes, 0, sizeBytes);
  const now = readField(value, row);
  const before = part.before === null ? now : readField(readUint(part.before, 0, sizeBytes), row);
  const mark: Mark = before === now ? 'none' : part.mark;
  const single = row.hi === row.lo;
  const word = single ? (now === 1 ? 'on' : 'off') : fieldWord(value, row);
  const stage = (next: number): void => {
    store.getState().select({ kind: 'register', path: register });
    if (refused === null) store.getState().stage(path, String(next));
  };
  const bits = single ? `bit ${row.lo}` : `bits ${row.hi}:${row.lo}`;
  const name = `${path} ${word}${MARK_WORDS[mark]}`;
  return (
    <div className={`field-row ${mark}`} data-mark={mark}>
      <span className="val small field-name">{row.name}</span>
      <span className="text-2 small ellipsis" title={`${row.meaning}, ${bits}`}>
        {row.meaning}
      </span>
      <span className="val micro text-3 right">{single ? row.lo : `${row.hi}:${row.lo}`}</span>
      <span className="field-value">
        {mark === 'none' ? null : <Glyph name={MARK_GLYPH[mark]} className="g10" />}
        {single ? (
          <button
            type="button"
            role="switch"
            aria-checked={now === 1}
            aria-label={name}
            aria-disabled={refused === null ? undefined : true}
            title={refused ?? `${path}: Space stages the change`}
            className={`field-control inset-focus ${now === 1 ? 'on' : ''}`}
            onClick={() => stage(1 - now)}
          >
            {word}
          </button>
        ) : (
          <select
            className="field-control inset-focus"
            aria-label={name}
            title={refused ?? path}
            disabled={refused !== null}
            value={now}
            onChange={(event) => stage(Number(event.target.value))}
          >
            {Array.from({ length: fieldMaximum(row) + 1 }, (_, option) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the value of the field is its own key.
              <option key={option} value={option}>
                {row.values?.[option] ?? option}
              </option>
            ))}
          </select>
        )}
      </span>
    </div>
  );
}
