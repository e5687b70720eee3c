import type { ReactElement } from 'react';
import { describeProblem } from '../../../app/bits/decoded.ts';
import { Segment } from '../../controls/Segment.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectCapture, selectCompactedLayout, selectLayoutAgreement } from '../../store/select/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { AreaMap } from './AreaMap.tsx';
import { BitMatrix } from './BitMatrix.tsx';
import { Compatibility } from './Compatibility.tsx';
import { Layouts } from './Layouts.tsx';
import { SizeLedger } from './SizeLedger.tsx';

const FORMATS = [
  { value: 'standard', label: 'Standard' },
  { value: 'compacted', label: 'Compacted' },
] as const;

export function Overview(): ReactElement | null {
  const store = useDebuggerStore();
  const capture = useDebugger(selectCapture);
  const format = useDebugger((state) => state.mapFormat);
  const compacted = useDebugger(selectCompactedLayout);
  const agreement = useDebugger(selectLayoutAgreement);
  if (capture === null) return null;
  const standard = capture.image.layout;
  const layout = format === 'compacted' && compacted !== null ? compacted : { ok: true as const, value: standard };
  return (
    <>
      <section className="section" aria-labelledby="area-head">
        <div className="section-head">
          <h2 id="area-head">XSAVE area</h2>
          <Segment
            name="Format of the map"
            look="tiny"
            value={format}
            choices={FORMATS}
            onChoose={(value) => store.getState().setMapFormat(value)}
          />
          <span className="push" />
          <span className="line tight text-3 small ellipsis" title={agreement.sentence}>
            <Glyph
              name={agreement.kind === 'same' ? 'check' : agreement.kind === 'differs' ? 'warn' : 'unknown'}
              className={`g12 ${agreement.kind === 'same' ? 'is-written' : agreement.kind === 'differs' ? 'is-armed' : 'text-3'}`}
            />
            <span className="ellipsis">{agreement.sentence}</span>
          </span>
          <span className="line tight text-3 small wide-only">
            <svg width="14" height="10" aria-hidden="true">
              <rect width="14" height="10" fill="url(#hatch)" />
            </svg>
            no component
          </span>
        </div>
        {layout.ok ? (
          <AreaMap capture={capture} layout={layout.value} />
        ) : (
          <p className="section-note text-2">
            The compacted format cannot be laid out: {describeProblem(layout.problem)}.
          </p>
        )}
      </section>
      <div className="pair">
        <SizeLedger />
        <BitMatrix />
      </div>
      <Compatibility />
      <Layouts />
    </>
  );
}
