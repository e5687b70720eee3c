import type { ReactElement } from 'react';
import { scrollInPanel } from '../../actions/regions.ts';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { Segment } from '../../controls/Segment.tsx';
import { Select } from '../../controls/Select.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { type AttachedVcpu, selectAttached, selectWithEdits } from '../../store/select/attached.ts';
import { type RunWord, runWord } from '../../store/select/run.ts';
import { selectIsHeld, selectIsNewest, selectPreflightRefusal } from '../../store/select/selectors.ts';
import type { Session } from '../../store/state/target.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { pidText } from '../../wording.ts';
import { StepControls } from '../model/StepControls.tsx';
import { CompatibilityButton } from '../overview/Compatibility.tsx';
import { LayoutDoubt } from './LayoutDoubt.tsx';
import { LiveControl } from './LiveControl.tsx';
import { RunControls } from './RunControls.tsx';
import { TargetMenu } from './TargetMenu.tsx';

const RUN: Readonly<Record<RunWord, { readonly word: string; readonly look: string; readonly glyph: GlyphName }>> = {
  running: { word: 'Running', look: 'running', glyph: 'play' },
  frozen: { word: 'Frozen', look: 'frozen', glyph: 'pause' },
  ended: { word: 'Ended', look: 'bad', glyph: 'stop' },
  file: { word: 'File', look: 'plain', glyph: 'file' },
};

const HOST_LOST = { word: 'Host gone', look: 'bad', glyph: 'stop' } as const;

const KIND_GLYPH = { live: 'cpu', model: 'flask', file: 'file' } as const satisfies Record<Session['kind'], GlyphName>;

/** More vCPUs than this do not fit beside each other. */
const MOST_SEGMENTS = 6;
/** More than this, or all of run control, and staged edits beside them, leave no room for every word. */
const FEW_SEGMENTS = 2;

export function Toolbar(): ReactElement | null {
  const session = useDebugger((state) => state.session);
  const hasStaged = useDebugger((state) => state.staged.length > 0);
  if (session === null) return null;
  const segments = session.vcpus.length > MOST_SEGMENTS ? 1 : session.vcpus.length;
  const isCrowded = hasStaged && (segments > FEW_SEGMENTS || session.kind === 'live');
  return (
    <header
      className={`toolbar ${hasStaged ? 'pending' : ''} ${isCrowded ? 'crowded' : ''}`}
      data-region="toolbar"
      data-testid="toolbar"
    >
      <TargetMenu>
        <Glyph name={KIND_GLYPH[session.kind]} className="is-accent" />
        <span className="target-about">
          <span className="strong ellipsis" title={session.name}>
            {session.name}
          </span>{' '}
          {session.kind === 'model' ? null : <span className="text-2 broad-only">{session.vmm}</span>}{' '}
          {session.pid === null ? null : <span className="val small text-3 broad-only">{pidText(session.pid)}</span>}
        </span>{' '}
        {session.kind === 'model' ? <span className="pill model-pill">model</span> : null}
        <Glyph name="chevron" className="g12 text-3 push-chevron" />
      </TargetMenu>
      <VcpuChoice session={session} />
      <RunPill session={session} />
      {session.kind === 'file' ? <CompatibilityButton /> : null}
      <LayoutDoubt session={session} />
      <span className="divider" />
      {session.kind === 'model' ? (
        <StepControls />
      ) : session.kind === 'live' ? (
        <RunControls />
      ) : (
        <>
          <ActionButton action={action('continue')} glyphClass="is-running">
            <span className="wide-only">Continue</span>
          </ActionButton>
          <ActionButton action={action('freeze')} look="square ghost" />
        </>
      )}
      <ActionButton action={action('capture')}>
        <span className={session.kind === 'live' ? 'roomy-only' : 'wide-only'}>Capture</span>
      </ActionButton>
      <RestoreButton />
      <ActionButton
        action={action('detach')}
        look="ghost"
        label={session.kind === 'live' ? undefined : 'Close, detach'}
      >
        <span className={session.kind === 'live' ? 'roomy-only' : 'broad-only'}>
          {session.kind === 'live' ? 'Detach' : 'Close'}
        </span>
      </ActionButton>
      {/* Its words grow and shrink by themselves: nothing stands to its right that would be moved. */}
      {session.kind === 'live' ? <LiveControl /> : null}
      <span className="push" />
      {hasStaged ? <Pending /> : null}
      <ActionButton action={action('undo')} look="square ghost" />
      <ActionButton action={action('redo')} look="square ghost wide-only" />
      <ActionButton action={action('palette')} look="ghost outlined" withKeys>
        <span className="wide-only calm-only">Search</span>
      </ActionButton>
    </header>
  );
}

