import type { ReactElement } from 'react';
import { type Decoded, describeProblem } from '../../../app/bits/decoded.ts';
import type { TargetIdentity } from '../../../app/capture/capture.ts';
import { PRESETS } from '../../../app/xsave/presets.ts';
import { pickFile, readToRestore } from '../../actions/open-file.ts';
import { Button } from '../../controls/Button.tsx';
import { RefusalNote } from '../../controls/RefusalNote.tsx';
import { Segment } from '../../controls/Segment.tsx';
import { Select } from '../../controls/Select.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { isNamed, type RestorePlan } from '../../store/restore/restore-plan.ts';
import { stopName } from '../../store/select/stop-name.ts';
import type { RestoreFile, RestoreTo } from '../../store/state/restore.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { maskedPids, pidText } from '../../wording.ts';

const PRESET_OPTIONS = PRESETS.map(({ name, label }) => ({ value: name, label }));

const kindsOf = (model: boolean): readonly { readonly value: RestoreTo['kind']; readonly label: string }[] => [
  { value: 'attach', label: model ? 'State at the start' : 'State at attach' },
  { value: 'stop', label: 'A stop' },
  { value: 'file', label: 'A file' },
];

/** Where the state comes from: attach, a stop of this vCPU, a file. */
export function RestoreSource({ plan }: { plan: Decoded<RestorePlan> | null }): ReactElement {
  const store = useDebuggerStore();
  const to = useDebugger((state) => state.restoreTo);
  const model = useDebugger((state) => state.session?.kind === 'model');
  const choose = (kind: RestoreTo['kind']): void => {
    const { stops, at } = store.getState();
    // The stop on screen, where it is an earlier one: else the one before the newest, which is where undo would lead.
    const shown = at < stops.length - 1 ? stops[at] : (stops.at(-2) ?? stops[0]);
    store.getState().setRestoreTo(kind === 'stop' ? { kind, number: shown?.number ?? 1 } : { kind });
  };
  return (
    <section className="restore-part" aria-label="To">
      <div className="line wrap">
        <Segment name="Restore to" value={to.kind} choices={kindsOf(model)} onChoose={choose} />
        {to.kind === 'stop' ? <StopChoice number={to.number} /> : null}
        {to.kind === 'file' ? <FileChoice /> : null}
      </div>
      {to.kind === 'file' ? <FileVerdict plan={plan} /> : null}
    </section>
  );
}

function StopChoice({ number }: { number: number }): ReactElement {
  const store = useDebuggerStore();
  const stops = useDebugger((state) => state.stops);
  const labels = useDebugger((state) => state.labels);
  return (
    <Select
      name="Stop to restore"
      value={String(number)}
      options={stops.map((stop) => ({
        value: String(stop.number),
        label: `stop ${stop.number}, ${stopName(stop, labels)}`,
      }))}
      onChoose={(value) => store.getState().setRestoreTo({ kind: 'stop', number: Number(value) })}
    />
  );
}

function FileChoice(): ReactElement {
  const store = useDebuggerStore();
  const chosen = useDebugger((state) => state.restoreFile);
  const reading = useDebugger((state) => state.restoreReading);
  const again = ({ name, base64 }: RestoreFile, state: number, preset: string): void =>
    void store.getState().readRestoreFile(name, base64, state, preset);
  return (
    <>
      <Button
        label="Choose a file"
        glyph="file"
        refused={reading ? 'a file is being read' : null}
        onPress={() => pickFile((file) => void readToRestore(store, file))}
      >
        {chosen === null ? 'Choose a file…' : 'Another file…'}
      </Button>
      {chosen === null ? (
        <span className="text-3 small">or drop one here</span>
      ) : (
        <>
          <span className="strong ellipsis" data-testid="restore-file">
            {chosen.name}
          </span>
          {chosen.file.states.length < 2 ? null : (
            <Select
              name="State of the file"
              value={String(chosen.state)}
              options={chosen.file.states.map(({ vcpu, label }) => ({ value: String(vcpu), label }))}
              onChoose={(value) => again(chosen, Number(value), chosen.preset)}
            />
          )}
          {chosen.file.kind !== 'raw' ? null : (
            <Select
              name="CPU of the file"
              value={chosen.preset}
              options={[{ value: '', label: 'layout guessed' }, ...PRESET_OPTIONS]}
              onChoose={(preset) => again(chosen, chosen.state, preset)}
            />
          )}
        </>
      )}
    </>
  );
}

