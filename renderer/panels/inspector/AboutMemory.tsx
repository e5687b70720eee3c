import { type ReactElement, type ReactNode, useMemo } from 'react';
import { hexByte, toHexHighFirst } from '../../../app/bits/bytes.ts';
import { hexShort } from '../../../app/bits/mask.ts';
import type { MemoryView } from '../../../app/bridge.ts';
import { useDebugger } from '../../store/context.ts';
import { cellsOf, MEMORY_TYPES, memoryTypeBytes } from '../../store/select/memory-cells.ts';
import {
  type MemoryRowShown,
  markOf,
  placeThere,
  selectShownForm,
  shownBytes,
} from '../../store/select/memory-edits.ts';
import type { Mark } from '../../store/select/provenance.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import type { MemoryForm, MemoryPlace } from '../../store/state/guest.ts';
import type { MemoryType } from '../../store/state/memory-cells.ts';
import { selectMemoryPath, selectMemoryShown } from '../../store/vcpu/guest-slice.ts';
import { compareRows } from '../../store/vcpu/memory-matrix.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { memoryTypeLabel } from '../memory/memory-text.ts';
import { grouped, pageAt } from '../memory/page-text.ts';
import { sizeText } from '../memory/size-text.ts';
import { useMemoryRows } from '../memory/use-memory-rows.ts';
import { MARK_GLYPH } from '../registers/MarkLegend.tsx';
import { InspectorHead } from './InspectorHead.tsx';

/** In Memory the inspector is about the element that the keyboard is on: what it is, where it lies, who changed it. */
export function AboutMemory({ children }: { children: ReactNode }): ReactElement {
  const memory = useDebugger(selectMemoryShown);
  const rows = useMemoryRows();
  const form = useDebugger(selectShownForm);
  const wanted = useDebugger((state) => state.memoryPlace);
  const place = placeThere(rows, form, wanted);
  const row = rows[place.row];
  const isThere = row !== undefined && row.read.length >= (place.column + 1) * shownBytes(form);
  return memory === null || !isThere ? (
    <>
      <p className="targets-empty text-3">No memory is read: an element of it is explained here.</p>
      <div className="scroll">{children}</div>
    </>
  ) : (
    <Element {...{ memory, rows, row, form, place }}>{children}</Element>
  );
}

interface ElementProps {
  readonly memory: MemoryView;
  readonly rows: readonly MemoryRowShown[];
  readonly row: MemoryRowShown;
  readonly form: MemoryForm;
  readonly place: MemoryPlace;
  readonly children: ReactNode;
}

const MARK_SAYS: Readonly<Record<Exclude<Mark, 'none'>, string>> = {
  changed: 'changed by the guest',
  staged: 'staged, not yet written',
  written: 'written and read back',
};

function Element({ memory, rows, row, form, place, children }: ElementProps): ReactElement {
  const size = shownBytes(form);
  const type: MemoryType = form.look === 'hex' ? 'u8' : form.type;
  const from = place.column * size;
  const address = row.address + BigInt(from);
  const part = (bytes: Uint8Array): Uint8Array => bytes.subarray(from, from + size);
  const textAs = (as: MemoryType, bytes: Uint8Array): string => minus(cellsOf(bytes, as)[0]?.text ?? '');
  const bytes = part(row.bytes);
  const mark = markOf(row, from, size);
  const before =
    mark === 'staged' ? part(row.read) : mark === 'changed' && row.before !== null ? part(row.before) : null;
  const page = form.isPhysical ? null : pageAt(memory.pages, address);
  const physical = page?.physical == null ? null : BigInt(page.physical) + (address & 0xfffn);
  const path = useDebugger(selectMemoryPath);
  const others = MEMORY_TYPES.filter((other) => memoryTypeBytes(other) === size && other !== type);
  return (
    <>
      <InspectorHead
        hue="var(--c-header)"
        swatch=""
        title={hexShort(address)}
        sub={`${form.isPhysical ? 'physical' : 'linear'} memory, ${memoryTypeLabel(type)}`}
        tag={`${size} B`}
      />
      <div className="scroll">
        <section className="block" data-testid="about-memory">
          <dl className="facts">
            <dt>Value</dt>
            <dd className="val strong wraps">{textAs(type, bytes)}</dd>
            <dt>Bytes</dt>
            <dd className="val small">{Array.from(bytes, hexByte).join(' ')}</dd>
            <dt>Hex</dt>
            <dd className="val small">0x{toHexHighFirst(bytes)}</dd>
            {others.map((other) => [
              <dt key={`${other}-as`}>As {memoryTypeLabel(other)}</dt>,
              <dd key={other} className="val small wraps">
                {textAs(other, bytes)}
              </dd>,
            ])}
            <dt>Path</dt>
            <dd className="val small wraps">{path}</dd>
            {before === null ? null : (
              <>
                <dt>{mark === 'staged' ? 'As read' : 'One stop ago'}</dt>
                <dd className="val small">{textAs(type, before)}</dd>
              </>
            )}
          </dl>
          {mark === 'none' ? null : (
            <div className={`line tight is-${mark}`}>
              <Glyph name={MARK_GLYPH[mark]} className="g12" />
              {MARK_SAYS[mark]}
            </div>
          )}
        </section>
        <BesideTile {...{ rows, form, place, type }} />
        {page === null ? null : (
          <section className="block">
            <h3>Place</h3>
            <dl className="facts">
              <dt>Physical</dt>
              <dd className="val small">
                {physical === null ? (page.why ?? 'not mapped') : grouped(hexShort(physical))}
              </dd>
              <dt>Page</dt>
              <dd className="val small wraps">
                {sizeText(page.pageBytes)} {page.rights}
              </dd>
            </dl>
          </section>
        )}
        {children}
      </div>
    </>
  );
}

type BesideProps = Pick<ElementProps, 'rows' | 'form' | 'place'> & { readonly type: MemoryType };

/** What the tile beside has at the same place. */
function BesideTile({ rows, form, place, type }: BesideProps): ReactElement | null {
  const capture = useDebugger(selectCapture);
  const compared = useMemo(() => compareRows(rows, form, capture)[place.row], [rows, form, capture, place.row]);
  if (form.look !== 'matrix' || form.tile === null) return null;
  const size = shownBytes(form);
  const cell = compared?.beside?.subarray(place.column * size, (place.column + 1) * size);
  const text = cell === undefined ? undefined : cellsOf(cell, type)[0]?.text;
  if (compared === undefined || text === undefined) return null;
  const differs = compared.differing.includes(place.column);
  return (
    <section className="block" data-testid="about-memory-tile">
      <h3>
        tmm{form.tile} [{place.row}][{place.column}]
      </h3>
      <div className={`line tight ${differs ? 'is-refused' : 'is-written'}`}>
        <Glyph name={differs ? 'differs' : 'check'} className="g12" />
        <span className="val">{minus(text)}</span>
        {differs ? 'differs' : 'the same'}
      </div>
    </section>
  );
}
