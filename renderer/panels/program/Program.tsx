import type { ReactElement } from 'react';
import { fixed } from '../../fixed.ts';
import { useDebugger } from '../../store/context.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { LiveProgram } from './LiveProgram.tsx';
import { ModelProgram } from './ModelProgram.tsx';

/** The program beside every view: what was executed last, what comes next, and with which operands. */
export function Program(): ReactElement {
  const kind = useDebugger((state) => state.session?.kind);
  const hasPosition = useDebugger((state) => state.session?.kind === 'model' && state.position !== null);
  return (
    <section className="program-pane" data-region="program" data-pane="program" tabIndex={-1} aria-label="Program">
      {hasPosition ? <ModelProgram /> : kind === 'live' ? <LiveProgram /> : <NoProgram />}
    </section>
  );
}

/** A pane is never empty: it says what it would show, and where the vCPU stands. */
function NoProgram(): ReactElement {
  const rip = useDebugger((state) => selectCapture(state)?.facts.general?.rip ?? null);
  const text =
    rip === null
      ? null
      : rip
          .toString(16)
          .padStart(16, '0')
          .replace(/(.{8})$/, '_$1');
  return (
    <div className="pane-empty">
      <Glyph name="cpu" className="text-3" />
      {text === null ? null : (
        <p>
          RIP <span className="val">{fixed('address', text)}</span>
        </p>
      )}
      <p className="text-2">A file holds no program. Open a model to step one.</p>
    </div>
  );
}
