import { type ReactElement, type ReactNode, useState } from 'react';
import { hexShort } from '../../../app/bits/mask.ts';
import type { FirstUse, Outcome } from '../../../app/session/first-use.ts';
import type { Enablement, EnablementState } from '../../../app/xsave/enablement.ts';
import { Segment } from '../../controls/Segment.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { ComponentEntry } from '../../store/select/components.ts';
import { hueOf } from '../../store/select/components.ts';
import { selectComponents } from '../../store/select/selectors.ts';
import { selectFirstUse } from '../../store/view/xfd-arming.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { Chain } from './Chain.tsx';

const OUTCOME: Readonly<Record<Outcome['kind'], { readonly glyph: GlyphName; readonly look: string }>> = {
  executes: { glyph: 'check', look: 'is-written' },
  init: { glyph: 'info', look: 'text-2' },
  nm: { glyph: 'lock', look: 'is-armed' },
  fault: { glyph: 'stop', look: 'is-refused' },
  'not-known': { glyph: 'unknown', look: 'text-3' },
};

const XFD_INSTRUCTIONS = ['TILELOADD', 'TDPBSSD', 'LDTILECFG', 'XRSTOR'] as const;
type XfdInstruction = (typeof XFD_INSTRUCTIONS)[number];

/** The way of a first use of tile data from CPUID to #NM, as a picture and as one sentence. */
export function Xfd(): ReactElement | null {
  const story = useDebugger(selectFirstUse);
  const [instruction, setInstruction] = useState<XfdInstruction>('TILELOADD');
  const vcpu = useDebugger((state) => state.session?.vcpu ?? 0);
  if (story === null) return null;
  const outcome = story.outcomes[instruction];
  return (
    <div data-testid="xfd">
      <section className="section" aria-label="First use of TILEDATA">
        <div className="section-head">
          <h2>First use of TILEDATA on vCPU {vcpu}</h2>
          <span className="push" />
          <span className="text-3 small wide-only">instruction</span>
          <Segment
            name="Instruction"
            look="tiny"
            value={instruction}
            choices={XFD_INSTRUCTIONS.map((name) => ({
              value: name,
              label: name,
              content: <span className="val">{name}</span>,
            }))}
            onChoose={setInstruction}
          />
        </div>
        <Chain story={story} instruction={instruction} />
      </section>
      <section className="section xfd-say" aria-label="What happens">
        <p className="say" data-testid="xfd-sentence">
          <Sentence instruction={instruction} outcome={outcome} />
        </p>
        <p className="text-2">{AFTER[outcome.kind]}</p>
      </section>
      <Others story={story} />
      <EnablementTable />
    </div>
  );
}

function Sentence({ instruction, outcome }: { instruction: XfdInstruction; outcome: Outcome }): ReactElement {
  const name = (
    <>
      If the guest executes <span className="val">{instruction === 'XRSTOR' ? 'XRSTOR with bit 18' : instruction}</span>{' '}
      now, it{' '}
    </>
  );
  if (outcome.kind === 'nm') {
    return (
      <>
        {name}
        raises <strong>#NM</strong> and <span className="val">XFD_ERR</span> becomes{' '}
        <span className="val">0x40000</span>.
      </>
    );
  }
  if (outcome.kind === 'not-known') return <>What happens at the next first use is not known: {outcome.why}.</>;
  return (
    <>
      {name}
      {outcome.word}: {outcome.why}.
    </>
  );
}

const AFTER: Readonly<Record<Outcome['kind'], string>> = {
  nm: 'KVM keeps XFD_ERR for the guest and delivers the exception. A guest kernel that knows AMX makes room for the task, disarms, and the instruction runs again. No exit to the VMM.',
  executes: 'TILEDATA comes into use with the first tile that is loaded, and every later save of the guest carries it.',
  init: 'TILEDATA is in init afterwards.',
  fault: 'The instruction does not reach the tiles; XFD is not asked.',
  'not-known': 'A running or partly read vCPU is not guessed about.',
};

interface OtherRow {
  readonly names: string;
  readonly outcome: Outcome;
}

