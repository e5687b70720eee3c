import { type CSSProperties, type ReactElement, useEffect, useRef } from 'react';
import type { CodeLine, CodeView, Refusal } from '../../../app/bridge.ts';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { Button } from '../../controls/Button.tsx';
import { useInstructionList } from '../../controls/instruction-list.ts';
import { Select } from '../../controls/Select.tsx';
import { fixed, fixedWithin } from '../../fixed.ts';
import { TARGET_ENDED } from '../../store/base/availability.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hasEnded, isFrozen, selectDrive } from '../../store/select/run.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import type { State } from '../../store/state/state.ts';
import { current, whichStop } from '../../store/vcpu/guest-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { InstructionLine } from './InstructionLine.tsx';
import { LoadAddress } from './LoadAddress.tsx';
import { Changed, Operands, OperandValue } from './operands.tsx';
import { Outcome, ProgramFoot } from './ProgramFoot.tsx';
import { Uses } from './Uses.tsx';

/** The code around RIP of a live vCPU. It is read while the vCPU is frozen, at each stop; of one that runs by hand. */
export function LiveProgram(): ReactElement {
  const store = useDebuggerStore();
  const frozen = useDebugger(isFrozen);
  const stop = useDebugger(whichStop);
  const isNewest = useDebugger((state) => state.at === state.stops.length - 1);
  const code = useDebugger((state) => current(state, state.code));
  const refusal = useDebugger((state) => current(state, state.codeRefusal));
  const isRead = code !== null || refusal !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each stop is read anew.
  useEffect(() => {
    if (frozen && !isRead) void store.getState().readCode();
  }, [store, frozen, stop, isRead]);
  if (!isNewest) return <Empty words="Code is read at the newest stop alone: memory has gone on since the others." />;
  if (code !== null) return <Listing code={code} />;
  if (refusal !== null) return <Refused refusal={refusal} />;
  return frozen ? <Empty words="Reading the code at RIP…" /> : <Running />;
}

const askedAgain = (store: ReturnType<typeof useDebuggerStore>) => () => void store.getState().readCode();

function Empty({ words }: { words: string }): ReactElement {
  return (
    <div className="pane-empty">
      <Glyph name="cpu" className="text-3" />
      <p className="text-2">{words}</p>
      <dl className="program-foot small">
        <Outcome />
      </dl>
    </div>
  );
}

const endedRefusal = (state: State): string | null => (hasEnded(state) ? TARGET_ENDED : null);

function Running(): ReactElement {
  const store = useDebuggerStore();
  const ended = useDebugger(endedRefusal);
  return (
    <div className="pane-empty">
      <Glyph name="cpu" className="text-3" />
      <p className="text-2">
        The vCPU runs. Its code is read at each stop; reading it now holds it still for a moment.
      </p>
      <Button label="Read code" refused={ended} onPress={askedAgain(store)}>
        Read code
      </Button>
    </div>
  );
}

function Refused({ refusal }: { refusal: Refusal }): ReactElement {
  const store = useDebuggerStore();
  const ended = useDebugger(endedRefusal);
  const rip = useDebugger((state) => selectCapture(state)?.facts.general?.rip ?? null);
  return (
    <div className="pane-empty">
      <Glyph name="unknown" className="text-3" />
      {rip === null ? null : (
        <p>
          RIP <span className="val">{fixed('address', rip.toString(16)).replace(/^[0_]+(?=.)/, '')}</span>
        </p>
      )}
      <p className="text-2" data-testid="code-refused">
        {fixedWithin(`${refusal.what}${refusal.where === null ? '' : ` (${refusal.where})`}`)}
      </p>
      <LoadAddress />
      <Button label="Read again" refused={ended} onPress={askedAgain(store)}>
        Read again
      </Button>
      <dl className="program-foot small">
        <Outcome />
      </dl>
    </div>
  );
}

const SYNTAXES = [
  { value: 'intel', label: 'Intel' },
  { value: 'att', label: 'AT&T' },
] as const;

/** Where the instruction stood that was executed last, where it was one alone; null: not known. */
const selectExecuted = (state: State): bigint | null => {
  const drive = selectDrive(state);
  if (drive?.kind !== 'driven' || drive.made !== 1 || state.stops.at(-1)?.cause !== 'step') return null;
  return state.stops.at(-2)?.capture.facts.general?.rip ?? null;
};

