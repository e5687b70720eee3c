import type { ReactElement } from 'react';
import { readUint } from '../../../app/bits/bytes.ts';
import { type FieldRow, fieldWord, readField } from '../../../app/xsave/bitfields.ts';
import { type Marked, type Provenance, refusedBits, type ShownMark, shownMark } from '../../store/select/provenance.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { reservedIn } from '../registers/Bitfields.tsx';
import { MARK_GLYPH, MARK_WORDS } from '../registers/MarkLegend.tsx';

/** More fields than this are shown where they are set. */
const MOST_FIELDS = 24;

interface RegisterFieldsProps {
  readonly provenance: Provenance;
  readonly register: string;
  readonly part: Marked;
  readonly fields: readonly FieldRow[];
  readonly chosen: string | null;
}

/** One field as it is, as it was, and who changed it. */
interface ShownField {
  readonly row: FieldRow;
  readonly now: number;
  readonly word: string;
  /** null: the same. */
  readonly before: string | null;
  readonly mark: ShownMark;
}

const wordOf = (value: bigint, row: FieldRow): string =>
  row.hi === row.lo ? (readField(value, row) === 1 ? 'on' : 'off') : fieldWord(value, row);

const placeOf = ({ hi, lo }: { hi: number; lo: number }): string => (hi === lo ? `bit ${lo}` : `bits ${hi}:${lo}`);

/** The exceptions of a floating-point unit as chips, every other field as a line, and what has to be zero. */
export function RegisterFields(props: RegisterFieldsProps): ReactElement {
  const { provenance, register, part, fields, chosen } = props;
  const now = readUint(part.bytes, 0, part.bytes.length);
  const before = part.before === null ? now : readUint(part.before, 0, part.before.length);
  const refused = refusedBits(provenance, register);
  const shown = fields.map((row): ShownField => {
    const differs = readField(now, row) !== readField(before, row);
    const isRefused = part.isRefused && readField(refused, row) !== 0;
    return {
      row,
      now: readField(now, row),
      word: wordOf(now, row),
      before: differs ? wordOf(before, row) : null,
      mark: differs ? shownMark({ mark: part.mark, isRefused }) : 'none',
    };
  });
  const lines = shown.filter(({ row }) => row.exception === undefined);
  const few =
    lines.length > MOST_FIELDS
      ? lines.filter((line) => line.now !== 0 || line.before !== null || line.row.name === chosen)
      : lines;
  const isCompact = lines.length < shown.length;
  return (
    <section className={`block ${isCompact ? 'dense' : ''}`} aria-label="Fields">
      {isCompact ? null : (
        <h3>Fields{few.length < lines.length ? <span className="aside">those that are set</span> : null}</h3>
      )}
      <Exceptions is="raised" fields={shown} chosen={chosen} />
      <Exceptions is="masked" fields={shown} chosen={chosen} />
      {few.map((line) => (
        <Line key={line.row.name} line={line} strong={line.row.name === chosen} />
      ))}
      <Reserved provenance={provenance} register={register} />
    </section>
  );
}

/** How many of the six: "none", "precision only", "all six". */
const exceptionWords = (set: readonly ShownField[], all: readonly ShownField[]): string => {
  const [only] = set;
  if (only === undefined) return 'none';
  if (set.length === all.length) return 'all six';
  return set.length === 1 ? `${only.row.exception?.name ?? only.row.name} only` : `${set.length} of six`;
};

function Exceptions({
  is,
  fields,
  chosen,
}: {
  is: 'raised' | 'masked';
  fields: readonly ShownField[];
  chosen: string | null;
}): ReactElement | null {
  const chips = fields.filter(({ row }) => row.exception?.is === is);
  if (chips.length === 0) return null;
  const words = exceptionWords(
    chips.filter(({ now }) => now === 1),
    chips,
  );
  return (
    <div className="exceptions" data-testid={`exceptions-${is}`}>
      <div className="line small text-2">
        {is}
        <span className="push" />
        {words}
      </div>
      <ul className="exception-chips" aria-label={`${is}: ${words}`}>
        {chips.map(({ row, word, before, mark }) => (
          <li
            key={row.name}
            className={`chip val small ${word === 'on' ? 'set' : ''} ${mark === 'none' ? '' : mark} ${row.name === chosen ? 'chosen' : ''}`}
            title={`${row.name}: ${row.meaning}, bit ${row.lo}${before === null ? '' : `, before ${before}`}`}
            aria-label={`${row.name} ${word}${MARK_WORDS[mark]}`}
          >
            {mark === 'none' ? null : <Glyph name={MARK_GLYPH[mark]} className="g8" />}
            {row.name}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Line({ line, strong }: { line: ShownField; strong: boolean }): ReactElement {
  const { row, now, word, before, mark } = line;
  return (
    <div className={`field-line ${strong ? 'strong' : ''}`}>
      <span className="val small field-name">{row.name}</span>
      <span className="text-2 small ellipsis" title={`${row.meaning}, ${placeOf(row)}`}>
        {row.meaning}
      </span>
      {before === null ? null : (
        <>
          <span className="text-3 small">{before}</span>
          <Glyph name="arrow" className="g12 text-3" />
        </>
      )}
      {mark === 'none' ? (
        <span className={`small ${now === 0 ? 'is-init' : ''}`}>{word}</span>
      ) : (
        <span className={`value-mark small strong ${mark}`}>
          <Glyph name={MARK_GLYPH[mark]} className="g10" />
          {word}
        </span>
      )}
    </div>
  );
}

function Reserved({ provenance, register }: { provenance: Provenance; register: string }): ReactElement | null {
  const shown = reservedIn(provenance, register);
  if (shown === null) return null;
  const { row, text, look, name } = shown;
  return (
    <div className="field-line" role="img" aria-label={name}>
      <span className="val small field-name" />
      <span className="text-2 small ellipsis">{placeOf(row)}, reserved</span>
      {look === '' ? (
        <span className="val small is-init">{text}</span>
      ) : (
        <span className={`value-mark val small strong ${look}`}>
          <Glyph name={look === 'refused' ? 'stop' : 'warn'} className="g10" />
          {text}
        </span>
      )}
    </div>
  );
}
