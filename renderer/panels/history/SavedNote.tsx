import { type ReactElement, useEffect } from 'react';
import { CopyButton } from '../../controls/CopyButton.tsx';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { fixed, isDeterministic } from '../../fixed.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { sizeText } from './size-text.ts';

/** Long enough to read a file's name. */
const SHOWN_MS = 8000;

const dateText = (ms: number): string =>
  fixed('date', `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`);

/** Says that what is on screen is a saved session, of what and from when. */
export function SavedNote(): ReactElement | null {
  const saved = useDebugger((state) => state.saved);
  const session = useDebugger((state) => state.session);
  if (saved === null || session === null) return null;
  return (
    <span className="line tight small text-2 nowrap saved-note" data-testid="saved-session" title={saved.product}>
      <Glyph name="file" className="g12" />
      <span className="ellipsis">
        saved session of {session.vmm} {session.name}, from {dateText(saved.savedAtMs)}
      </span>
    </span>
  );
}

/** What was saved, and what to do with a file that is too large for a page. */
export function SaveDoneNote(): ReactElement | null {
  const store = useDebuggerStore();
  const done = useDebugger((state) => state.saveDone);
  useEffect(() => {
    // What is to be done about a large file stays until it is closed.
    if (done === null || done.tooLarge || isDeterministic()) return;
    const timer = setTimeout(() => store.getState().noteSaved(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [store, done]);
  if (done === null) return null;
  const command = `tilescope show ${done.fileName}@${done.stops}`;
  return (
    <div className="save-done" role="status" data-testid="save-done">
      <Glyph name={done.tooLarge ? 'warn' : 'check'} className={done.tooLarge ? 'is-armed' : 'is-written'} />
      <div>
        <div>
          Saved {count(done.stops, 'stop')}, <span className="val">{sizeText(done.sizeBytes)}</span>, as{' '}
          <span className="val">{done.fileName}</span>
        </div>
        {done.tooLarge ? (
          <>
            <div>It is too large to be opened here. The command line reads each of its stops:</div>
            <div className="line tight">
              <code className="val">{command}</code>
              <CopyButton what="the command" text={command} />
            </div>
          </>
        ) : null}
      </div>
      <CrossButton onPress={() => store.getState().noteSaved(null)} />
    </div>
  );
}
