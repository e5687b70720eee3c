import type { ReactElement } from 'react';
import { MSRS } from '../../../app/cpu/msrs.ts';
import { REGISTERS, type RegisterRow } from '../../../app/register/registers.ts';
import { useDebugger } from '../../store/context.ts';
import type { Provenance } from '../../store/select/provenance.ts';
import { selectProvenance } from '../../store/select/selectors.ts';
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
      <List
        provenance={provenance}
        title="General registers"
        sub="staged, written and read back like every other value; Restore writes those that were written"
        rows={GENERAL}
        readOnly={false}
      />
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

const Segments = ({ provenance }: { provenance: Provenance }): ReactElement => (
  <List
    provenance={provenance}
    title="Segments"
    sub="selectors, and the bases that are MSRs"
    rows={SEGMENTS}
    readOnly
  />
);

/** General registers beside whatever view is in front. */
export const GeneralPane = (): ReactElement => <Pane id="general" name="General registers" Shown={General} />;

export const SegmentsPane = (): ReactElement => <Pane id="segments" name="Segments" Shown={Segments} />;

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
          <Shown provenance={provenance} />
        )}
      </div>
    </section>
  );
}

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
