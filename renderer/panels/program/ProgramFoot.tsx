import { type ReactElement, useEffect } from 'react';
import type { CodeView } from '../../../app/bridge.ts';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { isFrozen, selectDrive } from '../../store/select/run.ts';
import { current, whichStop } from '../../store/vcpu/guest-slice.ts';
import { count as counted } from '../../wording.ts';

/** Who called is read where the vCPU has stood still for so long: a key held down steps on. */
const CALLS_AFTER_MS = 250;

/** Where the code stands: who called it, in which mode, how its memory is known, and how the last drive ended. */
export function ProgramFoot({ code }: { code: CodeView }): ReactElement {
  const store = useDebuggerStore();
  const frozen = useDebugger(isFrozen);
  const stop = useDebugger(whichStop);
  const calls = useDebugger((state) => current(state, state.calls));
  const isRead = useDebugger(
    (state) => current(state, state.calls) !== null || current(state, state.callsRefusal) !== null,
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: each stop is read anew.
  useEffect(() => {
    if (!frozen || isRead) return;
    const timer = setTimeout(() => void store.getState().readCalls(), CALLS_AFTER_MS);
    return () => clearTimeout(timer);
  }, [store, frozen, isRead, stop]);
  const caller = calls?.frames[1] ?? null;
  return (
    <dl className="program-foot small">
      {caller === null ? null : (
        <div>
          <dt>called by</dt>
          <dd>
            <button
              type="button"
              className="link val ellipsis"
              title={`Show the code at ${caller.address}`}
              onClick={() => store.getState().showCode(caller.address)}
            >
              {caller.symbol ?? caller.address}
            </button>
          </dd>
        </div>
      )}
      <div>
        <dt>mode</dt>
        <dd className="ellipsis" data-testid="who" title={code.who}>
          {code.who}
        </dd>
      </div>
      <div>
        <dt>memory</dt>
        <dd>
          proven by <span className="val">{code.translations}</span> translations
        </dd>
      </div>
      <Outcome />
    </dl>
  );
}

/** What is under way, or what came of it. */
export function Outcome(): ReactElement | null {
  const store = useDebuggerStore();
  const drive = useDebugger(selectDrive);
  if (drive === null) return null;
  if (drive.kind === 'drive') {
    return (
      <div>
        <dt>runs</dt>
        <dd className="line tight" data-testid="drive-outcome" data-phase="driving">
          <span>
            {drive.what}
            {drive.made === 0 ? '' : `, ${counted(drive.made, 'instruction')} so far`}
          </span>
          <Button label="Stop here" look="tiny" onPress={() => store.getState().stopDriving()}>
            Stop here
          </Button>
        </dd>
      </div>
    );
  }
  return (
    <div>
      <dt>ran</dt>
      <dd className={drive.isHit ? 'strong' : ''} data-testid="drive-outcome" data-phase="ended">
        {drive.what}
      </dd>
    </div>
  );
}
