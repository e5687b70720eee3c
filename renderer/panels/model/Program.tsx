import { type ReactElement, useEffect, useRef } from 'react';
import type { DisassemblyLine } from '../../../app/bridge.ts';
import { GENERAL_NAMES } from '../../../app/register/registers.ts';
import { useInstructionList } from '../../controls/instruction-list.ts';
import { fixed } from '../../fixed.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hasHalted } from '../../store/select/run.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { executedAt, productOfLine } from '../../store/vcpu/executed.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { DrivePane } from '../drive/DrivePane.tsx';
import { LiveProgram } from '../memory/LiveProgram.tsx';
import { TileThumbnail } from '../tiles/TileThumbnail.tsx';

/** The program beside every view: what was executed last, what comes next, and with which operands. */
export function Program(): ReactElement {
  const kind = useDebugger((state) => state.session?.kind);
  const position = useDebugger((state) => (state.session?.kind === 'model' ? state.position : null));
  return (
    <section className="program-pane" data-region="program" data-pane="program" tabIndex={-1} aria-label="Program">
      {position !== null ? <Listing lines={position.disassembly} /> : kind === 'live' ? <Live /> : <NoProgram />}
    </section>
  );
}

/** What drives a live vCPU, and the code that it stands in. */
function Live(): ReactElement {
  return (
    <div className="live-program">
      <DrivePane />
      <LiveProgram />
    </div>
  );
}

/** A pane is never empty: it says what it would show, and where the vCPU stands. */
function NoProgram(): ReactElement {
  const rip = useDebugger((state) => selectCapture(state)?.facts.general?.rip ?? null);
  const text =
    rip === null
      ? null
      : rip
          .toString(16)
          .padStart(16, '0')
          .replace(/(.{8})$/, '_$1');
  return (
    <div className="pane-empty">
      <Glyph name="cpu" className="text-3" />
      {text === null ? null : (
        <p>
          RIP <span className="val">{fixed('address', text)}</span>
        </p>
      )}
      <p className="text-2">A file holds no program. Open a model to step one.</p>
    </div>
  );
}

/** Where RIP stood at the stop on screen; the host's word where the registers were not read. */
const useAddress = (lines: readonly DisassemblyLine[]): bigint | null => {
  const rip = useDebugger((state) => selectCapture(state)?.facts.general?.rip ?? null);
  const current = lines.find((line) => line.current);
  return rip ?? (current === undefined ? null : BigInt(current.address));
};

function Listing({ lines }: { lines: readonly DisassemblyLine[] }): ReactElement {
  const position = useDebugger((state) => state.position);
  const halted = useDebugger(hasHalted);
  const at = useDebugger((state) => state.at);
  const executed = useDebugger((state) => executedAt(state, state.at)?.address ?? null);
  const address = useAddress(lines);
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
        <span className="val text-2">{lines[0]?.address.replace(/^0x/, '')}</span>
        <span className="push" />
        <span className="text-3">
          step{' '}
          <span className="val" data-testid="model-step">
            {position?.at ?? 0}
          </span>{' '}
          of <span className="val">{position?.total ?? 0}</span>
        </span>
        {halted ? <span className="pill plain">halted</span> : null}
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
          const here = BigInt(line.address) === address;
          const offset = (BigInt(line.address) - base).toString(16);
          return (
            <li
              key={line.address}
              aria-current={here ? 'step' : undefined}
              data-address={line.address}
              tabIndex={-1}
              title={`${line.address}  ${line.bytes}`}
            >
              <div className={`program-line ${here ? 'current' : ''} ${line.address === executed ? 'executed' : ''}`}>
                <span className="program-mark">{here ? <Glyph name="arrow" className="g12" /> : null}</span>
                <span className="text-3">{offset}</span>
                <Instruction text={line.text} />
                {line.address === executed ? <Changed /> : <Operand line={line} />}
              </div>
              {here ? <Operands line={line} /> : null}
            </li>
          );
        })}
      </ol>
    </>
  );
}

function Instruction({ text }: { text: string }): ReactElement {
  const [, mnemonic = text, rest = ''] = /^(\S+)\s*(.*)$/.exec(text.trim()) ?? [];
  return (
    <span className="program-text ellipsis">
      <span className="program-mnemonic">{mnemonic}</span> <span className="text-2">{rest}</span>
    </span>
  );
}

/** What the instruction that was executed last has changed, as components. */
function Changed(): ReactElement | null {
  const changed = useDebugger((state) => state.stops[state.at]?.changed ?? null);
  const product = useDebugger((state) => {
    const line = executedAt(state, state.at);
    return line === null ? null : (productOfLine(line)?.operands.c ?? null);
  });
  if (changed === null || changed.size === 0) return null;
  return (
    <span className="line tight is-changed program-value">
      <Glyph name="delta" className="g10" />
      {product === null ? null : `tmm${product}`}
    </span>
  );
}

/** The general register that an instruction writes, as it stands now. */
function Operand({ line }: { line: DisassemblyLine }): ReactElement | null {
  const first = /^\S+\s+(\w+)/.exec(line.text.trim())?.[1] ?? '';
  const name = GENERAL_NAMES.find((one) => one === first || one === first.replace(/^e/, 'r'));
  const value = useDebugger((state) =>
    name === undefined ? null : (selectCapture(state)?.facts.general?.[name] ?? null),
  );
  return value === null ? null : <span className="text-3 program-value">{value.toString(16)}</span>;
}

/** The tiles of the product that comes next, small and with their names. */
function Operands({ line }: { line: DisassemblyLine }): ReactElement | null {
  const product = productOfLine(line);
  if (product === null) return null;
  const { c, a, b } = product.operands;
  return (
    <div className="program-operands" aria-hidden="true">
      {(
        [
          [c, 'C'],
          [a, 'A'],
          [b, 'B'],
        ] as const
      ).map(([tile, role]) => (
        <span key={role}>
          <TileThumbnail tile={tile} />
          <span className="val small text-2">
            tmm{tile} {role}
          </span>
        </span>
      ))}
    </div>
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
