import type { ReactElement, ReactNode } from 'react';
import { toHexHighFirst } from '../../../app/bits/bytes.ts';
import { vectorFragments } from '../../../app/register/vector.ts';
import { ELEMENT_TYPES } from '../../../app/value/element-type.ts';
import { printExact, printExactAmong } from '../../../app/value/print.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { useDebugger } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { markedPart } from '../../store/select/provenance.ts';
import { selectProvenance } from '../../store/select/selectors.ts';
import { elementPath, elementsOf, vectorFile } from '../../store/select/vector.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { everyDigit, sizeOf } from '../registers/element-text.ts';
import { MARK_GLYPH } from '../registers/MarkLegend.tsx';
import { InspectorHead } from './InspectorHead.tsx';
import { ElementChanged } from './LastChanged.tsx';
import { OverStops } from './OverStops.tsx';

interface AboutElementProps {
  readonly index: number;
  readonly element: number;
  readonly children: ReactNode;
}

/** One element of a vector register: all its digits, where it lies, and what the same bytes are in other types. */
export function AboutElement({ index, element, children }: AboutElementProps): ReactElement | null {
  const provenance = useDebugger(selectProvenance);
  const type = useDebugger((state) => state.laneType);
  if (provenance === null) return null;
  const file = vectorFile(provenance.now.image);
  const register = `${file.kind}${Math.min(index, file.count - 1)}`;
  const size = sizeOf(type);
  const at = Math.min(element, elementsOf(file, type) - 1) * size;
  const part = markedPart(provenance, register, at, size);
  const fragments = vectorFragments(provenance.now.image, file.kind, Math.min(index, file.count - 1));
  const fragment = fragments.findLast((row) => row.fromBit <= at * 8);
  const offset = fragment?.offsetBytes == null ? null : fragment.offsetBytes + at - fragment.fromBit / 8;
  const path = elementPath(file, index, type, element);
  const others = ELEMENT_TYPES.filter((row) => row.bytes === size && row.name !== type);
  const init = fragment?.state === 'init' && part?.mark !== 'staged';
  const text = (bytes: Uint8Array): string =>
    type === 'hex' ? everyDigit(type, bytes, 0) : minus(everyDigit(type, bytes, 0));
  return (
    <>
      <InspectorHead
        hue={fragment === undefined ? 'var(--line-2)' : hueOf(fragment.bit)}
        swatch={fragment?.state === 'inUse' ? '' : (fragment?.state ?? 'absent')}
        title={register}
        sub={`${path}, lane ${Math.floor(at / 16)}`}
        tag={type}
      />
      <div className="scroll">
        <section className="block">
          <h3>Value</h3>
          {part === null ? (
            <span className="text-3">not in this image</span>
          ) : init ? (
            <p className="is-init">
              {fragment === undefined ? '' : componentLabel(fragment.bit)} is in init: zero by definition, stored bytes
              not shown. Enter edits it all the same and brings the component into use.
            </p>
          ) : (
            <>
              {part.before === null ? null : (
                <div className="line">
                  <span className="val small struck">
                    {fragment?.state === 'init' && part.mark === 'staged' ? 'init' : text(part.before)}
                  </span>
                  <Glyph name="arrow" className="g12 text-3" />
                </div>
              )}
              <div className={part.mark === 'none' ? 'big-value' : `big-value value-line is-${part.mark}`}>
                {part.mark === 'none' ? null : <Glyph name={MARK_GLYPH[part.mark]} className="g12" />}
                {text(part.bytes)}
              </div>
            </>
          )}
        </section>
        <section className="block">
          <h3>Place</h3>
          <dl className="facts">
            <dt>Component</dt>
            <dd>{fragment === undefined ? 'none' : `${componentLabel(fragment.bit)}, bit ${fragment.bit}`}</dd>
            <dt>Offset</dt>
            <dd className="val small">
              {offset === null ? 'no room in this image' : `${offset} … ${offset + size - 1}`}
            </dd>
            <dt>Bits of {register}</dt>
            <dd className="val small">
              {at * 8 + size * 8 - 1}:{at * 8}
            </dd>
          </dl>
        </section>
        {part === null || init ? null : (
          <section className="block">
            <h3>The same bytes as</h3>
            <dl className="lane-facts">
              <dt className="text-3">hex</dt>
              <dd className="val small">{toHexHighFirst(part.bytes)}</dd>
              {others.map((row) => [
                <dt key={`${row.name}-type`} className="text-3">
                  {row.name}
                </dt>,
                <dd key={row.name} className="val small" title={printExact(row.name, part.bytes, 0)}>
                  {minus(printExactAmong(row.name, part.bytes, 0))}
                </dd>,
              ])}
            </dl>
          </section>
        )}
        <OverStops path={path} />
        <ElementChanged register={register} path={path} />
        {children}
      </div>
    </>
  );
}
