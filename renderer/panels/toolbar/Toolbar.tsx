import type { ReactElement } from 'react';
import { scrollInPanel } from '../../actions/regions.ts';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { type RunWord, runWord, selectDrive } from '../../store/select/run.ts';
import { selectIsHeld, selectPreflightRefusal } from '../../store/select/selectors.ts';
import { drivenFor, stoppedWhy } from '../../store/select/stopped-why.ts';
import type { Session } from '../../store/state/target.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { pidText } from '../../wording.ts';
import { CompatibilityButton } from '../overview/Compatibility.tsx';
import { LayoutDoubt } from './LayoutDoubt.tsx';
import { LiveControl } from './LiveControl.tsx';
import { MoreMenu } from './MoreMenu.tsx';
import { RunControls } from './RunControls.tsx';
import { TargetMenu } from './TargetMenu.tsx';
import { VcpuChoice } from './VcpuChoice.tsx';

const RUN: Readonly<Record<RunWord, { readonly word: string; readonly look: string; readonly glyph: GlyphName }>> = {
  running: { word: 'Running', look: 'running', glyph: 'play' },
  frozen: { word: 'Stopped', look: 'frozen', glyph: 'pause' },
  ended: { word: 'Ended', look: 'bad', glyph: 'stop' },
  file: { word: 'File', look: 'plain', glyph: 'file' },
};

const HOST_LOST = { word: 'Host gone', look: 'bad', glyph: 'stop' } as const;

const KIND_GLYPH = { live: 'cpu', model: 'flask', file: 'file' } as const satisfies Record<Session['kind'], GlyphName>;

export function Toolbar(): ReactElement | null {
  const session = useDebugger((state) => state.session);
  const hasStaged = useDebugger((state) => state.staged.length > 0);
  if (session === null) return null;
  // Staged edits beside all of run control leave no room for every word.
  const isCrowded = hasStaged && session.kind !== 'file';
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
          {session.pid === null ? null : <span className="val small text-3 fair-only">{pidText(session.pid)}</span>}
        </span>{' '}
        {session.kind === 'model' ? <span className="pill model-pill">model</span> : null}
        <Glyph name="chevron" className="g12 text-3 push-chevron" />
      </TargetMenu>
      <VcpuChoice session={session} />
      <RunPill session={session} />
      {session.kind === 'file' ? <CompatibilityButton /> : null}
      <LayoutDoubt session={session} />
      {session.kind === 'file' ? null : (
        <>
          <span className="divider" />
          <RunControls />
        </>
      )}
      <MoreMenu />
      {/* Its words grow and shrink by themselves: nothing stands to its right that would be moved. */}
      {session.kind === 'live' ? <LiveControl /> : null}
      <span className="push" />
      {hasStaged ? <Pending /> : null}
      <ActionButton action={action('undo')} look="square ghost" />
      <ActionButton action={action('redo')} look="square ghost wide-only" />
      <ActionButton action={action('palette')} look="ghost outlined" withKeys>
        <span className={`wide-only calm-only ${session.kind === 'live' ? 'fair-only' : ''}`}>Search</span>
      </ActionButton>
    </header>
  );
}

/** Whether the vCPU runs, and why it stands still, or what it is driven for. */
function RunPill({ session }: { session: Session }): ReactElement {
  const lost = useDebugger((state) => state.hostLost && session.kind !== 'file');
  const word = useDebugger(runWord) ?? 'file';
  const drivenTo = useDebugger(drivenFor);
  const why = useDebugger(stoppedWhy);
  const whole = useDebugger((state) => {
    const drive = selectDrive(state);
    return state.run.state === 'ended' ? state.run.why.what : drive?.kind === 'driven' ? drive.what : null;
  });
  const row = lost ? HOST_LOST : drivenTo === null ? RUN[word] : RUN.running;
  const about = lost ? null : (drivenTo ?? why);
  return (
    <span
      className={`pill tall run-pill ${row.look}`}
      role="status"
      aria-label={`vCPU: ${row.word}${about === null ? '' : ` ${about}`}`}
      title={whole ?? undefined}
    >
      <Glyph name={row.glyph} className="g12" />
      <span className="strong">{row.word}</span>
      {about === null ? null : <span className="run-why-brief ellipsis"> {about}</span>}
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
