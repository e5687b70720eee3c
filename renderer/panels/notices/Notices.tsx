import type { ReactElement } from 'react';
import { RefusalNote } from '../../controls/RefusalNote.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectGuestReset } from '../../store/select/guest-reset.ts';
import { selectRunUntil } from '../../store/select/run.ts';
import { selectIsHeld } from '../../store/select/selectors.ts';
import { RunUntilNote } from '../model/RunUntilNote.tsx';
import { CameBackNote } from './CameBackNote.tsx';
import { HeldStrip } from './HeldStrip.tsx';
import { OverwrittenNote } from './OverwrittenNote.tsx';
import { ReadingNote } from './ReadingNote.tsx';
import { ResetNote } from './ResetNote.tsx';

/** Above the view: what was refused, and what happens to the vCPU that the user should know of. */
export function Notices(): ReactElement | null {
  const store = useDebuggerStore();
  const refusal = useDebugger((state) => state.refusal);
  const held = useDebugger(selectIsHeld);
  const overwritten = useDebugger((state) => state.overwritten !== null);
  const run = useDebugger((state) => selectRunUntil(state) !== null);
  const reading = useDebugger((state) => state.reading !== null);
  const reset = useDebugger((state) => selectGuestReset(state) !== null);
  const back = useDebugger((state) => state.cameBack !== null);
  if (refusal === null && !held && !overwritten && !run && !reading && !back && !reset) return null;
  return (
    <div className="banners">
      {refusal === null ? null : <RefusalNote refusal={refusal} onClose={() => store.getState().closeRefusal()} />}
      <CameBackNote />
      <ReadingNote />
      <RunUntilNote />
      <OverwrittenNote />
      <ResetNote />
      <HeldStrip />
    </div>
  );
}
