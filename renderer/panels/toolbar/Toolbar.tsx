import type { ReactElement } from 'react';
import { action, askVcpu } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { Segment } from '../../controls/Segment.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectPreflightRefusal } from '../../store/selectors.ts';
import type { RunState, Session } from '../../store/target-slice.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { pidText } from '../../wording.ts';
import { TargetMenu } from './TargetMenu.tsx';

const RUN: Readonly<Record<RunState, { readonly word: string; readonly look: string; readonly glyph: GlyphName }>> = {
  running: { word: 'Running', look: 'running', glyph: 'play' },
  frozen: { word: 'Frozen', look: 'frozen', glyph: 'pause' },
  ended: { word: 'Ended', look: 'bad', glyph: 'stop' },
  file: { word: 'File', look: 'plain', glyph: 'file' },
};

export function Toolbar(): ReactElement | null {
  const session = useDebugger((state) => state.session);
  const hasStaged = useDebugger((state) => state.staged.length > 0);
  if (session === null) return null;
  return (
    <header className="toolbar" data-region="toolbar" data-testid="toolbar">
      <TargetMenu>
        <Glyph name={session.kind === 'file' ? 'file' : 'cpu'} className="is-accent" />
        <span className="strong ellipsis">{session.name}</span>
        <span className="text-2 wide-only">{session.vmm}</span>
        {session.pid === null ? null : <span className="val small text-3 wide-only">{pidText(session.pid)}</span>}
        <Glyph name="chevron" className="g12 text-3" />
      </TargetMenu>
      <VcpuChoice session={session} />
      <RunPill session={session} />
      <span className="divider" />
      <ActionButton action={action('continue')} glyphClass="is-running">
        <span className="wide-only">Continue</span>
      </ActionButton>
      <ActionButton action={action('freeze')} look="square ghost" />
      <ActionButton action={action('capture')}>
        <span className="wide-only">Capture</span>
      </ActionButton>
      <ActionButton action={action('restore')} look="ghost">
        <span className="wide-only">Restore…</span>
      </ActionButton>
      <ActionButton action={action('detach')} look="ghost">
        <span className="wide-only">{session.kind === 'file' ? 'Close' : 'Detach'}</span>
      </ActionButton>
      <span className="push" />
      {hasStaged ? <Pending /> : null}
      <ActionButton action={action('undo')} look="square ghost" />
      <ActionButton action={action('redo')} look="square ghost wide-only" />
      <ActionButton action={action('palette')} look="ghost outlined" withKeys>
        <span className="wide-only">Search</span>
      </ActionButton>
    </header>
  );
}

function VcpuChoice({ session }: { session: Session }): ReactElement {
  const store = useDebuggerStore();

  return (
    <span className="line">
      <span className="text-3 small wide-only">vCPU</span>
      <Segment
        name="vCPU"
        value={session.vcpu}
        choices={session.vcpus.map((vcpu) => ({
          value: vcpu,
          label: `vCPU ${vcpu}`,
          content: (
            <>
              <span className="val">{vcpu}</span>
              {vcpu === session.vcpu && (session.run === 'frozen' || session.run === 'running') ? (
                <Glyph name={session.run === 'frozen' ? 'pause' : 'play'} className="g12" />
              ) : null}
            </>
          ),
        }))}
        onChoose={(vcpu) => askVcpu(store, vcpu)}
      />
    </span>
  );
}

function RunPill({ session }: { session: Session }): ReactElement {
  const row = RUN[session.run];
  const refusal = useDebugger((state) => (state.session?.run === 'ended' ? state.refusal : null));
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
  const refused = useDebugger(selectPreflightRefusal) !== null;
  return (
    <>
      <span className="line tight" data-testid="pending">
        <button
          type="button"
          className="button staged"
          aria-label={`${staged} staged`}
          title="Show the staged edits"
          onClick={() => {
            if (!store.getState().inspectorOpen) store.getState().toggleInspector();
            document.querySelector<HTMLElement>('[data-testid="staged-edits"]')?.scrollIntoView({ block: 'start' });
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
