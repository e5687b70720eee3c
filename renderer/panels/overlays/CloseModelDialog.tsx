import type { ReactElement } from 'react';
import { saveSession } from '../../actions/session-actions.ts';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { count } from '../../wording.ts';
import { Dialog } from './Dialog.tsx';

/** A model ends with its page: its stops are gone with it unless they are saved. */
export function CloseModelDialog(): ReactElement {
  const store = useDebuggerStore();
  const name = useDebugger((state) => state.session?.name ?? 'the model');
  const stops = useDebugger((state) => state.stops.length);
  const close = (): void => {
    store.getState().setOverlay(null);
    void store.getState().detach('keep');
  };
  const title = `Close ${name}?`;
  return (
    <Dialog label={title} look="ask">
      <div className="ask-body">
        <h2>{title}</h2>
        <p>{count(stops, 'stop')} of it are not saved, and cannot be had again but by stepping.</p>
      </div>
      <div className="ask-foot">
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
        <span className="push" />
        <Button label="Cancel" look="ghost" onPress={() => store.getState().setOverlay(null)}>
          Cancel
        </Button>
      </div>
    </Dialog>
  );
}
