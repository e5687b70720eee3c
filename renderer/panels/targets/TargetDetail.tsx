// biome-ignore-all lint/a11y/useSemanticElements: a native radio cannot hold glyphs or be drawn as a row.
import { type KeyboardEvent, type ReactElement, useState } from 'react';
import { hexShort } from '../../../app/bits/mask.ts';
import type { TargetSummary, VcpuSummary } from '../../../app/bridge.ts';
import { INJECTED_CALLS } from '../../../app/wire/calls.ts';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { Button } from '../../controls/Button.tsx';
import { CopyButton } from '../../controls/CopyButton.tsx';
import { fixed, isDeterministic } from '../../fixed.ts';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { isLongPause } from '../../store/select/pauses.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count, kernelText, pauseText, pidText, tidText } from '../../wording.ts';
import { ModelDetail } from './ModelList.tsx';
import { MAY, mayOf } from './may.ts';
import { ThisMachine } from './ThisMachine.tsx';

/** What every session makes, and what it writes with, in the order of KVM's interface. */
const WHEN: Readonly<Partial<Record<(typeof INJECTED_CALLS)[number]['when'], string>>> = {
  capture: 'each capture',
  write: 'Apply only',
};
const CALLS = INJECTED_CALLS.flatMap(({ call, request, when }) =>
  request === null || WHEN[when] === undefined ? [] : [{ call, number: hexShort(BigInt(request)), when: WHEN[when] }],
);

export function TargetDetail(): ReactElement {
  const target = useDebugger((state) => state.listing.list?.targets.find((row) => row.pid === state.pickedPid) ?? null);
  const isModel = useDebugger((state) => state.detailOf === 'model' && state.pickedModel !== null);
  return (
    <aside className="right-pane" data-region="detail" data-testid="target-detail" aria-label="Selected target">
      {target === null || isModel ? <ModelDetail /> : <Selected target={target} />}
    </aside>
  );
}

function Selected({ target }: { target: TargetSummary }): ReactElement {
  const facts = useDebugger((state) => state.hostFacts);
  const isOurs = target.heldBy !== undefined;
  const may = MAY[mayOf(target)];
  const executable = target.executable.split('/').at(-1) ?? target.executable;
  return (
    <div className="inspector">
      <div className="inspector-head">
        <div className="line">
          <Glyph name="cpu" className="is-accent" />
          <h2 className="ellipsis">{target.name}</h2>
          <span className="push" />
          <span className={`pill ${isOurs ? '' : may.pill}`}>
            <Glyph name={isOurs ? 'cpu' : may.glyph} className="g12" />
            {isOurs ? 'ours, in another tab' : may.all}
          </span>
        </div>
        <div className="sub">
          {executable}, pid <span className="val">{pidText(target.pid)}</span>, {count(target.vcpus.length, 'vCPU')}
        </div>
      </div>
      <div className="scroll">
        {target.attachable ? null : <NotNow target={target} />}
        <Measured />
        <Calls target={target} />
        <Vcpus target={target} />
        <ThisMachine />
        <section className="block">
          <h3>What it is</h3>
          <dl className="facts">
            <dt>VMM</dt>
            <dd>{target.vmm}</dd>
            <dt>Program</dt>
            <dd className="ellipsis" title={target.executable}>
              {fixed('folder', target.executable.slice(0, -executable.length))}
              {executable}
            </dd>
            <dt>User</dt>
            <dd>{fixed('user', target.user)}</dd>
            <dt>Host</dt>
            <dd>
              {facts?.kernelRelease == null ? (
                'not read'
              ) : (
                <>
                  Linux <span className="val">{kernelText(facts.kernelRelease)}</span>
                </>
              )}
            </dd>
            {facts?.cpu == null ? null : (
              <>
                <dt>CPU</dt>
                <dd title={facts.cpu}>{fixed('cpu', facts.cpu)}</dd>
              </>
            )}
          </dl>
        </section>
      </div>
      {target.heldBy === undefined ? <AttachActs /> : <HeldElsewhere tab={target.heldBy} />}
    </div>
  );
}

/** Our own other page holds it: what it has read and written is gone on with here, at a word. */
function HeldElsewhere({ tab }: { tab: string }): ReactElement {
  const store = useDebuggerStore();
  return (
    <div className="target-acts">
      <Button label="Go on with it here" look="primary" onPress={() => void store.getState().takeOver(tab)}>
        Go on with it here
      </Button>
      <p className="text-3 small">
        Its stops and staged edits come along; the other tab goes back to its first screen.
      </p>
    </div>
  );
}

function AttachActs(): ReactElement {
  return (
    <div className="target-acts">
      <ActionButton action={action('attach')} look="primary" glyph={null}>
        Attach, keep it running
      </ActionButton>
      <ActionButton action={action('attach-frozen')} glyph={null}>
        Attach and stop
      </ActionButton>
      <p className="text-3 small">Nothing is done until you choose; the state found is kept.</p>
    </div>
  );
}

/** Why it cannot be attached to, and what mends that. */
function NotNow({ target }: { target: TargetSummary }): ReactElement {
  const isOurs = target.heldBy !== undefined;
  return (
    <section className="block">
      <div className={`note ${isOurs ? '' : 'refused'}`}>
        <Glyph name={isOurs ? 'info' : 'stop'} />
        <div className="note-body">
          <div className="strong">{target.reason}</div>
          {target.remedy === null || isOurs ? null : (
            <div className="line tight">
              <span>Remedy: {target.remedy}</span>
              <CopyButton what="the remedy" text={target.remedy} />
            </div>
          )}
        </div>
      </div>
    </section>
  );
}