const LOOKS = {
  yes: { look: 'good', glyph: 'check' },
  // A restore converts.
  'after-conversion': { look: 'good', glyph: 'check' },
  'with-losses': { look: 'warn', glyph: 'warn' },
  no: { look: 'bad', glyph: 'stop' },
} as const satisfies Record<string, { look: string; glyph: GlyphName }>;

/** What the compatibility verdict says of the file against this vCPU. */
function FileVerdict({ plan }: { plan: Decoded<RestorePlan> | null }): ReactElement | null {
  const problem = useDebugger((state) => state.restoreProblem);
  const reading = useDebugger((state) => state.restoreReading);
  if (reading) return <p className="text-3 small">reading…</p>;
  if (problem !== null) return <RefusalNote refusal={problem} />;
  if (plan === null) return null;
  if (!plan.ok) {
    return (
      <div className="note refused" role="alert">
        <Glyph name="stop" />
        <div className="note-body">{describeProblem(plan.problem)}</div>
      </div>
    );
  }
  const { verdict, stranger, unsaid } = plan.value.source;
  if (verdict === null) return null;
  const { look, glyph } = LOOKS[verdict.fits];
  return (
    <>
      <div className="restore-verdict" data-testid="restore-verdict" data-fits={verdict.fits}>
        <span className={`pill ${look}`} role="status" aria-label={`Compatibility: ${verdict.badge}`}>
          <Glyph name={glyph} className="g12" />
          {verdict.badge}
        </span>
        <ul className="small text-2">
          {stranger === null ? null : <Origin of={stranger} />}
          {verdict.lost.map(({ bit, why }) => (
            <li key={bit} className="line tight">
              <Glyph name="warn" className="g12 is-armed" />
              {maskedPids(why)}
            </li>
          ))}
          {verdict.xcr0Refusal === null ? null : (
            <li className="line tight">
              <Glyph name="warn" className="g12 is-armed" />
              {maskedPids(verdict.xcr0Refusal)}
            </li>
          )}
          {unsaid.length === 0 ? null : (
            <li className="line tight" data-testid="restore-stays">
              <Glyph name="info" className="g12" />
              {unsaid.map(({ name }) => name).join(', ')}: the file has no room for{' '}
              {unsaid.length === 1 ? 'it' : 'them'},{' '}
              {unsaid.length === 1 ? 'it stays as it is' : 'they stay as they are'}
            </li>
          )}
          {verdict.lost.length === 0 && verdict.xcr0Refusal === null && verdict.sentences[0] !== undefined ? (
            <li>{maskedPids(verdict.sentences[0])}</li>
          ) : null}
        </ul>
      </div>
      {stranger === null ? null : <Consent of={stranger} />}
    </>
  );
}

/** Whose state the file holds, where it is not known to be this vCPU's: it fits all the same, and that may be what is wanted. */
function Origin({ of }: { of: TargetIdentity }): ReactElement {
  const { name, pid, vcpu } = of;
  return (
    <li className="line tight" data-testid="restore-origin">
      <Glyph name="warn" className="g12 is-armed" />
      {isNamed(of)
        ? `not this vCPU’s: taken from ${name}${pid === null ? '' : `, pid ${pidText(pid)}`}, vCPU ${vcpu}`
        : 'the file does not say whose state this is'}
    </li>
  );
}

/** No state goes to another vCPU without the user's word, as on the command line. */
function Consent({ of }: { of: TargetIdentity }): ReactElement {
  const store = useDebuggerStore();
  const given = useDebugger((state) => state.restoreConsent);
  return (
    <label className={`restore-row restore-consent ${given ? 'on' : ''}`}>
      <input
        type="checkbox"
        checked={given}
        onChange={(event) => store.getState().setRestoreConsent(event.target.checked)}
      />
      {isNamed(of)
        ? 'This is the state of another vCPU: put it here all the same'
        : 'It is not known whose state this is: put it here all the same'}
    </label>
  );
}
