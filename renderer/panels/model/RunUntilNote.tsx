import type { ReactElement } from 'react';
import type { ModelEvent } from '../../../app/bridge.ts';
import { type Condition, conditionSubject, conditionVerb } from '../../../app/session/run-until.ts';
import { Button } from '../../controls/Button.tsx';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { isDeterministic } from '../../fixed.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectRunUntil } from '../../store/select/run.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';

type Run = NonNullable<ReturnType<typeof selectRunUntil>>;

/** A run that is waited for, and what came of it, with the way to the stop. */
export function RunUntilNote(): ReactElement | null {
  const store = useDebuggerStore();
  const run = useDebugger(selectRunUntil);
  const live = useDebugger(({ session }) => session?.kind === 'live');
  if (run === null) return null;
  const close = <CrossButton onPress={() => store.getState().closeRunUntil()} />;
  switch (run.kind) {
    case 'until':
      return (
        <div className="note" role="status" data-testid="run-until" data-phase="waiting">
          <Glyph name="flag" />
          <div className="note-body">
            <div className="strong">
              Runs until <Subject condition={run.condition} /> {conditionVerb(run.condition, 'now')}
            </div>
            <div className="text-2">{progressWords(run, live)}</div>
          </div>
          <Button
            label="Stop waiting"
            look="ghost outlined"
            testId="stop-waiting"
            onPress={() => store.getState().stopRunUntil()}
          >
            {live ? 'Stop waiting' : 'Pause'}
          </Button>
        </div>
      );
    case 'held':
      return (
        <div className="note reached" role="status" data-testid="run-until" data-phase="held">
          <Glyph name="flag" />
          <div className="note-body">
            <div className="strong">
              <Subject condition={run.condition} event={run.event} /> {conditionVerb(run.condition, 'past')} at{' '}
              <StopLink number={run.stop} />
            </div>
            {run.event === null ? null : <div>{run.event.text}</div>}
            {live ? <Frozen run={run} /> : null}
            <div className="text-2">{progressWords(run, live)}</div>
          </div>
          {close}
        </div>
      );
    case 'unheld':
      return (
        <div className="note attention" role="status" data-testid="run-until" data-phase="ended">
          <Glyph name="info" />
          <div className="note-body">
            <div className="strong">
              Not seen: <Subject condition={run.condition} /> {conditionVerb(run.condition, 'now')}
            </div>
            <div>The run has ended: {run.why}.</div>
            <div className="text-2">{progressWords(run, live)}</div>
          </div>
          {close}
        </div>
      );
  }
}

/** Where a live vCPU was frozen after the reading in which the condition held: it ran on in between. */
function Frozen({ run }: { run: Extract<Run, { kind: 'held' }> }): ReactElement | null {
  const ms = useDebugger(({ stops }) => {
    const [seen, frozen] = [run.stop, run.frozenStop].map((number) => stops.find((stop) => stop.number === number));
    return seen === undefined || frozen === undefined ? null : Math.max(0, frozen.takenAtMs - seen.takenAtMs);
  });
  if (run.frozenStop === null) return <div>The vCPU is not stopped.</div>;
  return (
    <div>
      It ran on until it was stopped
      {isDeterministic() || ms === null ? '' : `, ${ms} ms later`}, at <StopLink number={run.frozenStop} />.
    </div>
  );
}

/** What was waited for; registers in the face of values, where i and l differ. Of any exception the one that came. */
function Subject({ condition, event = null }: { condition: Condition; event?: ModelEvent | null }): ReactElement {
  if (condition.kind === 'exception' && event !== null) return <>#{event.kind.toUpperCase()}</>;
  return <span className={condition.kind === 'changes' ? 'val' : ''}>{conditionSubject(condition)}</span>;
}

function StopLink({ number }: { number: number }): ReactElement {
  const store = useDebuggerStore();
  const go = (): void => {
    const { stops, goToStop } = store.getState();
    goToStop(stops.findIndex((stop) => stop.number === number));
  };
  return (
    <button type="button" className="link" aria-label={`Go to stop ${number}`} onClick={go}>
      stop <span className="val">{number}</span>
    </button>
  );
}

const progressWords = ({ kind, progress }: Run, live: boolean): string => {
  const { readings, longestGapMs } = progress;
  if (!live) return readings === 1 ? 'One step, which is a stop.' : `${readings} steps, each of them a stop.`;
  const sampled = 'What came and went between two captures was not seen.';
  if (isDeterministic()) return `Sampled. ${sampled}`;
  if (kind === 'until')
    return readings === 0 ? 'Sampled up to 30 times a second.' : `${count(readings, 'capture')} so far.`;
  if (readings < 2) return `${count(readings, 'capture')}. ${sampled}`;
  return `${count(readings, 'capture')}, at most ${longestGapMs} ms apart. ${sampled}`;
};
