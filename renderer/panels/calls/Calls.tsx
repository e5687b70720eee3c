import { type ReactElement, useEffect } from 'react';
import type { CallsView } from '../../../app/bridge.ts';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { isFrozen } from '../../store/select/run.ts';
import type { State } from '../../store/state/state.ts';
import { current, whichStop } from '../../store/vcpu/guest-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';

const shownCalls = (state: State): CallsView | null => current(state, state.calls);
const refusalOf = (state: State) => current(state, state.callsRefusal);

/** Who executes, and who called whom: read at each stop of a vCPU that stands still. */
export function Calls(): ReactElement {
  return (
    <section className="watch-pane calls-pane" data-region="calls" data-pane="calls" tabIndex={-1} aria-label="Calls">
      <Content />
    </section>
  );
}

function Content(): ReactElement {
  const store = useDebuggerStore();
  const kind = useDebugger((state) => state.session?.kind);
  const frozen = useDebugger(isFrozen);
  const stop = useDebugger(whichStop);
  const isNewest = useDebugger((state) => state.at === state.stops.length - 1);
  const calls = useDebugger(shownCalls);
  const refusal = useDebugger(refusalOf);
  const isRead = calls !== null || refusal !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each stop is read anew.
  useEffect(() => {
    if (kind === 'live' && frozen && !isRead) void store.getState().readCalls();
  }, [store, kind, frozen, stop, isRead]);
  if (kind !== 'live') return <Nothing words="Calls are read from the memory of a live guest." />;
  if (!isNewest)
    return <Nothing words="Calls are read at the newest stop alone: memory has gone on since the others." />;
  if (calls !== null) return <Stack calls={calls} />;
  if (refusal !== null) {
    return <Nothing words={`${refusal.what}${refusal.where === null ? '' : `, ${refusal.where}`}`} again />;
  }
  return frozen ? (
    <Nothing words="Reading who called whom…" />
  ) : (
    <Nothing words="The vCPU runs. Reading who called whom holds it still for a moment." again />
  );
}

function Nothing({ words, again = false }: { words: string; again?: boolean }): ReactElement {
  const store = useDebuggerStore();
  return (
    <div className="pane-empty">
      <Glyph name="list" className="text-3" />
      <p className="text-2" data-testid="calls-words">
        {words}
      </p>
      {again ? (
        <Button label="Read calls" onPress={() => void store.getState().readCalls()}>
          Read calls
        </Button>
      ) : null}
    </div>
  );
}

function Stack({ calls }: { calls: CallsView }): ReactElement {
  const store = useDebuggerStore();
  const { who, task, taskBy, taskWhy, entry, frames, end, by, translations } = calls;
  return (
    <>
      <p className="small text-2" data-testid="calls-who">
        {who}
      </p>
      {task === null && taskWhy === null ? null : (
        <p className="small" data-testid="calls-task">
          {task === null ? <span className="text-3">the task is not known: {taskWhy}</span> : `task ${task}`}
          {taskBy === null ? null : <span className="text-3">, found {taskBy}</span>}
        </p>
      )}
      {entry === null ? null : (
        <p className="small text-2" data-testid="calls-entry">
          {entry}
        </p>
      )}
      <ol className="calls val" aria-label="Calls">
        {frames.map(({ address, symbol, framePointer }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a frame is its place.
          <li key={at} aria-current={at === 0 ? 'step' : undefined}>
            <span className="text-3">{at}</span>
            <button
              type="button"
              className="link ellipsis"
              title={`Show the code at ${address}`}
              data-region-start={at === 0 ? '' : undefined}
              onClick={() => store.getState().showCode(address)}
            >
              {symbol ?? address.slice(2)}
            </button>
            <span className="push" />
            {symbol === null ? null : <span className="text-3">{address.slice(2)}</span>}
            {framePointer === null || BigInt(framePointer) === 0n ? null : (
              <button
                type="button"
                className="link small"
                title={`Show memory at its frame pointer, ${framePointer}`}
                aria-label={`Frame ${at}: memory at ${framePointer}`}
                onClick={() => store.getState().showMemory(framePointer)}
              >
                frame
              </button>
            )}
          </li>
        ))}
      </ol>
      <p className="small text-3" data-testid="calls-end">
        {end}; by {by}
        {translations === 0 ? '' : `; memory proven by ${translations} translations`}
      </p>
    </>
  );
}
