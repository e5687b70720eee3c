import type { ReactElement } from 'react';
import { scrollInPanel } from '../../actions/regions.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectIsHeld, selectRefusedEdit, selectWriteRefusal } from '../../store/select/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/** Why what is staged will not be written, wherever the eye is; leads to the edit that is the cause. */
export function ApplyRefused({ place }: { place: 'foot' | 'tabs' }): ReactElement | null {
  const store = useDebuggerStore();
  const sentence = useDebugger((state) =>
    state.staged.length === 0
      ? null
      : (selectRefusedEdit(state)?.sentence ?? (selectIsHeld(state) ? selectWriteRefusal(state) : null)),
  );
  const errno = useDebugger((state) => selectRefusedEdit(state)?.step?.errno ?? null);
  if (sentence === null) return null;
  const show = (): void => {
    store.getState().askWorkbench({ kind: 'show', pane: 'inspector' });
    setTimeout(() => scrollInPanel('[data-testid="staged-edits"]'), 50);
  };
  return (
    <button
      type="button"
      className={`apply-refused small ${place === 'foot' ? 'in-foot' : 'narrow-only'}`}
      data-testid={place === 'foot' ? 'apply-refused' : 'apply-refused-tabs'}
      aria-label={`Refused: ${sentence}`}
      title={`${sentence}${errno === null ? '' : ` (${errno})`}`}
      onClick={show}
    >
      <Glyph name="stop" className="g12" />
      <span className="apply-refused-why">{sentence}</span>
    </button>
  );
}
