import type { ReactElement } from 'react';
import { readUint } from '../../../app/bits/bytes.ts';
import {
  type FieldRow,
  fieldMaximum,
  fieldsOf,
  fieldWord,
  type ReservedRow,
  readField,
  readReserved,
  reservedOf,
} from '../../../app/xsave/bitfields.ts';
import { isDeterministic } from '../../fixed.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import {
  type Mark,
  markedPart,
  type Provenance,
  refusedBits,
  registerBytes,
  shownMark,
} from '../../store/select/provenance.ts';
import { selectEditRefusal } from '../../store/select/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { HexRegister } from './HexRegister.tsx';
import { MARK_GLYPH, MARK_WORDS } from './MarkLegend.tsx';

interface BitfieldsProps {
  readonly provenance: Provenance;
  readonly register: string;
  readonly title: string;
  readonly sub: string;
}

/** A register as hex and as named fields that can be staged one by one. */
export function Bitfields({ provenance, register, title, sub }: BitfieldsProps): ReactElement {
  const bytes = registerBytes(provenance.now, register);
  const groups = groupsOf(register);
  return (
    <section className="section" aria-label={title}>
      <div className="section-head short-head">
        <h2>{title}</h2>
        {bytes === null ? null : (
          <HexRegister
            provenance={provenance}
            register={register}
            sizeBytes={bytes.length}
            varies={register === 'rflags'}
          />
        )}
        <span className="push" />
        <span className="text-3 small ellipsis">{sub}</span>
      </div>
      {bytes === null ? (
        <p className="section-note text-3">not read</p>
      ) : (
        <div className="bitfields">
          <RefusedWhy provenance={provenance} register={register} />
          {groups.map(({ title: groupTitle, note, rows }) => (
            // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out beside others.
            <div key={groupTitle} role="group" aria-label={`${title}, ${groupTitle}`} className="field-group">
              {groups.length === 1 ? null : (
                <h3 className="small">
                  {groupTitle} <span className="text-3">{note}</span>
                </h3>
              )}
              <div className="field-tiles">
                {rows.map((row) => (
                  <Field
                    key={row.name}
                    provenance={provenance}
                    register={register}
                    row={row}
                    sizeBytes={bytes.length}
                    isTile
                  />
                ))}
              </div>
            </div>
          ))}
          <div className="field-grid">
            <ReservedField provenance={provenance} register={register} />
          </div>
        </div>
      )}
    </section>
  );
}

interface FieldGroup {
  readonly title: string;
  readonly note: string;
  readonly rows: readonly FieldRow[];
}

/** What floating point raised, what of it is masked, and the rest; a register without exceptions is one group. */
const groupsOf = (register: string): readonly FieldGroup[] => {
  const rows = fieldsOf(register);
  const of = (is: 'raised' | 'masked' | undefined): readonly FieldRow[] =>
    rows.filter(({ exception }) => exception?.is === is);
  const groups: readonly FieldGroup[] = [
    { title: 'Raised', note: 'sticky since last cleared', rows: of('raised') },
    { title: 'Masked', note: '1: no exception, default result', rows: of('masked') },
    {
      title: rows.some(({ exception }) => exception !== undefined) ? 'Control' : 'Fields',
      note: '',
      rows: of(undefined),
    },
  ];
  return groups.filter((group) => group.rows.length > 0);
};

/** Why pre-flight refuses what is staged in this register, where it is staged. */
function RefusedWhy({ provenance, register }: { provenance: Provenance; register: string }): ReactElement | null {
  if (provenance.refused === null || refusedBits(provenance, register) === 0n) return null;
  return (
    <p className="line tight small is-refused refused-why" data-testid="refused-why">
      <Glyph name="stop" className="g12" />
      <span>{provenance.refused.sentence}</span>
    </p>
  );
}

/** Bits that have to be zero; what stands in them all the same stands out. */
function ReservedField({ provenance, register }: { provenance: Provenance; register: string }): ReactElement | null {
  const shown = reservedIn(provenance, register);
  if (shown === null) return null;
  const { row, text, look, name } = shown;
  return (
    <div className={`field-row ${look}`} data-testid="reserved-bits">
      <span className="val small field-name" />
      <span className="text-2 small ellipsis">reserved, has to be zero</span>
      <span className="val micro text-3 right nowrap">
        {row.hi}:{row.lo}
      </span>
      <span className="field-value">
        {look === '' ? null : <Glyph name={look === 'refused' ? 'stop' : 'warn'} className="g10" />}
        <span role="img" aria-label={name} className="val small reserved-value">
          {text}
        </span>
      </span>
    </div>
  );
}

export interface ShownReserved {
  readonly row: ReservedRow;
  /** Hex where it is not zero. */
  readonly text: string;
  readonly look: '' | 'attention' | 'refused';
  readonly name: string;
}

