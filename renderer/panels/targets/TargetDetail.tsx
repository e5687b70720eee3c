// biome-ignore-all lint/a11y/useSemanticElements: a native radio cannot hold glyphs or be drawn as a row.
import type { KeyboardEvent, ReactElement } from 'react';
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

/** What every session makes, and what it writes with, in the order of KVM's interface. */
const WHEN: Readonly<Partial<Record<(typeof INJECTED_CALLS)[number]['when'], string>>> = {
  capture: 'each capture',
  write: 'Apply only',
};
const CALLS = INJECTED_CALLS.flatMap(({ call, request, when }) =>
  request === null || WHEN[when] === undefined ? [] : [{ call, number: hexShort(BigInt(request)), when: WHEN[when] }],
);
const PROMISES = ['Leaves program text untouched', 'Keeps the state found, to give it back'];

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
  const executable = target.executable.split('/').at(-1) ?? target.executable;
  return (
    <div className="inspector">
      <div className="inspector-head">
        <div className="line">
          <Glyph name="cpu" className="is-accent" />
          <h2 className="ellipsis">{target.name}</h2>
          <span className="push" />
          <span className={`pill ${target.attachable ? 'good' : target.heldBy === undefined ? 'bad' : ''}`}>
            <Glyph name={target.attachable ? 'check' : target.heldBy === undefined ? 'stop' : 'cpu'} className="g12" />
            {target.attachable
              ? 'can be attached'
              : target.heldBy === undefined
                ? 'not attachable'
                : 'ours, in another tab'}
          </span>
        </div>
        <div className="sub">
          {executable}, pid <span className="val">{pidText(target.pid)}</span>, {count(target.vcpus.length, 'vCPU')}
        </div>
      </div>
      <div className="scroll">
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
                <dd title={facts.cpu}>{facts.cpu}</dd>
              </>
            )}
          </dl>
        </section>
        <Calls target={target} />
        <Vcpus target={target} />
        <section className="block">
          <h3>Attaching</h3>
          {target.attachable ? (
            <ul className="checks">
              <Measured />
              {PROMISES.map((promise) => (
                <li key={promise}>
                  <Glyph name="check" className="is-written" />
                  <span className="what">{promise}</span>
                </li>
              ))}
            </ul>
          ) : (
            <div className={`note ${target.heldBy === undefined ? 'refused' : ''}`}>
              <Glyph name={target.heldBy === undefined ? 'stop' : 'info'} />
              <div className="note-body">
                <div className="strong">{target.reason}</div>
                {target.remedy === null || target.heldBy !== undefined ? null : (
                  <div className="line tight">
                    <span>Remedy: {target.remedy}</span>
                    <CopyButton what="the remedy" text={target.remedy} />
                  </div>
                )}
              </div>
            </div>
          )}
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
        Attach and freeze
      </ActionButton>
      <p className="text-3 small">Nothing is done until you choose; the state found is kept.</p>
    </div>
  );
}

/** The pause of one thread for each look: what this machine has shown, and no promise. */
function Measured(): ReactElement {
  const measured = useDebugger((state) => state.measured);
  const isLong = measured !== null && isLongPause(measured);
  return (
    <li data-testid="measured">
      <Glyph
        name={measured === null ? 'info' : isLong ? 'warn' : 'check'}
        className={measured === null ? 'text-3' : isLong ? 'is-armed' : 'is-written'}
      />
      <span className="what">
        {measured === null ? (
          'Pauses one thread for each look; how long is measured and printed'
        ) : (
          <>
            Pauses one thread for each look: here median <span className="val">{pauseText(measured.medianNs)}</span>,
            greatest <span className="val">{pauseText(measured.greatestNs)}</span> of{' '}
            {isDeterministic() ? 'all looks' : count(measured.looks, 'look')}
          </>
        )}
      </span>
    </li>
  );
}

/**
 * What is known before attaching: without a filter every call is allowed, strict mode ends the process over any of them
 * (seccomp(2)). A filter's answer is worked out at attach, call by call.
 */
const VERDICTS = {
  none: { glyph: 'check', look: 'is-written', word: 'allowed' },
  strict: { glyph: 'stop', look: 'is-refused', word: 'kills' },
  filter: { glyph: 'unknown', look: 'text-3', word: 'judged at attach' },
} as const;

function Calls({ target }: { target: TargetSummary }): ReactElement {
  const picked = useDebugger((state) => state.pickedVcpu);
  const vcpu = target.vcpus.find((row) => row.index === picked) ?? target.vcpus[0];
  const { glyph, look, word } = VERDICTS[vcpu?.seccomp ?? 'filter'];
  return (
    <section className="block" data-testid="calls">
      <h3>
        Calls Tilescope would make<span className="aside">seccomp verdict</span>
      </h3>
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
