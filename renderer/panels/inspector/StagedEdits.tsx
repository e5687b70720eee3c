import type { ReactElement } from 'react';
import { describeProblem } from '../../../app/bits/decoded.ts';
import { registerRow } from '../../../app/register/registers.ts';
import { Button } from '../../controls/Button.tsx';
import { hueOf } from '../../store/components.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { groupOfRegister, jumpOf } from '../../store/jump.ts';
import { selectComponentMarks, selectStagedWrite } from '../../store/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count, minus } from '../../wording.ts';

export function StagedEdits(): ReactElement | null {
  const store = useDebuggerStore();
  const write = useDebugger(selectStagedWrite);
  const staged = useDebugger((state) => state.staged);
  const marks = useDebugger(selectComponentMarks);
  if (write === null) return null;
  if (!write.ok) {
    return (
      <section className="block" data-testid="staged-edits">
        <h3>Staged edits</h3>
        <div className="note refused">
          <Glyph name="stop" />
          <div className="note-body">{describeProblem(write.problem)}</div>
        </div>
      </section>
    );
  }
  const { changes, writtenBytes } = write.value;
  // Only what would differ: an edit of a zmm names its neighbours' bytes too, unchanged.
  const stagedBits = [...marks].filter(([, mark]) => mark === 'staged').map(([bit]) => bit);
  const hueOfPath = (path: string): string => {
    const source = registerRow(path.split(/[:.[]/)[0] ?? '')?.source;
    if (source?.kind === 'mxcsr') return hueOf(1);
    if (source?.kind !== 'fragments') return 'var(--c-header)';
    return hueOf(source.parts.findLast((part) => stagedBits.includes(part.bit))?.bit ?? source.parts[0]?.bit ?? 0);
  };
  const go = (path: string): void => {
    const state = store.getState();
    const capture = state.stops.at(-1)?.capture;
    if (capture !== undefined && groupOfRegister(path.split(/[:.[]/)[0] ?? '') !== null)
      jumpOf(capture, path)?.go(state);
  };
  return (
    <section className="block" data-testid="staged-edits" aria-label="Staged edits">
      <h3>
        Staged edits
        <span className="aside">
          {count(writtenBytes, 'byte')} in {count(stagedBits.length, 'component')}
        </span>
      </h3>
      <ul>
        {changes.map((change, at) => (
          <li key={staged[at]?.path ?? change.path} className="staged-row">
            <span className="swatch short" style={{ '--hue': hueOfPath(change.path) }} />
            <button type="button" className="val path ellipsis" onClick={() => go(change.path)}>
              {change.path}
            </button>
            <span className="val before text-3" title={change.before}>
              {minus(change.before)}
            </span>
            <Glyph name="arrow" className="g12 text-3" />
            <span className="val after" title={change.after}>
              {minus(change.after)}
            </span>
            <Button
              label={`Undo ${change.path}`}
              look="tiny ghost square"
              glyph="cross"
              glyphClass="g12"
              onPress={() => store.getState().unstage(staged[at]?.path ?? change.path)}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}
