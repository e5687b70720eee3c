import type { ReactElement, ReactNode } from 'react';
import { toHexHighFirst } from '../../../app/bits/bytes.ts';
import { parsePath } from '../../../app/register/path.ts';
import { showText } from '../../../app/register/read.ts';
import { registerRow } from '../../../app/register/registers.ts';
import { printElement } from '../../../app/value/print.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { placeOf } from '../../../app/xsave/layout.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { HexDigits } from '../../controls/Hex64.tsx';
import { FIXED } from '../../fixed.ts';
import { useDebugger } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { type Mark, markedPart, type Provenance, shownMark } from '../../store/select/provenance.ts';
import { selectProvenance, selectSelectedBit } from '../../store/select/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { BitStrip } from '../registers/Bitfields.tsx';
import { MARK_GLYPH } from '../registers/MarkLegend.tsx';
import { varies } from '../registers/varies.ts';
import { HexDump } from './HexDump.tsx';
import { InspectorHead } from './InspectorHead.tsx';
import { RegisterChanged } from './LastChanged.tsx';
import { RegisterFields } from './RegisterFields.tsx';

/** Longer registers are shown as bytes, in rows. */
const MOST_LINE_BYTES = 16;

interface AboutRegisterProps {
  readonly path: string;
  /** The field that was chosen in it; null: the whole register. */
  readonly field: string | null;
  readonly children: ReactNode;
}

export function AboutRegister({ path, field, children }: AboutRegisterProps): ReactElement | null {
  const provenance = useDebugger(selectProvenance);
  const bit = useDebugger(selectSelectedBit);
  const row = registerRow(path);
  if (provenance === null || row === undefined) return null;
  const size = row.widthBits / 8;
  const part = markedPart(provenance, row.name, 0, size);
  const { source } = row;
  const fixedNow = varies(row.name);
  const masked = fixedNow && part?.mark !== 'staged' && part?.mark !== 'written';
  const place = bit === null ? undefined : placeOf(provenance.now.image.layout, bit);
  const state = bit === null ? null : viewComponent(provenance.now.image, bit).state;
  const first = source.kind === 'fragments' ? source.parts[0] : undefined;
  const offset =
    source.kind === 'mxcsr'
      ? 24
      : source.kind === 'header'
        ? source.offsetBytes
        : place !== undefined && first !== undefined
          ? place.offsetBytes + first.offsetBytes
          : null;
  const hex = (bytes: Uint8Array, fixed = masked): string =>
    fixed ? FIXED.address.replace('_', '') : toHexHighFirst(bytes);
  const mark = masked ? 'none' : (part?.mark ?? 'none');
  const shown = masked ? 'none' : shownMark(part);
  // Control and status of floating point: all of it is to be seen at once.
  const isDense = row.fields.some(({ exception }) => exception !== undefined);
  return (
    <>
      <InspectorHead
        hue={bit === null ? 'var(--c-header)' : hueOf(bit)}
        swatch={state === 'inUse' ? '' : (state ?? '')}
        title={/^(k|st)\d/.test(row.name) ? row.name : row.name.toUpperCase()}
        sub={whereOf(source.kind, offset, bit)}
        tag={`${row.widthBits} bits`}
      />
      <div className="scroll">
        <section className={`block ${isDense ? 'dense' : ''}`}>
          {isDense ? null : <h3>Value</h3>}
          {part === null ? (
            <span className="text-3">not read</span>
          ) : size > MOST_LINE_BYTES ? (
            <>
              {field === null ? null : <TileConfigField provenance={provenance} field={field} mark={mark} />}
              <HexDump bytes={part.bytes} offsetBytes={offset ?? 0} />
            </>
          ) : (
            <>
              <div className="line wrap">
                {part.before === null || masked ? null : (
                  <>
                    <span className="val small struck">{hex(part.before, fixedNow)}</span>
                    <Glyph name="arrow" className="g12 text-3" />
                  </>
                )}
                <span className={shown === 'none' ? '' : `value-mark ${shown}`}>
                  {shown === 'none' ? null : <Glyph name={MARK_GLYPH[shown]} className="g12" />}
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
        {part === null || row.fields.length === 0 || fixedNow ? null : (
          <RegisterFields provenance={provenance} register={row.name} part={part} fields={row.fields} chosen={field} />
        )}
        {masked ? null : <RegisterChanged register={row.name} field={field} dense={isDense} />}
        {children}
      </div>
    </>
  );
}

/** A field of TILECFG: a number, before and after where they differ. */
function TileConfigField({ provenance, field, mark }: { provenance: Provenance; field: string; mark: Mark }) {
  const path = parsePath(`tilecfg.${field}`);
  if (!path.ok) return null;
  const { now, staged, previous, written } = provenance;
  const value = showText(staged ?? now, path.value);
  const earlier = mark === 'staged' ? now : mark === 'written' ? (written?.over ?? null) : previous;
  const before = earlier === null ? value : showText(earlier, path.value);
  return (
    <div className="field-line strong">
      <span className="val small field-name">{field}</span>
      {before === value ? null : (
        <>
          <span className="val small struck">{before}</span>
          <Glyph name="arrow" className="g12 text-3" />
        </>
      )}
      <span className={before === value ? 'val small' : `val small is-${mark}`}>{value}</span>
    </div>
  );
}

const whereOf = (kind: string, offset: number | null, bit: number | null): string => {
  if (kind === 'mxcsr') return 'in the legacy region, offset 24, kept with SSE';
  if (kind === 'header') return `in the header of the image, offset ${offset ?? ''}`;
  if (kind === 'msr') return 'an MSR, outside the image';
  if (kind === 'xcr0') return 'a register of its own, outside the image';
  if (kind === 'general') return 'a general register, outside the image';
  if (kind === 'control') return 'a control register: can be read here, not written';
  if (offset !== null && bit !== null) return `in ${componentLabel(bit)}, offset ${offset}`;
  return 'read with the capture, outside the image';
};
