import { type ReactElement, useEffect } from 'react';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { isDeterministic } from '../../fixed.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';

/** Long enough to be read; the stops themselves say the rest. */
const SHOWN_MS = 8000;

/** Says, once the page was loaded again, that nothing was lost by it. */
export function CameBackNote(): ReactElement | null {
  const store = useDebuggerStore();
  const back = useDebugger((state) => state.cameBack);
  useEffect(() => {
    if (back === null || isDeterministic()) return;
    const timer = setTimeout(() => store.getState().closeCameBack(), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [store, back]);
  if (back === null) return null;
  return (
    <div className="note" role="status" data-testid="came-back">
      <Glyph name="check" className="is-written" />
      <div className="note-body">
        {back.from === 'reload' ? 'Loaded again: ' : 'Taken over from another tab: '}
        {count(back.stops, 'stop')}, labels, pin and staged edits are as they were.
      </div>
      <CrossButton onPress={() => store.getState().closeCameBack()} />
    </div>
  );
}
