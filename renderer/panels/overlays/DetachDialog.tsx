import type { ReactElement } from 'react';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectWriteCount } from '../../store/selectors.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { Dialog } from './Dialog.tsx';

/** Something was written: keep it, or give the state back first. */
export function DetachDialog({ thenVcpu }: { thenVcpu: number | null }): ReactElement {
  const store = useDebuggerStore();
  const writes = useDebugger(selectWriteCount);
  const vcpu = useDebugger((state) => state.session?.vcpu ?? 0);
  const name = useDebugger((state) => state.session?.name ?? '');
  const close = (): void => store.getState().setOverlay(null);
  const leave = async (restoreFirst: boolean): Promise<void> => {
    close();
    const state = store.getState();
    if (thenVcpu === null) {
      await state.detach(restoreFirst);
      return;
    }
    if (restoreFirst) await state.restore({ kind: 'all' });
    if (store.getState().refusal === null) await store.getState().switchVcpu(thenVcpu);
  };
  const title = thenVcpu === null ? `Detach from ${name}` : `Go to vCPU ${thenVcpu}`;
  return (
    <Dialog label={title} look="ask">
      <div className="ask-body">
        <h2>{title}</h2>
        <p>
          vCPU {vcpu} holds what {count(writes, 'write')} left there. Keep it, or put back the state found at attach?
        </p>
        <p className="text-2">
          Either way the VMM runs on as if nobody had been there: same threads, mappings and signals.
        </p>
      </div>
      <div className="ask-acts">
        <Button label="Restore and detach" look="primary" onPress={() => void leave(true)}>
          <Glyph name="restore" />
          {thenVcpu === null ? 'Restore and detach' : 'Restore and go'}
        </Button>
        <Button label="Keep my edits" onPress={() => void leave(false)}>
          Keep my edits
        </Button>
        <span className="push" />
        <Button label="Cancel" look="ghost" onPress={close}>
          Cancel
        </Button>
      </div>
    </Dialog>
  );
}
