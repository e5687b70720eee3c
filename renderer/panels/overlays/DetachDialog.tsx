import type { ReactElement } from 'react';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { type AttachedVcpu, selectAttached, selectWithEdits } from '../../store/parked.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { Dialog } from './Dialog.tsx';

/** Some attached vCPUs hold edits: keep what was written in all of them, or give their states back first. */
export function DetachDialog(): ReactElement {
  const store = useDebuggerStore();
  const attached = useDebugger(selectAttached);
  const edited = useDebugger(selectWithEdits);
  const name = useDebugger((state) => state.session?.name ?? '');
  const written = edited.filter(({ writes }) => writes > 0);
  const close = (): void => store.getState().setOverlay(null);
  const leave = (restoreFirst: boolean): void => {
    close();
    void store.getState().detach(restoreFirst);
  };
  const title = `Detach from ${name}`;
  return (
    <Dialog label={title} look="ask">
      <div className="ask-body">
        <h2>{title}</h2>
        <p>
          {written.length === 0
            ? 'Staged edits were never written. Detaching discards them.'
            : edited.some(({ staged }) => staged > 0)
              ? 'Keep what was written, or put back the state found at attach? What is staged is discarded either way.'
              : 'Keep what was written, or put back the state found at attach?'}
        </p>
        <ul className="vcpu-edits" aria-label="vCPUs with edits">
          {edited.map((row) => (
            <EditedVcpu key={row.vcpu} row={row} />
          ))}
        </ul>
        {attached.length > edited.length ? (
          <p className="text-2">
            {count(attached.length - edited.length, 'attached vCPU')} without edits{' '}
            {attached.length - edited.length === 1 ? 'is' : 'are'} left as found.
          </p>
        ) : null}
        <p className="text-2">
          Either way the VMM runs on as if nobody had been there: same threads, mappings and signals.
        </p>
      </div>
      <div className="ask-acts">
        {written.length === 0 ? (
          <Button label="Discard and detach" look="primary" onPress={() => leave(false)}>
            Discard and detach
          </Button>
        ) : (
          <>
            <Button label="Restore and detach" look="primary" onPress={() => leave(true)}>
              <Glyph name="restore" />
              {written.length === 1 ? 'Restore and detach' : 'Restore all and detach'}
            </Button>
            <Button label="Keep my edits" onPress={() => leave(false)}>
              Keep my edits
            </Button>
          </>
        )}
        <span className="push" />
        <Button label="Cancel" look="ghost" onPress={close}>
          Cancel
        </Button>
      </div>
    </Dialog>
  );
}

function EditedVcpu({ row }: { row: AttachedVcpu }): ReactElement {
  return (
    <li className="line">
      <span className="strong">vCPU {row.vcpu}</span>
      {row.writes === 0 ? null : (
        <span className="line tight">
          <Glyph name="check2" className="g12 is-written" />
          {count(row.writes, 'write')}
        </span>
      )}
      {row.staged === 0 ? null : (
        <span className="line tight">
          <Glyph name="pen" className="g12 is-staged" />
          {row.staged} staged
        </span>
      )}
    </li>
  );
}
