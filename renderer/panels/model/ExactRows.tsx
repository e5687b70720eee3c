import type { ReactElement } from 'react';
import { vectorNamed } from '../../../app/debug/vectors.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { allStopRefusal, conditionProblem, selectOtherVcpus } from '../../store/vcpu/drive-slice.ts';
import { stepsProblem } from '../../store/vcpu/exact-run.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/** Runs that miss nothing: so many steps, and of a live vCPU until a condition holds, instruction by instruction. */
export function ExactRows({ isModel }: { isModel: boolean }): ReactElement {
  const store = useDebuggerStore();
  const way = useDebugger((state) => state.runWay);
  const { steps, condition } = useDebugger((state) => state.exactRun);
  const problem = useDebugger((state) => (condition === '' ? null : conditionProblem(condition, state)));
  const choose = store.getState().chooseExactRun;
  return (
    <>
      <div className={`run-condition ${way === 'steps' ? 'on' : ''}`}>
        <label className="line">
          <input type="radio" name="condition" checked={way === 'steps'} onChange={() => choose('steps', {})} />
          <span>so many steps</span>
        </label>
        <span className="field run-path">
          <input
            type="text"
            className="val"
            inputMode="numeric"
            aria-label="How many instructions"
            aria-invalid={stepsProblem(steps) !== null}
            value={steps}
            autoComplete="off"
            onFocus={() => choose('steps', {})}
            onChange={(event) => choose('steps', { steps: event.target.value })}
          />
        </span>
      </div>
      {isModel ? null : (
        <div className={`run-condition ${way === 'until' ? 'on' : ''}`}>
          <label className="line">
            <input type="radio" name="condition" checked={way === 'until'} onChange={() => choose('until', {})} />
            <span>a condition holds, by single steps</span>
          </label>
          <span className="field run-path">
            <input
              type="text"
              className="val"
              aria-label="Condition"
              aria-invalid={problem !== null}
              placeholder="rax == 5, xmm3 changes"
              value={condition}
              spellCheck={false}
              autoComplete="off"
              onFocus={() => choose('until', {})}
              onChange={(event) => choose('until', { condition: event.target.value })}
            />
          </span>
        </div>
      )}
      {way !== 'until' || problem === null ? null : (
        <p className="line tight run-refused" role="alert">
          <Glyph name="stop" className="g12" />
          {problem}
        </p>
      )}
    </>
  );
}

/** What stepping means to a live vCPU, and to the others of its machine. */
export function ExactWords(): ReactElement {
  const isException = useDebugger(
    ({ runWay, exactRun }) => runWay === 'until' && vectorNamed(exactRun.condition.trim()) !== null,
  );
  if (isException)
    return (
      <>
        <OtherVcpus />
        <p className="text-2">
          The vCPU runs freely, to the first instruction of the handler that its IDT names; Pause ends it where it is.
        </p>
      </>
    );
  return (
    <>
      <OtherVcpus />
      <p className="text-2">
        The vCPU is stepped one instruction at a time: nothing is missed, and it is slower than running freely. One stop
        is kept, at the end; Pause ends it where it is.
      </p>
    </>
  );
}

/** Whether they run on meanwhile; nothing where there is no other. */
function OtherVcpus(): ReactElement | null {
  const store = useDebuggerStore();
  const others = useDebugger(selectOtherVcpus);
  const refused = useDebugger(allStopRefusal);
  if (others === null) return null;
  return (
    <label className="line tight">
      <input
        type="checkbox"
        checked={others !== 'run on'}
        disabled={refused !== null}
        onChange={() => store.getState().toggleAllStop()}
      />
      <span>Hold the other vCPUs meanwhile</span>
    </label>
  );
}