/** With an earlier stop on screen the button says that it leads back there. */
function RestoreButton(): ReactElement {
  const previous = useDebugger((state) => (selectIsNewest(state) ? null : (state.stops[state.at]?.number ?? null)));
  const isLive = useDebugger((state) => state.session?.kind === 'live');
  return (
    <ActionButton action={action(previous === null ? 'restore' : 'restore-to-stop')} look="ghost">
      <span className={previous === null ? (isLive ? 'roomy-only' : 'broad-only') : 'wide-only restore-stop'}>
        {previous === null ? 'Restore…' : `To stop ${previous}…`}
      </span>
    </ActionButton>
  );
}

function VcpuChoice({ session }: { session: Session }): ReactElement | null {
  const store = useDebuggerStore();
  const attached = useDebugger(selectAttached);
  const edited = new Map(useDebugger(selectWithEdits).map((row) => [row.vcpu, row]));
  const runs = new Map(
    attached.flatMap(({ vcpu, run }) => (run === 'frozen' || run === 'running' ? [[vcpu, run] as const] : [])),
  );
  // One image and nothing else: there is nothing to tell apart.
  if (session.file !== undefined && session.file.kind === 'raw') return null;
  const labels = new Map(session.file?.states.map(({ vcpu, label }) => [vcpu, label]));
  const labelOf = (vcpu: number): string => labels.get(vcpu) ?? `vCPU ${vcpu}`;
  const what = session.file?.kind === 'elf-core' ? 'thread' : 'vCPU';
  if (session.vcpus.length > MOST_SEGMENTS) {
    return (
      <Select
        name={what}
        value={String(session.vcpu)}
        options={session.vcpus.map((vcpu) => ({ value: String(vcpu), label: labelOf(vcpu) }))}
        onChoose={(vcpu) => void store.getState().switchVcpu(Number(vcpu))}
      />
    );
  }
  return (
    <span className="line">
      <span className="text-3 small broad-only">{what}</span>
      <Segment
        name={what}
        value={session.vcpu}
        choices={session.vcpus.map((vcpu) => ({
          value: vcpu,
          label: labelOf(vcpu),
          content: (
            <>
              <span className="val">{numberOf(labelOf(vcpu))}</span>
              {runs.get(vcpu) === undefined ? null : (
                <Glyph name={runs.get(vcpu) === 'frozen' ? 'pause' : 'play'} className="g12" />
              )}
              {vcpu === session.vcpu ? null : <EditMark row={edited.get(vcpu)} />}
            </>
          ),
        }))}
        onChoose={(vcpu) => void store.getState().switchVcpu(vcpu)}
      />
    </span>
  );
}

/** Edits that a vCPU holds which is attached and not on screen: staged ones first, for nobody has read them back. */
function EditMark({ row }: { row: AttachedVcpu | undefined }): ReactElement | null {
  if (row === undefined) return null;
  return row.staged > 0 ? (
    <Glyph name="pen" className="g12 is-staged" />
  ) : (
    <Glyph name="check2" className="g12 is-written" />
  );
}

/** "vCPU 3" gives "3", "thread 4711" gives "4711". */
const numberOf = (label: string): string => label.replace(/^\w+ (?=\d+$)/, '');

function RunPill({ session }: { session: Session }): ReactElement {
  const lost = useDebugger((state) => state.hostLost && session.kind !== 'file');
  const word = useDebugger(runWord) ?? 'file';
  const row = lost ? HOST_LOST : RUN[word];
  const refusal = useDebugger(({ run }) => (run.state === 'ended' ? run.why : null));
  return (
    <span className={`pill tall ${row.look}`} role="status" aria-label={`vCPU: ${row.word}`} title={refusal?.what}>
      <Glyph name={row.glyph} className="g12" />
      {row.word}
    </span>
  );
}

/** What is staged and what becomes of it: Apply keeps its place when pre-flight refuses, red with the octagon. */
function Pending(): ReactElement {
  const store = useDebuggerStore();
  const staged = useDebugger((state) => state.staged.length);
  const refused = useDebugger((state) => selectPreflightRefusal(state) !== null || selectIsHeld(state));
  return (
    <>
      <span className="line tight" data-testid="pending">
        <button
          type="button"
          className="button staged"
          aria-label={`${staged} staged`}
          title="Show the staged edits"
          onClick={() => {
            store.getState().askWorkbench({ kind: 'show', pane: 'inspector' });
            setTimeout(() => scrollInPanel('[data-testid="staged-edits"]'), 50);
          }}
        >
          <Glyph name="pen" className="g12 is-staged" />
          <span>
            <span className="val">{staged}</span> staged
          </span>
        </button>
        <ActionButton action={action('apply')} look={refused ? 'refused' : 'primary'} glyph={refused ? 'stop' : null}>
          Apply
          {refused ? null : <Glyph name="arrow" className="g12" />}
        </ActionButton>
        <ActionButton action={action('discard')} look="square" />
      </span>
      <span className="divider" />
    </>
  );
}