/** An offset of so many digits has its place beside the instruction; longer ones, and whole addresses where no symbol is known, need more. */
const SHORT_OFFSET = 3;
const offsetColumn = ({ lines }: CodeView): CSSProperties => {
  const longest = Math.max(0, ...lines.map((line) => offsetText(line).length));
  return (longest > SHORT_OFFSET ? { '--offset-column': `${longest + 1}ch` } : {}) as CSSProperties;
};

function Listing({ code }: { code: CodeView }): ReactElement {
  const store = useDebuggerStore();
  const from = useDebugger((state) => current(state, state.codeFrom));
  const isElsewhere = from !== null;
  const executed = useDebugger(selectExecuted);
  const list = useRef<HTMLOListElement>(null);
  const keyboard = useInstructionList();
  // biome-ignore lint/correctness/useExhaustiveDependencies: each reading shows where it stands.
  useEffect(() => {
    const box = list.current;
    if (box === null) return;
    const line = box.querySelector<HTMLElement>('[aria-current="step"]');
    if (line === null || isElsewhere) {
      box.scrollTop = 0;
      return;
    }
    const [top, bottom] = [line.offsetTop, line.offsetTop + line.offsetHeight];
    if (top < box.scrollTop || bottom > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight / 3;
  }, [code, isElsewhere]);
  return (
    <>
      <Head code={code} />
      <LoadAddress />
      {isElsewhere ? (
        <div className="program-elsewhere small">
          <span className="text-2">not where RIP stands</span>
          <Button label="Back to RIP" look="tiny" onPress={() => store.getState().showCode(null)}>
            Back to RIP
          </Button>
        </div>
      ) : null}
      {code.lines.length === 0 ? (
        <p className="text-2 small program-none">No instruction could be read at {from ?? code.rip}.</p>
      ) : null}
      <ol
        ref={list}
        className="program val"
        style={offsetColumn(code)}
        aria-label="Instructions"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it.
        tabIndex={0}
        {...keyboard}
      >
        {code.lines.map((line, index) => (
          <Line
            key={line.address}
            line={line}
            code={code}
            previous={code.lines[index - 1] ?? null}
            isExecuted={executed !== null && BigInt(line.address) === executed}
          />
        ))}
      </ol>
      <ProgramFoot code={code} />
    </>
  );
}

/** Whose code it is, and how it is written. */
function Head({ code }: { code: CodeView }): ReactElement {
  const store = useDebuggerStore();
  const syntax = useDebugger((state) => state.syntax);
  const task = useDebugger((state) => current(state, state.calls)?.task ?? null);
  const next = code.lines.find((line) => line.next) ?? code.lines[0] ?? null;
  return (
    <div className="program-head small" data-testid="live-program">
      <span className="strong val ellipsis" title={next?.symbol ?? undefined}>
        {symbolName(next) ?? code.rip}
      </span>
      <span className="text-2 ellipsis program-task" title={task ?? undefined}>
        {task}
      </span>
      <span className="push" />
      <ActionButton action={action('symbols')} look="tiny square ghost" />
      <Select
        name="Syntax"
        value={syntax}
        options={SYNTAXES}
        onChoose={(value) => store.getState().setSyntax(value === 'att' ? 'att' : 'intel')}
      />
    </div>
  );
}

const symbolName = (line: CodeLine | null): string | null => line?.symbol?.replace(/\+0x[0-9a-f]+$/, '') ?? null;
const offsetText = (line: CodeLine): string => {
  const [, offset] = /\+0x([0-9a-f]+)$/.exec(line.symbol ?? '') ?? [];
  return line.symbol === null ? line.address.slice(-6) : (offset ?? '0');
};

interface LineProps {
  readonly line: CodeLine;
  readonly code: CodeView;
  readonly previous: CodeLine | null;
  readonly isExecuted: boolean;
}

function Line({ line, code, previous, isExecuted }: LineProps): ReactElement {
  const name = symbolName(line);
  return (
    <InstructionLine
      address={line.address}
      bytes={line.bytes}
      text={line.text}
      offset={offsetText(line)}
      isNext={line.next}
      isExecuted={isExecuted}
      name={name !== null && name !== symbolName(previous) ? name : null}
      value={
        isExecuted ? (
          <Changed text={line.text} writes={line.writes} />
        ) : line.target === null ? (
          <OperandValue text={line.text} />
        ) : (
          <span className="text-3 program-value ellipsis">{line.target}</span>
        )
      }
    >
      {line.next ? (
        <>
          <Operands text={line.text} />
          <Uses line={line} code={code} />
        </>
      ) : null}
    </InstructionLine>
  );
}
