import type { ReactElement, ReactNode } from 'react';
import { equalBytes, readUint, toHexHighFirst } from '../../../app/bits/bytes.ts';
import { registerRow } from '../../../app/register/registers.ts';
import { printElement } from '../../../app/value/print.ts';
import { type FieldRow, fieldWord, readField } from '../../../app/xsave/bitfields.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { placeOf } from '../../../app/xsave/layout.ts';
import { HexDigits } from '../../controls/Hex64.tsx';
import { FIXED, isDeterministic } from '../../fixed.ts';
import { hueOf } from '../../store/components.ts';
import { useDebugger } from '../../store/context.ts';
import { markedPart, registerBytes } from '../../store/provenance.ts';
import { selectProvenance, selectSelectedBit } from '../../store/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { BitStrip } from '../registers/Bitfields.tsx';
import { MARK_GLYPH } from '../registers/MarkLegend.tsx';
import { InspectorHead } from './InspectorHead.tsx';
import { LastChanged } from './LastChanged.tsx';

const VARIES = new Set(['cr2', 'cr3']);

export function AboutRegister({ path, children }: { path: string; children: ReactNode }): ReactElement | null {
  const provenance = useDebugger(selectProvenance);
  const bit = useDebugger(selectSelectedBit);
  const row = registerRow(path);
  if (provenance === null || row === undefined) return null;
  const size = row.widthBits / 8;
  const part = markedPart(provenance, row.name, 0, size);
  const { source } = row;
  const masked = isDeterministic() && (source.kind === 'general' || VARIES.has(row.name));
  const place = bit === null ? undefined : placeOf(provenance.now.image.layout, bit);
  const first = source.kind === 'fragments' ? source.parts[0] : undefined;
  const offset =
    source.kind === 'mxcsr'
      ? 24
      : source.kind === 'header'
        ? source.offsetBytes
        : place !== undefined && first !== undefined
          ? place.offsetBytes + first.offsetBytes
          : null;
  const hex = (bytes: Uint8Array): string => (masked ? FIXED.address.replace('_', '') : toHexHighFirst(bytes));
  const mark = masked ? 'none' : (part?.mark ?? 'none');
  return (
    <>
      <InspectorHead
        hue={bit === null ? 'var(--c-header)' : hueOf(bit)}
        swatch=""
        title={/^(k|st)\d/.test(row.name) ? row.name : row.name.toUpperCase()}
        sub={whereOf(source.kind, offset, bit)}
        tag={`${row.widthBits} bits`}
      />
      <div className="scroll">
        <section className="block">
          <h3>Value</h3>
          {part === null ? (
            <span className="text-3">not read</span>
          ) : (
            <>
              <div className="line wrap">
                {part.before === null || masked ? null : (
                  <>
                    <span className="val small struck">{hex(part.before)}</span>
                    <Glyph name="arrow" className="g12 text-3" />
                  </>
                )}
                <span className={mark === 'none' ? '' : `value-mark ${mark}`}>
                  {mark === 'none' ? null : <Glyph name={MARK_GLYPH[mark]} className="g12" />}
                  <HexDigits digits={hex(part.bytes)} />
                </span>
              </div>
              {row.name.startsWith('st') ? (
                <div className="big-value">{minus(printElement('f80', part.bytes, 0))}</div>
              ) : null}
              {row.fields.length > 0 && size <= 4 && !masked ? (
                <BitStrip provenance={provenance} register={row.name} sizeBytes={size} />
              ) : null}
            </>
          )}
        </section>
        {part === null || row.fields.length === 0 || masked ? null : (
          <FieldsBlock
            fields={row.fields}
            now={readUint(part.bytes, 0, size)}
            before={readUint(part.before ?? part.bytes, 0, size)}
            mark={mark}
          />
        )}
        {masked ? null : (
          <LastChanged
            differs={(former, now) => {
              const a = registerBytes(former, row.name);
              const b = registerBytes(now, row.name);
              return a !== null && b !== null && !equalBytes(a, b);
            }}
          />
        )}
        {children}
      </div>
    </>
  );
}

const whereOf = (kind: string, offset: number | null, bit: number | null): string => {
  if (kind === 'mxcsr') return 'in the legacy region, offset 24, kept with SSE';
  if (kind === 'header') return `in the header of the image, offset ${offset ?? ''}`;
  if (kind === 'msr') return 'an MSR, outside the image';
  if (kind === 'xcr0') return 'a register of its own, outside the image';
  if (offset !== null && bit !== null) return `in ${componentLabel(bit)}, offset ${offset}`;
  return 'read with the capture, outside the image';
};

interface FieldsBlockProps {
  readonly fields: readonly FieldRow[];
  readonly now: bigint;
  readonly before: bigint;
  readonly mark: 'none' | 'changed' | 'staged' | 'written';
}

function FieldsBlock({ fields, now, before, mark }: FieldsBlockProps): ReactElement {
  const word = (value: bigint, row: FieldRow): string =>
    row.hi === row.lo ? (readField(value, row) === 1 ? 'on' : 'off') : fieldWord(value, row);
  const shown =
    fields.length > 24 ? fields.filter((row) => readField(now, row) !== 0 || readField(before, row) !== 0) : fields;
  return (
    <section className="block">
      <h3>Fields{shown.length < fields.length ? <span className="aside">those that are set</span> : null}</h3>
      {shown.map((row) => {
        const differs = readField(now, row) !== readField(before, row);
        return (
          <div key={row.name} className="field-line">
            <span className="val small field-name">{row.name}</span>
            <span className="text-2 small ellipsis" title={row.meaning}>
              {row.meaning}
            </span>
            {differs ? (
              <>
                <span className="text-3 small">{word(before, row)}</span>
                <Glyph name="arrow" className="g12 text-3" />
              </>
            ) : null}
            <span
              className={differs ? `small strong is-${mark}` : `small ${readField(now, row) === 0 ? 'is-init' : ''}`}
            >
              {word(now, row)}
            </span>
          </div>
        );
      })}
    </section>
  );
}
