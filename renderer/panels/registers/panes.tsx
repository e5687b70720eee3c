import type { ReactElement } from 'react';
import { useDebugger } from '../../store/context.ts';
import { type Provenance, registerBytes } from '../../store/select/provenance.ts';
import { selectProvenance } from '../../store/select/selectors.ts';
import { Bitfields } from './Bitfields.tsx';
import { General, GeneralRegisters, Segments } from './General.tsx';
import { PaneOfCells } from './place.ts';
import { VectorPanel } from './VectorPanel.tsx';

/** Registers beside whatever view is in front. */

export const GeneralPane = (): ReactElement => <Pane id="general" name="General registers" Shown={General} />;

export const SegmentsPane = (): ReactElement => <Pane id="segments" name="Segments" Shown={Segments} />;

export const RegisterFilePane = (): ReactElement => (
  <Pane id="register-file" name="Register file" Shown={RegisterFile} />
);

/** General registers, flags, and the lanes of all vector registers. */
function RegisterFile({ provenance }: { provenance: Provenance }): ReactElement {
  return (
    <>
      <GeneralRegisters provenance={provenance} />
      {registerBytes(provenance.now, 'rflags') === null ? null : (
        <Bitfields provenance={provenance} register="rflags" title="RFLAGS" sub="what each means on hover" />
      )}
      <VectorPanel provenance={provenance} lanesOnly />
    </>
  );
}

interface PaneProps {
  readonly id: string;
  readonly name: string;
  readonly Shown: (props: { provenance: Provenance }) => ReactElement;
}

function Pane({ id, name, Shown }: PaneProps): ReactElement {
  const provenance = useDebugger(selectProvenance);
  return (
    <section className="watch-pane" data-region={id} data-pane={id} tabIndex={-1} aria-label={name}>
      <div className="scroll">
        {provenance === null ? (
          <p className="pane-empty text-2">No stop yet: pause the vCPU or take a capture to see its registers.</p>
        ) : (
          <PaneOfCells.Provider value={id}>
            <Shown provenance={provenance} />
          </PaneOfCells.Provider>
        )}
      </div>
    </section>
  );
}
