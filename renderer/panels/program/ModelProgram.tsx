import { type ReactElement, useEffect, useRef } from 'react';
import type { CodeView, DisassemblyLine } from '../../../app/bridge.ts';
import { useInstructionList } from '../../controls/instruction-list.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hasHalted, isFrozen } from '../../store/select/run.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { executedAt } from '../../store/vcpu/executed.ts';
import { current, whichStop } from '../../store/vcpu/guest-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { InstructionLine } from './InstructionLine.tsx';
import { Changed, Operands, OperandValue } from './operands.tsx';
import { Uses } from './Uses.tsx';

const NO_LINES: readonly DisassemblyLine[] = [];

/** Where RIP stood at the stop on screen; the host's word where the registers were not read. */
const useAddress = (lines: readonly DisassemblyLine[]): bigint | null => {
  const rip = useDebugger((state) => selectCapture(state)?.facts.general?.rip ?? null);
  const current = lines.find((line) => line.current);
  return rip ?? (current === undefined ? null : BigInt(current.address));
};

/** What is next at the newest stop, read from the model's memory where it stands still there; null: not yet, or nothing is. */
const useNextCode = (): CodeView | null => {
  const store = useDebuggerStore();
  const stop = useDebugger(whichStop);
  const isNewest = useDebugger((state) => state.at === state.stops.length - 1);
  const stands = useDebugger((state) => isFrozen(state) && !hasHalted(state));
  const code = useDebugger((state) => current(state, state.code));
  const isRead = useDebugger(
    (state) => current(state, state.code) !== null || current(state, state.codeRefusal) !== null,
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: each stop is read anew.
  useEffect(() => {
    if (isNewest && stands && !isRead) void store.getState().readCode();
  }, [store, isNewest, stands, stop, isRead]);
  return isNewest && stands ? code : null;
};

/** The whole program of a model, which stands in the middle of the pane where it is. */
export function ModelProgram(): ReactElement {
  const position = useDebugger((state) => state.position);
  const at = useDebugger((state) => state.at);
  const executed = useDebugger((state) => executedAt(state, state.at)?.address ?? null);
  const title = useDebugger((state) => state.session?.name ?? '');
  const lines = position?.disassembly ?? NO_LINES;
  const address = useAddress(lines);
  const code = useNextCode();
  const next = code?.lines.find((line) => line.next) ?? null;
  const list = useRef<HTMLOListElement>(null);
  const keyboard = useInstructionList();
  // biome-ignore lint/correctness/useExhaustiveDependencies: each step, and each stop gone to, moves the line.
  useEffect(() => {
    const box = list.current;
    const line =
      box?.querySelector<HTMLElement>('[aria-current="step"]') ?? box?.querySelector<HTMLElement>('.executed');
    if (box === null || line == null) return;
    box.scrollTop = line.offsetTop - box.clientHeight / 2 + line.offsetHeight / 2;
  }, [address, at]);
  const base = lines[0] === undefined ? 0n : BigInt(lines[0].address);
  return (
    <>
      <div className="program-head small" data-testid="program">
        <span className="strong ellipsis">{title}</span>
        <span className="val text-3">{lines[0]?.address.replace(/^0x/, '')}</span>
        <span className="push" />
        <span className="text-3">
          step{' '}
          <span className="val" data-testid="model-step">
            {position?.at ?? 0}
          </span>{' '}
          of <span className="val">{position?.total ?? 0}</span>
        </span>
      </div>
      <LastEvent />
      <ol
        ref={list}
        className="program val"
        aria-label="Instructions"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it.
        tabIndex={0}
        {...keyboard}
      >
        {lines.map((line) => {
          const isNext = BigInt(line.address) === address;
          const isExecuted = line.address === executed;
          return (
            <InstructionLine
              key={line.address}
              address={line.address}
              bytes={line.bytes}
              text={line.text}
              offset={(BigInt(line.address) - base).toString(16)}
              isNext={isNext}
              isExecuted={isExecuted}
              value={isExecuted ? <Changed text={line.text} writes={[]} /> : <OperandValue text={line.text} />}
            >
              {isNext ? <Operands text={line.text} /> : null}
              {isNext && code !== null && next !== null ? <Uses line={next} code={code} /> : null}
            </InstructionLine>
          );
        })}
      </ol>
    </>
  );
}

/** The exception raised last, and the way to the stop that stands after it. */
function LastEvent(): ReactElement | null {
  const store = useDebuggerStore();
  const event = useDebugger((state) => state.modelEvents.at(-1) ?? null);
  const newest = useDebugger((state) => state.stops.at(-1)?.number ?? 0);
  if (event === null) return null;
  const isNew = event.stop === newest;
  const go = (): void => {
    const { stops, goToStop } = store.getState();
    goToStop(stops.findIndex(({ number }) => number === event.stop));
  };
  return (
    <div
      className={`program-event small ${isNew ? 'is-armed' : 'text-3'}`}
      role={isNew ? 'alert' : undefined}
      data-testid="model-event"
    >
      <Glyph name={event.kind === 'nm' ? 'lock' : 'warn'} className="g12" />
      <span>
        <span className="strong">#{event.kind.toUpperCase()}</span> {event.text}{' '}
        {isNew ? null : (
          <button type="button" className="link" onClick={go}>
            stop <span className="val">{event.stop}</span>
          </button>
        )}
      </span>
    </div>
  );
}
