import type { ReactElement } from 'react';
import { saveSession } from '../../actions/session-actions.ts';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { count } from '../../wording.ts';
import { Dialog, DialogActs } from './Dialog.tsx';

/** A model, or the edited copy of a file, ends with its page: what nobody has saved is gone with it. */
export function CloseModelDialog(): ReactElement {
  const store = useDebuggerStore();
  const name = useDebugger((state) => state.session?.name ?? 'the model');
  const stops = useDebugger((state) => state.stops.length);
  const isFile = useDebugger((state) => state.session?.kind === 'file');
  const close = (): void => {
    store.getState().setOverlay(null);
    void store.getState().detach('keep');
  };
  const title = `Close ${name}?`;
  return (
    <Dialog label={title} look="ask">
      <div className="ask-body">
        <h2>{title}</h2>
        <p>
          {isFile
            ? 'What was edited is in this window alone: the file itself is as it was opened.'
            : `${count(stops, 'stop')} of it are not saved, and cannot be had again but by stepping.`}
        </p>
      </div>
      <DialogActs>
        <Button
          label="Save and close"
          look="primary"
          onPress={() => {
            saveSession(store);
            close();
          }}
        >
          Save and close
        </Button>
        <Button label="Close without saving" onPress={close}>
          Close without saving
        </Button>
      </DialogActs>
    </Dialog>
  );
}
