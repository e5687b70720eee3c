import type { ReactElement } from 'react';
import { diffText } from '../../../app/diff/diff-report.ts';
import { Button } from '../../controls/Button.tsx';
import { CopyButton } from '../../controls/CopyButton.tsx';
import { busyRefusal } from '../../store/base/availability.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { Differences } from '../compare/Differences.tsx';
import { Dialog, DialogActs } from './Dialog.tsx';

/** The state kept by a Tilescope that died against the one that the vCPU holds, and the choice between the two. */
export function OrphanDialog(): ReactElement | null {
  const store = useDebuggerStore();
  const states = useDebugger((state) => state.orphanStates);
  const busy = useDebugger((state) => state.orphanBusy);
  if (states === null) return null;
  const { id, kept, now } = states;
  const refused = busyRefusal(busy);
  const names = ['before the first write', 'now'] as const;
  return (
    <Dialog label="Orphaned edits" look="compare-dialog">
      <div className="ask-body">
        <h2>What the vCPU held before the first write, and what it holds now</h2>
        <p>
          The guest may have run since: not every difference is an edit. General registers that were not written are
          left out; they do not go back.
        </p>
      </div>
      <div className="scroll">
        <Differences before={kept} after={now} titles={names} onJump={null} />
      </div>
      <DialogActs aside={<CopyButton what="the differences as text" text={diffText(kept, now, names)} />}>
        <Button
          label="Put it back"
          look="primary"
          glyph="restore"
          refused={refused}
          onPress={() => void store.getState().recover(id)}
        >
          Put it back
        </Button>
        <Button label="Keep the edits" refused={refused} onPress={() => void store.getState().keepEdits(id)}>
          Keep the edits
        </Button>
      </DialogActs>
    </Dialog>
  );
}