const otherRows = ({ outcomes }: FirstUse): readonly OtherRow[] => [
  { names: 'TILELOADD, TILEZERO, TDPBSSD', outcome: outcomes.TILELOADD },
  { names: 'LDTILECFG, TILERELEASE', outcome: outcomes.LDTILECFG },
  { names: 'STTILECFG', outcome: outcomes.STTILECFG },
  { names: 'XSAVEC, XSAVES', outcome: outcomes.XSAVEC },
  { names: 'XRSTOR with bit 18 set', outcome: outcomes.XRSTOR },
];

function Others({ story }: { story: FirstUse }): ReactElement {
  return (
    <section className="section" aria-label="What other instructions would do now">
      <div className="section-head">
        <h2>What other instructions would do now</h2>
      </div>
      <table className="xfd-table">
        <thead>
          <tr>
            <th scope="col">instruction</th>
            <th scope="col">outcome</th>
            <th scope="col">why</th>
          </tr>
        </thead>
        <tbody>
          {otherRows(story).map(({ names, outcome }) => (
            <tr key={names}>
              <td className="val small">{names}</td>
              <td>
                <span className={`line tight ${OUTCOME[outcome.kind].look}`}>
                  <Glyph name={OUTCOME[outcome.kind].glyph} className="g12" />
                  {outcome.word}
                </span>
              </td>
              <td className="text-2">{outcome.why}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const STEPS: readonly { readonly key: keyof Enablement; readonly label: string }[] = [
  { key: 'supported', label: 'supported' },
  { key: 'enabled', label: 'enabled' },
  { key: 'permitted', label: 'permitted' },
  { key: 'inUse', label: 'in use' },
];
const WORD: Readonly<Record<EnablementState, string>> = {
  yes: 'yes',
  no: 'no',
  'not-needed': 'not needed',
  'not-known': 'not known',
};

/** The enablement of every component that the guest could use, in words. */
function EnablementTable(): ReactElement {
  const store = useDebuggerStore();
  const entries = useDebugger(selectComponents);
  // What can be armed comes first: it is what this view is about.
  const armable = entries.filter((entry) => entry.canBeArmed);
  const shown = [...armable, ...entries.filter((entry) => entry.group === 'in' && !entry.canBeArmed)];
  return (
    <section className="section" aria-label="Enablement">
      <div className="section-head">
        <h2>Supported, enabled, permitted, in use</h2>
        <span className="text-3 small">and what XFD can arm</span>
      </div>
      <table className="xfd-table enablement-table">
        <thead>
          <tr>
            <th scope="col">component</th>
            {STEPS.map(({ key, label }) => (
              <th key={key} scope="col">
                {label}
              </th>
            ))}
            <th scope="col">XFD</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((entry) => (
            <tr key={entry.bit} className={entry.canBeArmed ? 'chosen' : ''}>
              <td>
                <button
                  type="button"
                  className="line tight plain-button"
                  onClick={() => store.getState().select({ kind: 'component', bit: entry.bit })}
                >
                  <span
                    className={`swatch short ${entry.state === 'inUse' ? '' : entry.state}`}
                    style={{ '--hue': hueOf(entry.bit) }}
                  />
                  {entry.label}
                </button>
              </td>
              {STEPS.map(({ key }) => (
                <td key={key}>
                  <StepCell state={entry.enablement[key]} />
                </td>
              ))}
              <td>
                <ArmedCell entry={entry} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function StepCell({ state }: { state: EnablementState }): ReactNode {
  const look = { yes: 'text-1', no: 'is-init', 'not-needed': 'text-3', 'not-known': 'text-3' }[state];
  return <span className={`small ${look}`}>{WORD[state]}</span>;
}

function ArmedCell({ entry }: { entry: ComponentEntry }): ReactElement {
  if (!entry.canBeArmed) return <span className="text-3 small">cannot be armed</span>;
  if (entry.armed === null) return <span className="text-3 small">not read</span>;
  return (
    <span className={`line tight small ${entry.armed ? 'is-armed' : 'text-2'}`}>
      <Glyph name={entry.armed ? 'lock' : 'unlock'} className="g12" />
      {entry.armed ? `armed (${hexShort(1n << BigInt(entry.bit))})` : 'disarmed'}
    </span>
  );
}
