import type { ReactElement } from 'react';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { useDebugger } from '../../store/context.ts';

/** Run control of a live vCPU and of a model: one group, always in the same place. */
export function RunControls(): ReactElement {
  const canTakeBack = useDebugger((state) => action('run-back').refused(state) === null);
  return (
    <fieldset className="run-controls" aria-label="Run control">
      <ActionButton action={action('continue')} glyphClass="is-running">
        <span className="wide-only">Continue</span>
      </ActionButton>
      <ActionButton action={action('freeze')}>
        <span className="wide-only">Pause</span>
      </ActionButton>
      <span className="run-joined">
        <ActionButton action={action('step')}>
          <span className="wide-only">Step</span>
        </ActionButton>
        <ActionButton action={action('step-over')}>
          <span className="wide-only">Step over</span>
        </ActionButton>
        <ActionButton action={action('step-out')}>
          <span className="wide-only">Step out</span>
        </ActionButton>
      </span>
      <ActionButton action={action('run-until')}>
        <span className="wide-only calm-only">Run until…</span>
      </ActionButton>
      <ActionButton action={action('trace')}>
        <span className="wide-only calm-only">Trace…</span>
      </ActionButton>
      {canTakeBack ? (
        <ActionButton action={action('run-back')}>
          <span className="fair-only">Take back</span>
        </ActionButton>
      ) : null}
    </fieldset>
  );
}
