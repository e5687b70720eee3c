import type { ReactElement } from 'react';
import type { Orphan } from '../../../app/bridge.ts';
import { Button } from '../../controls/Button.tsx';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { busyRefusal } from '../../store/base/availability.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count, maskedPids, pidText } from '../../wording.ts';

/** Above the targets: what a Tilescope that died has left, and what was recovered. */
export function Orphans(): ReactElement | null {
  const store = useDebuggerStore();
  const left = useDebugger((state) => state.orphans);
  const done = useDebugger((state) => state.recovered);
  if (left.length === 0 && done === null) return null;
  return (
    <section className="banners" aria-label="Orphaned edits" data-testid="orphans">
      {done === null ? null : (
        <div className="note attention" role="status">
          <Glyph name="check2" className="is-written" />
          <div className="note-body">
            <div className="strong">
              vCPU {done.vcpu} of pid {pidText(done.pid)} is as it was before the first write
            </div>
            <div>{count(done.writtenBytes, 'byte')} put back, read back and verified.</div>
          </div>
          <CrossButton onPress={() => store.getState().closeRecovered()} />
        </div>
      )}
      {left.map((entry) => (
        <Banner key={entry.id} entry={entry} />
      ))}
    </section>
  );
}

const STORY: Readonly<Record<Orphan['state'], string>> = {
  there: 'The state from before the first write is kept.',
  gone: 'That process is gone, and the state kept fits no other.',
  unreadable: 'What was kept of it cannot be used.',
};

function Banner({ entry }: { entry: Orphan }): ReactElement {
  const store = useDebuggerStore();
  const busy = useDebugger((state) => state.orphanBusy);
  const waits = busyRefusal(busy);
  const refused = waits ?? entry.why;
  return (
    <div className="note attention" data-testid="orphan" data-state={entry.state}>
      <Glyph name="warn" />
      <div className="note-body">
        <div className="strong">
          vCPU {entry.vcpu} of pid {pidText(entry.pid)} was left with written edits: Tilescope, or its page, has ended
        </div>
        <div>
          {entry.name === '' ? '' : `${entry.vmm} ${entry.name}. `}
          {STORY[entry.state]}
          {entry.why === null ? '' : ` ${sentence(maskedPids(entry.why))}`}
        </div>
        <div className="line">
          {entry.state === 'there' ? (
            <>
              <Button
                label="Put it back"
                look="primary"
                glyph="restore"
                refused={refused}
                onPress={() => void store.getState().recover(entry.id)}
              >
                Put it back
              </Button>
              <Button
                label="Compare"
                look="outlined"
                glyph="differs"
                refused={refused}
                onPress={() => void store.getState().compareOrphan(entry.id)}
              >
                Compare
              </Button>
            </>
          ) : null}
          <Button
            label={entry.state === 'there' ? 'Keep the edits' : 'Forget'}
            look="ghost outlined"
            refused={waits}
            onPress={() => void store.getState().keepEdits(entry.id)}
          >
            {entry.state === 'there' ? 'Keep the edits' : 'Forget'}
          </Button>
        </div>
      </div>
    </div>
  );
}

const sentence = (text: string): string => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.`;
