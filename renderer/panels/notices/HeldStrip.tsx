import type { ReactElement } from 'react';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { useDebugger } from '../../store/context.ts';
import { isFrozen } from '../../store/select/run.ts';
import { selectIsHeld } from '../../store/select/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/** Read outside KVM_RUN: what that means for what is shown, for what is written, and what to do. */
export function HeldStrip(): ReactElement | null {
  const held = useDebugger(selectIsHeld);
  const vmm = useDebugger((state) => state.session?.vmm ?? 'The VMM');
  const frozen = useDebugger(isFrozen);
  if (!held) return null;
  const isQemu = vmm === 'QEMU';
  return (
    <div className="note attention" role="status" data-testid="held">
      <Glyph name="warn" />
      <div className="note-body">
        <div className="strong">{vmm} holds this vCPU: nothing is written to it now</div>
        <div>
          The vCPU thread was outside KVM_RUN: {vmm} has paused the guest, or handles an exit of it. Shown is KVM’s copy
          of the registers. {vmm} may keep a copy of its own, and writes it back when it goes on, over whatever was
          written meanwhile.
        </div>
        <div className="line note-acts">
          <span>
            {frozen ? 'Continue here. ' : ''}
            {isQemu ? (
              <>
                Where it is paused: <code className="val small">cont</code> in the QEMU monitor or{' '}
                <code className="val small">virsh resume</code>; where a gdb has stopped it: continue there. Then
                capture.
              </>
            ) : (
              'Let the guest run there, then capture.'
            )}
          </span>
          <span className="push" />
          {frozen ? (
            <ActionButton action={action('continue')} look="tiny" glyphClass="g12">
              Continue
            </ActionButton>
          ) : null}
          <ActionButton action={action('capture')} look="tiny" glyphClass="g12" withKeys>
            Capture
          </ActionButton>
        </div>
      </div>
    </div>
  );
}