/** The pause of one thread for each look: what this machine has shown, and no promise. */
function Measured(): ReactElement {
  const measured = useDebugger((state) => state.measured);
  const isLong = measured !== null && isLongPause(measured);
  return (
    <section className="block" data-testid="measured">
      <h3>
        Measured here
        <span className="aside">
          {measured === null
            ? 'pause of one vCPU'
            : `pause of one vCPU, ${isDeterministic() ? 'all looks' : count(measured.looks, 'look')}`}
        </span>
      </h3>
      {measured === null ? (
        <p className="small text-2">Nothing yet: each look pauses one thread, and how long is measured and printed.</p>
      ) : (
        <p className="line small">
          <span className="text-2">
            median <span className="val strong">{pauseText(measured.medianNs)}</span>
          </span>
          <span className={isLong ? 'is-armed' : 'text-2'}>
            greatest <span className="val strong">{pauseText(measured.greatestNs)}</span>
          </span>
          {isLong ? <Glyph name="warn" className="g12 is-armed" /> : null}
        </p>
      )}
      <p className="small text-3">Program text stays untouched; the state found is kept, to be given back.</p>
    </section>
  );
}

/**
 * What is known before attaching: without a filter every call is allowed, strict mode ends the process over any of them
 * (seccomp(2)). A filter's answer is worked out at attach, call by call.
 */
const VERDICTS = {
  none: {
    glyph: 'check',
    look: 'is-written',
    word: 'allowed',
    pill: 'good',
    sentence: 'no seccomp filter on the vCPU threads.',
  },
  strict: {
    glyph: 'stop',
    look: 'is-refused',
    word: 'kills',
    pill: 'bad',
    sentence: 'seccomp’s strict mode ends the process over any of them.',
  },
  filter: {
    glyph: 'unknown',
    look: 'text-3',
    word: 'judged at attach',
    pill: '',
    sentence: 'the filter is asked about each before it is made.',
  },
} as const;

function Calls({ target }: { target: TargetSummary }): ReactElement {
  const [isOpen, setOpen] = useState(false);
  const picked = useDebugger((state) => state.pickedVcpu);
  const vcpu = target.vcpus.find((row) => row.index === picked) ?? target.vcpus[0];
  const { glyph, look, word, pill, sentence } = VERDICTS[vcpu?.seccomp ?? 'filter'];
  const counted = CALLS.filter(({ when }) => when === 'Apply only').length;
  return (
    <section className="block" data-testid="calls">
      <h3>
        Calls Tilescope would make
        <span className={`pill aside ${pill}`}>
          <Glyph name={glyph} className="g12" />
          {word === 'allowed' ? `${CALLS.length} of ${CALLS.length} allowed` : word}
        </span>
      </h3>
      <p className="small text-2">
        read {CALLS.length - counted}, write {counted}; {sentence}{' '}
        <button type="button" className="link" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'fold' : 'each of them'}
        </button>
      </p>
      {isOpen ? (
        <ul className="checks">
          {CALLS.map((row) => (
            <li key={row.call} title={`${row.call}: ${row.when}, ${word}`}>
              <Glyph name={glyph} className={`g12 ${look}`} />
              <span className="what val small">{row.call}</span>
              <span className="val small text-3">{row.number}</span>
              <span className="small text-2 right call-when">{word}</span>
            </li>
          ))}
        </ul>
      ) : null}
    </section>
  );
}

const SECCOMP_WORDS = { none: 'no seccomp filter', strict: 'seccomp strict', filter: 'seccomp filter' } as const;

const isNumberedOtherwise = ({ index, vmmNumber }: VcpuSummary): boolean => vmmNumber !== null && vmmNumber !== index;

const vcpuLabel = (vcpu: VcpuSummary): string =>
  isNumberedOtherwise(vcpu) ? `vCPU ${vcpu.index}, the VMM’s CPU ${vcpu.vmmNumber}` : `vCPU ${vcpu.index}`;

function Vcpus({ target }: { target: TargetSummary }): ReactElement {
  const store = useDebuggerStore();
  const picked = useDebugger((state) => state.pickedVcpu);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const command = commandOf('choice', event);
    if (command === null) return;
    event.preventDefault();
    const at = target.vcpus.findIndex((vcpu) => vcpu.index === picked) + (command === 'next' ? 1 : -1);
    const next = target.vcpus[(at + target.vcpus.length) % target.vcpus.length];
    if (next === undefined) return;
    store.getState().pickVcpu(next.index);
    event.currentTarget.querySelector<HTMLElement>(`[data-vcpu="${next.index}"]`)?.focus();
  };
  return (
    <section className="block">
      <h3>
        vCPUs<span className="aside">the one to attach to</span>
      </h3>
      <div role="radiogroup" aria-label="vCPU to attach to" onKeyDown={onKeyDown}>
        {target.vcpus.map((vcpu) => (
          <button
            key={vcpu.index}
            type="button"
            className="vcpu-row"
            role="radio"
            aria-checked={vcpu.index === picked}
            aria-label={vcpuLabel(vcpu)}
            data-vcpu={vcpu.index}
            tabIndex={vcpu.index === picked ? 0 : -1}
            onClick={() => store.getState().pickVcpu(vcpu.index)}
          >
            <span className="val">{vcpu.index}</span>
            {isNumberedOtherwise(vcpu) ? <span className="small text-2">the VMM’s CPU {vcpu.vmmNumber}</span> : null}
            <span className="val small text-3">
              {vcpu.tid === null ? 'thread not known' : `thread ${fixed('tid', tidText(vcpu.tid))}`}
            </span>
            <span className="small text-2">{SECCOMP_WORDS[vcpu.seccomp]}</span>
          </button>
        ))}
      </div>
    </section>
  );
}
