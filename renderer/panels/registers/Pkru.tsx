import type { ReactElement } from 'react';
import { fieldsOf } from '../../../app/xsave/bitfields.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { hueOf } from '../../store/select/components.ts';
import type { Provenance } from '../../store/select/provenance.ts';
import { Field } from './Bitfields.tsx';
import { HexRegister } from './HexRegister.tsx';

/** PKRU as sixteen keys: access disabled, writes disabled. */
export function Pkru({ provenance }: { provenance: Provenance }): ReactElement {
  const { state } = viewComponent(provenance.now.image, BIT.PKRU);
  if (state === 'absent') {
    return <p className="section-note text-2">PKRU is not in this image: the guest has no protection keys.</p>;
  }
  const init = state === 'init';
  return (
    <section className="section" aria-label="PKRU">
      <div className="section-head short-head">
        <h2>PKRU</h2>
        <span className="text-3 small">sixteen keys of user pages: access disabled (AD), writes disabled (WD)</span>
      </div>
      {init ? (
        <div className="init-sentence">
          <span className="swatch short init" style={{ '--hue': hueOf(BIT.PKRU) }} />
          <span className="small">PKRU is in init: every key allows access, stored bytes not shown</span>
        </div>
      ) : null}
      <div className="bitfields">
        <div className="bitfields-whole">
          <HexRegister provenance={provenance} register="pkru" sizeBytes={4} />
        </div>
        <div className="field-grid">
          {fieldsOf('pkru').map((row) => (
            <Field key={row.name} provenance={provenance} register="pkru" row={row} sizeBytes={4} />
          ))}
        </div>
      </div>
    </section>
  );
}