/** The reserved bits of a register as they are to be shown; null: it has none, or was not read. */
export const reservedIn = (provenance: Provenance, register: string): ShownReserved | null => {
  const row = reservedOf(register);
  const bytes = registerBytes(provenance.staged ?? provenance.now, register);
  if (row === null || bytes === null) return null;
  const value = readReserved(readUint(bytes, 0, bytes.length), row);
  const look = value === 0n ? '' : (refusedBits(provenance, register) & row.mask) !== 0n ? 'refused' : 'attention';
  const text = value === 0n ? '0' : `0x${value.toString(16)}`;
  const words = look === 'refused' ? ', staged, refused' : look === 'attention' ? ', not zero' : '';
  return { row, text, look, name: `${register} reserved bits ${row.hi}:${row.lo} ${text}${words}` };
};

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
  const refused = refusedBits(provenance, register);
  const count = Math.min(16, sizeBytes * 8);
  const bits = Array.from({ length: count }, (_, at) => count - 1 - at);
  return (
    <span className="bit-strip" aria-hidden="true">
      {bits.map((bit) => {
        const set = (value >> BigInt(bit)) & 1n;
        const differs = ((before >> BigInt(bit)) & 1n) !== set;
        const mark = ((refused >> BigInt(bit)) & 1n) === 1n && part.mark === 'staged' ? 'refused' : part.mark;
        return (
          <span key={bit} className="bit-place">
            <span className="val micro text-3">{bit}</span>
            <span className={`val small bit-box ${set === 1n ? 'set' : ''} ${differs ? mark : ''}`}>{String(set)}</span>
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
  /** Name over value, large enough to hit: the meaning is said on hover and by the inspector. */
  readonly isTile?: boolean;
}

/** Where a guest stands when it is stopped, and so its flags, differ from run to run: fixed where screenshots are to be the same. */
const variesIn = (register: string, mark: Mark): boolean =>
  register === 'rflags' && isDeterministic() && mark !== 'staged' && mark !== 'written';
const FLAGS_AT_RESET = 2n;

/** One field: a switch for a bit, a list for a field with words, a number for the rest. Changing it stages it. */
export function Field({ provenance, register, row, sizeBytes, isTile = false }: FieldProps): ReactElement | null {
  const store = useDebuggerStore();
  const refused = useDebugger(selectEditRefusal);
  const part = markedPart(provenance, register, 0, sizeBytes);
  if (part === null) return null;
  const path = `${register}.${row.name}`;
  const value = variesIn(register, part.mark) ? FLAGS_AT_RESET : readUint(part.bytes, 0, sizeBytes);
  const now = readField(value, row);
  const before =
    part.before === null || variesIn(register, part.mark) ? now : readField(readUint(part.before, 0, sizeBytes), row);
  const isRefused = part.isRefused && readField(refusedBits(provenance, register), row) !== 0;
  const mark = before === now ? 'none' : shownMark({ mark: part.mark, isRefused });
  const single = row.hi === row.lo;
  const word = single ? (now === 1 ? 'on' : 'off') : fieldWord(value, row);
  const select = (): void => store.getState().select({ kind: 'register', path: register, field: row.name });
  const stage = (next: number): void => {
    select();
    if (refused === null) store.getState().stage(path, String(next));
  };
  const bits = single ? `bit ${row.lo}` : `bits ${row.hi}:${row.lo}`;
  const about = `${row.meaning}, ${bits}`;
  const name = `${path} ${word}${MARK_WORDS[mark]}`;
  const glyph = mark === 'none' ? null : <Glyph name={MARK_GLYPH[mark]} className="g10" />;
  if (isTile && single) {
    return (
      <button
        type="button"
        role="switch"
        aria-checked={now === 1}
        aria-label={`${register}.${row.name} ${now}${MARK_WORDS[mark]}`}
        aria-disabled={refused === null ? undefined : true}
        title={`${about}${refused === null ? '; Space stages the change' : `; ${refused}`}`}
        className={`field-tile inset-focus ${now === 1 ? 'on' : ''} ${mark}`}
        data-field-of={path}
        data-mark={before === now ? 'none' : part.mark}
        onFocus={select}
        onClick={() => stage(1 - now)}
      >
        {glyph}
        <span className="small">{row.name}</span> <span className="val strong">{now}</span>
      </button>
    );
  }
  return (
    <div
      className={isTile ? `field-tile wide ${mark}` : `field-row ${mark}`}
      data-mark={before === now ? 'none' : part.mark}
      title={isTile ? about : undefined}
    >
      <span className="val small field-name">{row.name}</span>
      <span className="text-2 small ellipsis" title={about}>
        {row.meaning}
      </span>
      <span className="val micro text-3 right">{single ? row.lo : `${row.hi}:${row.lo}`}</span>
      <span className="field-value">
        {glyph}
        {single ? (
          <button
            type="button"
            role="switch"
            aria-checked={now === 1}
            aria-label={name}
            aria-disabled={refused === null ? undefined : true}
            title={refused ?? `${path}: Space stages the change`}
            className={`field-control inset-focus ${now === 1 ? 'on' : ''}`}
            data-field-of={path}
            onFocus={select}
            onClick={() => stage(1 - now)}
          >
            {word}
          </button>
        ) : (
          <select
            className="field-control inset-focus"
            data-field-of={path}
            aria-label={name}
            title={refused ?? path}
            disabled={refused !== null}
            value={now}
            onFocus={select}
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
