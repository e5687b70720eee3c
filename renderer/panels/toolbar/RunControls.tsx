import type { ReactElement } from 'react';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';

/** Run control of a live vCPU, one group that is always in the same place. */
export function RunControls(): ReactElement {
  return (
    <fieldset className="run-controls" aria-label="Run control">
      <ActionButton action={action('continue')} glyphClass="is-running">
        <span className="wide-only">Continue</span>
      </ActionButton>
      <ActionButton action={action('freeze')}>
        <span className="fair-only calm-only">Pause</span>
      </ActionButton>
      <span className="run-joined">
        <ActionButton action={action('step')}>
          <span className="wide-only">Step</span>
        </ActionButton>
        <ActionButton action={action('step-over')}>
          <span className="broad-only calm-only">Step over</span>
        </ActionButton>
        <ActionButton action={action('step-out')}>
          <span className="broad-only calm-only">Step out</span>
        </ActionButton>
      </span>
      <span className="run-joined">
        <ActionButton action={action('run-until')}>
          <span className="fair-only calm-only">Run until…</span>
        </ActionButton>
        <ActionButton action={action('trace')}>
          <span className="fair-only calm-only">Trace…</span>
        </ActionButton>
      </span>
    </fieldset>
  );
}
