import type { ReactElement } from 'react';
import { describeProblem } from '../../../app/bits/decoded.ts';
import type { RestoreScope } from '../../../app/bridge.ts';
import { stageRestore } from '../../../app/edit/restore.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectSelectedBit } from '../../store/selectors.ts';
import { count } from '../../wording.ts';
import { Dialog } from './Dialog.tsx';

/** Everything, or the selected component, back to what was found at attach. */
export function RestoreDialog(): ReactElement {
  const store = useDebuggerStore();
  const bit = useDebugger(selectSelectedBit);
  const stops = useDebugger((state) => state.stops);
  const staged = useDebugger((state) => state.staged.length);
  const now = stops.at(-1)?.capture;
  const then = stops[0]?.capture;
  const sentence = (scope: RestoreScope): { readonly text: string; readonly refused: string | null } => {
    if (now === undefined || then === undefined) return { text: '', refused: 'nothing is open' };
    const write = stageRestore(now, then, scope);
    if (!write.ok) return { text: '', refused: describeProblem(write.problem) };
    const { writtenBytes, msrs, xcr0 } = write.value;
    const outside = msrs.length + (xcr0 === null ? 0 : 1);
    if (writtenBytes === 0 && outside === 0)
      return { text: 'holds what it held at attach', refused: 'nothing differs from the state at attach' };
    const more = outside === 0 ? '' : `, and ${count(outside, 'register')} outside the image`;
    return {
      text: `${count(writtenBytes, 'byte')} ${writtenBytes === 1 ? 'differs' : 'differ'}${more}`,
      refused: null,
    };
  };
  const all = sentence({ kind: 'all' });
  const one = bit === null ? null : sentence({ kind: 'components', bits: [bit] });
  return (
    <Dialog label="Restore" look="ask">
      <div className="ask-body">
        <h2>Restore the state found at attach</h2>
        <p>
          What the vCPU holds now is overwritten, what the guest computed since included.
          {staged > 0 ? ` ${count(staged, 'staged edit')} will be dropped.` : ''}
        </p>
        <dl className="facts">
          <dt>Everything</dt>
          <dd>{all.refused ?? all.text}</dd>
          {bit === null || one === null ? null : (
            <>
              <dt>{componentLabel(bit)}</dt>
              <dd>{one.refused ?? one.text}</dd>
            </>
          )}
        </dl>
      </div>
      <div className="ask-acts">
        <Button
          label="Restore everything"
          look="primary"
          glyph="restore"
          refused={all.refused}
          onPress={() => void store.getState().restore({ kind: 'all' })}
        >
          Restore everything
        </Button>
        {bit === null || one === null ? null : (
          <Button
            label={`Restore ${componentLabel(bit)}`}
            refused={one.refused}
            onPress={() => void store.getState().restore({ kind: 'components', bits: [bit] })}
          >
            Restore {componentLabel(bit)}
          </Button>
        )}
        <span className="push" />
        <Button label="Cancel" look="ghost" onPress={() => store.getState().setOverlay(null)}>
          Cancel
        </Button>
      </div>
    </Dialog>
  );
}
