import type { ReactElement } from 'react';
import { MSRS } from '../../../app/cpu/msrs.ts';
import { REGISTERS, type RegisterRow } from '../../../app/register/registers.ts';
import type { Provenance } from '../../store/select/provenance.ts';
import { Bitfields } from './Bitfields.tsx';
import { HexRegister } from './HexRegister.tsx';
import { RegisterName } from './RegisterName.tsx';
import { SetBits } from './SetBits.tsx';

const GENERAL = REGISTERS.filter((row) => row.source.kind === 'general');
const CONTROL = REGISTERS.filter((row) => row.source.kind === 'control');
const SEGMENTS = REGISTERS.filter((row) => row.source.kind === 'segment');
const OUTSIDE = REGISTERS.filter(
  (row) => row.source.kind === 'xcr0' || row.source.kind === 'msr' || row.source.kind === 'header',
);

/** These differ from run to run; the others are set once by the guest. */
const STEADY = new Set(['cr0', 'cr4', 'cr8', 'efer']);

const MEANINGS: Readonly<Record<string, string>> = {
  xcr0: 'which user components are enabled',
  xstate_bv: 'header of the image: which components hold saved values',
  xcomp_bv: 'header of the image: zero in the standard format',
};
const meaningOf = (row: RegisterRow): string =>
  MSRS.find((msr) => msr.path === row.name)?.meaning ?? MEANINGS[row.name] ?? '';

export function General({ provenance }: { provenance: Provenance }): ReactElement {
  return (
    <>
      <GeneralRegisters provenance={provenance} />
      <Bitfields provenance={provenance} register="rflags" title="RFLAGS" sub="flags, and what they mean on hover" />
      <ControlRegisters provenance={provenance} />
      <Segments provenance={provenance} />
      <section className="section" aria-label="Registers about components">
        <div className="section-head short-head">
          <h2>About components</h2>
          <span className="text-3 small ellipsis">XCR0, the MSRs of extended state, and the header of the image</span>
        </div>
        <dl className="scalar-list wide">
          {OUTSIDE.map((row) => (
            <div key={row.name}>
              <dt>
                <span className="val">{row.name.toUpperCase()}</span>{' '}
                <span className="text-3 small">{meaningOf(row)}</span>
              </dt>
              <dd className="small">
                <HexRegister provenance={provenance} register={row.name} sizeBytes={8} />
              </dd>
            </div>
          ))}
        </dl>
      </section>
    </>
  );
}

export const GeneralRegisters = ({ provenance }: { provenance: Provenance }): ReactElement => (
  <List
    provenance={provenance}
    title="General registers"
    sub="staged, written and read back like every other value; Restore writes those that were written"
    rows={GENERAL}
    readOnly={false}
  />
);

/** Read only: paging and modes of the guest hang on them. */
export const ControlRegisters = ({ provenance }: { provenance: Provenance }): ReactElement => (
  <List
    provenance={provenance}
    title="Control registers"
    sub="read only; what each bit does on hover"
    rows={CONTROL}
    readOnly
  />
);

export const Segments = ({ provenance }: { provenance: Provenance }): ReactElement => (
  <List
    provenance={provenance}
    title="Segments"
    sub="selectors, and the bases that are MSRs"
    rows={SEGMENTS}
    readOnly
  />
);

interface ListProps {
  readonly provenance: Provenance;
  readonly title: string;
  readonly sub: string;
  readonly rows: readonly RegisterRow[];
  readonly readOnly: boolean;
}

function List({ provenance, title, sub, rows, readOnly }: ListProps): ReactElement {
  return (
    <section className="section" aria-label={title}>
      <div className="section-head short-head">
        <h2>{title}</h2>
        <span className="text-3 small ellipsis">{sub}</span>
      </div>
      <dl className={readOnly ? 'scalar-list decoded' : 'scalar-list pairs'}>
        {rows.map((row) => (
          <div key={row.name}>
            <dt className="val">
              <RegisterName name={row.name} />
            </dt>
            {readOnly ? <SetBits provenance={provenance} register={row.name} /> : null}
            <dd className="small">
              <HexRegister
                provenance={provenance}
                register={row.name}
                sizeBytes={row.widthBits / 8}
                readOnly={readOnly}
                varies={!STEADY.has(row.name)}
              />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
