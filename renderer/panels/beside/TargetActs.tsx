import type { ReactElement } from 'react';
import { Button } from '../../controls/Button.tsx';
import { BUSY, TARGET_ENDED } from '../../store/base/availability.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hasEnded } from '../../store/select/run.ts';

/** What can be done with the target that stands beside: another reading of it, and its stops one by one. */
export function TargetActs(): ReactElement | null {
  const store = useDebuggerStore();
  const kind = useDebugger((state) => state.targetBeside?.session.kind ?? null);
  const at = useDebugger((state) => state.targetBeside?.at ?? 0);
  const count = useDebugger((state) => state.targetBeside?.stops.length ?? 0);
  const ended = useDebugger((state) => state.targetBeside !== null && hasEnded(state.targetBeside));
  const busy = useDebugger((state) => state.besideBusy);
  if (kind === null) return null;
  const { readBeside, showBesideStop } = store.getState();
  const isModel = kind === 'model';
  return (
    <span className="line tight">
      <Button
        label="Previous stop beside"
        look="tiny ghost square"
        glyph="chevronRight"
        glyphClass="g12 mirrored"
        refused={at > 0 ? null : 'this is its first stop'}
        onPress={() => showBesideStop(at - 1)}
      />
      <Button
        label="Next stop beside"
        look="tiny ghost square"
        glyph="chevronRight"
        glyphClass="g12"
        refused={at < count - 1 ? null : 'this is its newest stop'}
        onPress={() => showBesideStop(at + 1)}
      />
      <Button
        label={isModel ? 'Step it' : 'Look again'}
        look="tiny"
        glyph={isModel ? 'step' : 'capture'}
        glyphClass="g12"
        refused={ended ? TARGET_ENDED : busy ? BUSY : null}
        onPress={() => void readBeside()}
      >
        {isModel ? 'Step it' : 'Look again'}
      </Button>
    </span>
  );
}
