import type { ReactElement } from 'react';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { useDebugger } from '../../store/context.ts';
import { isStepping } from '../../store/select/run.ts';

/** The run controls of a model: it stands still between steps, and runs to its end one stop at a time. */
export function StepControls(): ReactElement {
  const running = useDebugger(isStepping);
  const canTakeBack = useDebugger((state) => action('run-back').refused(state) === null);
  return (
    <>
      <ActionButton action={action('step')}>
        <span className="wide-only">Step</span>
      </ActionButton>
      {running ? (
        <ActionButton action={action('freeze')}>
          <span className="wide-only">Pause</span>
        </ActionButton>
      ) : (
        <>
          <ActionButton action={action('run-to-end')} glyphClass="is-running">
            <span className="wide-only">Run to end</span>
          </ActionButton>
          {canTakeBack ? (
            <ActionButton action={action('run-back')}>
              <span className="wide-only">Take back</span>
            </ActionButton>
          ) : null}
        </>
      )}
    </>
  );
}
