import type { ReactElement } from 'react';
import { useDebugger } from '../store/context.ts';
import { Glyph } from '../theme/Glyph.tsx';

/** At the left of the status bar: whether helper and host are there, and the helper's version. */
export function HelperState(): ReactElement | null {
  const version = useDebugger((state) => state.hostFacts?.helper.version ?? null);
  const isThere = useDebugger((state) => state.helperProblem === null);
  const hostLost = useDebugger((state) => state.hostLost);
  if (version === null && !hostLost) return null;
  return (
    <span className={`line tight ${hostLost ? 'is-refused' : ''}`} data-testid="helper-state">
      <Glyph name={isThere ? 'check' : 'stop'} className={`g12 ${isThere ? 'is-written' : 'is-refused'}`} />
      {hostLost ? (
        'host gone'
      ) : (
        <>
          helper <span className="val">{version}</span>
        </>
      )}
    </span>
  );
}
