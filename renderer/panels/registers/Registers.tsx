import type { ReactElement } from 'react';
import { BIT } from '../../../app/xsave/components.ts';
import { placeOf } from '../../../app/xsave/layout.ts';
import { type Choice, Segment } from '../../controls/Segment.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectProvenance } from '../../store/select/selectors.ts';
import { vectorFile } from '../../store/select/vector.ts';
import type { RegisterGroup, ViewSlice } from '../../store/state/view.ts';
import { Bitfields } from './Bitfields.tsx';
import { General } from './General.tsx';
import { MarkLegend } from './MarkLegend.tsx';
import { Opmask } from './Opmask.tsx';
import { Pkru } from './Pkru.tsx';
import { VectorPanel } from './VectorPanel.tsx';
import { X87 } from './X87.tsx';

const GROUPS: readonly Choice<RegisterGroup>[] = [
  { value: 'vector', label: 'Vector' },
  { value: 'opmask', label: 'Opmask' },
  { value: 'x87', label: 'x87' },
  { value: 'mxcsr', label: 'MXCSR' },
  { value: 'pkru', label: 'PKRU' },
  { value: 'general', label: 'General' },
];

export function Registers(): ReactElement | null {
  const store = useDebuggerStore();
  const group = useDebugger((state) => state.group);
  const filter = useDebugger((state) => state.registerFilter);
  const provenance = useDebugger(selectProvenance);
  if (provenance === null) return null;
  const { image } = provenance.now;
  const filters: readonly Choice<ViewSlice['registerFilter']>[] = [
    { value: 'all', label: `All ${vectorFile(image).count}` },
    { value: 'nonzero', label: 'Non-zero' },
    { value: 'changed', label: 'Changed' },
  ];
  return (
    <>
      <div className="section-head register-head">
        <Segment
          name="Registers"
          look="tiny"
          value={group}
          choices={GROUPS}
          onChoose={(value) => store.getState().setGroup(value)}
        />
        <span className="push" />
        {group === 'vector' ? (
          <Segment
            name="Show registers"
            filter
            look="tiny"
            value={filter}
            choices={filters}
            onChoose={(value) => store.getState().setRegisterFilter(value)}
          />
        ) : null}
      </div>
      {group === 'vector' ? (
        <VectorPanel provenance={provenance} />
      ) : group === 'opmask' ? (
        <Opmask provenance={provenance} />
      ) : group === 'x87' ? (
        <X87 provenance={provenance} />
      ) : group === 'mxcsr' ? (
        <Bitfields
          provenance={provenance}
          register="mxcsr"
          title="MXCSR"
          sub="control and status of SSE; in the legacy region at offset 24, read whatever XSTATE_BV says"
        />
      ) : group === 'pkru' ? (
        <Pkru provenance={provenance} present={placeOf(image.layout, BIT.PKRU) !== undefined} />
      ) : (
        <General provenance={provenance} />
      )}
      <MarkLegend />
    </>
  );
}
