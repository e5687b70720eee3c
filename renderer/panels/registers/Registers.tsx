import type { ReactElement } from 'react';
import { REGISTER_GROUPS, type RegisterGroup } from '../../../app/xsave/components.ts';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { type Choice, Segment } from '../../controls/Segment.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { Provenance } from '../../store/select/provenance.ts';
import { selectProvenance } from '../../store/select/selectors.ts';
import { vectorFile } from '../../store/select/vector.ts';
import type { ViewSlice } from '../../store/state/view.ts';
import { General } from './General.tsx';
import { MarkLegend } from './MarkLegend.tsx';
import { Opmask } from './Opmask.tsx';
import { Pkru } from './Pkru.tsx';
import { VectorPanel } from './VectorPanel.tsx';
import { X87 } from './X87.tsx';

const GROUPS: readonly Choice<RegisterGroup>[] = REGISTER_GROUPS.map(({ group, label }) => ({ value: group, label }));

const PANELS: Readonly<Record<RegisterGroup, (props: { provenance: Provenance }) => ReactElement | null>> = {
  ...{ vector: VectorPanel, opmask: Opmask, x87: X87, pkru: Pkru, general: General },
};

export function Registers(): ReactElement | null {
  const store = useDebuggerStore();
  const group = useDebugger((state) => state.group);
  const filter = useDebugger((state) => state.registerFilter);
  const provenance = useDebugger(selectProvenance);
  if (provenance === null) return null;
  const { image } = provenance.now;
  const Panel = PANELS[group];
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
        <ActionButton
          action={action('copy-as')}
          label="Copy as…"
          look="tiny ghost outlined copy-as"
          glyph="copy"
          glyphClass="g12"
        >
          <span>Copy as…</span>
        </ActionButton>
      </div>
      <Panel provenance={provenance} />
      <MarkLegend />
    </>
  );
}
