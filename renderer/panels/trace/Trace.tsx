import {
  type KeyboardEvent,
  type ReactElement,
  type ReactNode,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { Button } from '../../controls/Button.tsx';
import { Segment } from '../../controls/Segment.tsx';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectDrive } from '../../store/select/run.ts';
import type { TraceRow, TraceShow } from '../../store/state/trace.ts';
import { driveRefusal } from '../../store/vcpu/drive-slice.ts';
import { selectShownRows, selectTracedProducts, selectTraceRows } from '../../store/vcpu/trace-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count as counted } from '../../wording.ts';
import { TracePlots } from './TracePlots.tsx';
import { Row } from './TraceRow.tsx';

/** Instruction by instruction: what was executed and what it changed. The history below is the same stops. */
export function Trace(): ReactElement {
  const store = useDebuggerStore();
  const rows = useDebugger(selectTraceRows);
  const session = useDebugger((state) => state.session?.id);
  const syntax = useDebugger((state) => state.syntax);
  // biome-ignore lint/correctness/useExhaustiveDependencies: more of them, other words, another session: all are named anew.
  useEffect(() => {
    void store.getState().nameTraced();
  }, [store, rows, session, syntax]);
  return (
    <section
      className="trace"
      data-region="trace"
      data-pane="trace"
      data-testid="trace"
      tabIndex={-1}
      aria-label="Trace"
    >
      <Head />
      {rows.length === 0 ? <EmptyTrace /> : <Body />}
    </section>
  );
}

/** Why no instruction is listed, and what can be done about it. */
export function EmptyTrace({ children }: { children?: ReactNode }): ReactElement {
  const isLive = useDebugger((state) => state.session?.kind === 'live');
  const isModel = useDebugger((state) => state.session?.kind === 'model');
  const drive = useDebugger(selectDrive);
  const isTraced = drive?.kind === 'driven' && drive.what.startsWith('traced ');
  return (
    <div className="pane-empty">
      <Glyph name="trace" className="text-3" />
      <p className="text-2">
        {isTraced
          ? 'What was traced stands in the history; its instructions are not known, for guest memory is not proved.'
          : isModel
            ? 'No instruction was stepped alone yet: each that is stands here, with what it changed.'
            : isLive
              ? 'No instruction is traced yet. A trace, like a single step, keeps the whole state after each, as stops of the history.'
              : 'This session holds no trace: a trace is made of a live vCPU, here or by tilescope trace, and its file opened.'}
      </p>
      {children}
    </div>
  );
}

const SHOWN = [
  { value: 'all', label: 'All' },
  { value: 'tile', label: 'Tile' },
  { value: 'differs', label: 'Differs' },
] as const satisfies readonly { readonly value: TraceShow; readonly label: string }[];

function Head(): ReactElement {
  const store = useDebuggerStore();
  const text = useDebugger((state) => state.traceText);
  const show = useDebugger((state) => state.traceShow);
  const rows = useDebugger(selectTraceRows).length;
  const shown = useDebugger((state) => selectShownRows(state).length);
  const isLive = useDebugger((state) => state.session?.kind === 'live');
  return (
    <div className="trace-head">
      {isLive ? <Make /> : null}
      <label className="field trace-filter">
        <Glyph name="search" className="g12" />
        <input
          type="search"
          className="val small"
          data-filter
          aria-label="Instructions of the trace"
          placeholder="instruction or symbol"
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => store.getState().setTraceFilter(event.target.value, show)}
        />
      </label>
      <Segment
        name="Instructions"
        look="tiny"
        choices={SHOWN}
        value={show}
        onChoose={(value) => store.getState().setTraceFilter(text, value)}
      />
      <Products />
      <span className="push" />
      {rows === 0 ? null : (
        <span className="small text-3 nowrap" role="status" data-testid="trace-count">
          {shown === rows ? counted(rows, 'instruction') : `${shown} of ${rows} instructions`}
        </span>
      )}
    </div>
  );
}

/** How the tile products of the trace came out, worst first. */
export function Products(): ReactElement | null {
  const products = useDebugger(selectTracedProducts);
  if (products === null || products.checked === 0) return null;
  const differing = products.byStop.size;
  return differing > 0 ? (
    <span className="small is-refused nowrap" data-testid="trace-products">
      <Glyph name="differs" className="g12" /> {differing} of {products.checked} products differ
    </span>
  ) : (
    <span className="small is-written nowrap" data-testid="trace-products">
      <Glyph name="check" className="g12" /> {counted(products.checked, 'product')} hold
    </span>
  );
}

const MOST_TRACED = 10_000;

/** So many more, with progress, and the way to end it where it is. */
function Make(): ReactElement {
  const store = useDebuggerStore();
  const [text, setText] = useState('1000');
  const refused = useDebugger(driveRefusal);
  const drive = useDebugger(selectDrive);
  const count = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  const wrong = count < 1 || count > MOST_TRACED ? `a number from 1 to ${MOST_TRACED}` : null;
  if (drive?.kind === 'drive' && drive.most !== null) {
    return (
      <span className="line tight" data-testid="trace-progress">
        <progress max={drive.most} value={drive.made} aria-label="Instructions traced" />
        <span className="small text-2 nowrap val">
          {drive.made} of {drive.most}
        </span>
        <Button label="Stop the trace here" look="tiny" onPress={() => store.getState().stopDriving()}>
          Stop here
        </Button>
      </span>
    );
  }
  return (
    <form
      className="line tight"
      onSubmit={(event) => {
        event.preventDefault();
        if (refused === null && wrong === null) void store.getState().trace(count);
      }}
    >
      <span className="field drive-count">
        <input
          type="text"
          className="val"
          data-region-start
          inputMode="numeric"
          aria-label="How many instructions to trace"
          aria-invalid={wrong !== null}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </span>
      <Button
        label="Trace so many instructions"
        look="tiny"
        refused={refused ?? wrong}
        onPress={() => void store.getState().trace(count)}
      >
        Trace
      </Button>
    </form>
  );
}

/** From this width on plots stand beside the list, which keeps the rest. */
const PLOTS_FROM_PX = 860;
const PLOTS_SHARE = 0.42;

function Body(): ReactElement {
  const box = useRef<HTMLDivElement>(null);
  const [widthPx, setWidthPx] = useState(0);
  useLayoutEffect(() => {
    const node = box.current;
    if (node === null) return;
    const measure = (): void => setWidthPx(node.clientWidth);
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    measure();
    return () => observer.disconnect();
  }, []);
  const plotsPx = widthPx < PLOTS_FROM_PX ? 0 : Math.min(720, Math.round(widthPx * PLOTS_SHARE));
  return (
    <div ref={box} className="trace-body">
      <div className="trace-table">
        <div className="trace-names small text-3" aria-hidden="true">
          <span className="trace-step">stop</span>
          <span>RIP</span>
          <span>instruction</span>
          <span>what it changed</span>
          <span>product</span>
        </div>
        <List />
      </div>
      {plotsPx === 0 ? null : <TracePlots widthPx={plotsPx - 1} />}
    </div>
  );
}

const ROW_PX = 20;
/** Drawn beyond what is seen, so that scrolling shows no gap. */
const MORE = 6;

/** The rows near the screen alone. The stop on screen is the row that is chosen, and both follow each other. */
function List(): ReactElement {
  const store = useDebuggerStore();
  const rows = useDebugger(selectShownRows);
  const at = useDebugger((state) => state.at);
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ first: 0, end: 40 });
  const chosen = rows.findLastIndex((row) => row.at <= at);
  const measure = (): void => {
    const node = box.current;
    if (node === null) return;
    const first = Math.max(0, Math.floor(node.scrollTop / ROW_PX) - MORE);
    setSeen({ first, end: first + Math.ceil(node.clientHeight / ROW_PX) + 2 * MORE });
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another row chosen, or other rows: it is brought into view.
  useLayoutEffect(() => {
    const node = box.current;
    if (node === null) return;
    const top = Math.max(0, chosen) * ROW_PX;
    if (top < node.scrollTop || top + ROW_PX > node.scrollTop + node.clientHeight)
      node.scrollTop = top - node.clientHeight / 2 + ROW_PX / 2;
    measure();
  }, [chosen, rows]);
  const go = (row: TraceRow | undefined): void => {
    if (row !== undefined) store.getState().goToStop(row.at);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const command = commandOf('list', event.nativeEvent);
    if (command === null || command === 'press') return;
    event.preventDefault();
    event.stopPropagation();
    const next = { previous: chosen - 1, next: chosen + 1, first: 0, last: rows.length - 1 }[command];
    go(rows[Math.max(0, Math.min(rows.length - 1, next))]);
  };
  return (
    <div
      ref={box}
      className="scroll trace-list"
      role="listbox"
      aria-label="Instructions of the trace"
      tabIndex={0}
      aria-activedescendant={rows[chosen] === undefined ? undefined : `trace-${rows[chosen]?.at}`}
      onScroll={measure}
      onKeyDown={onKeyDown}
    >
      <div className="trace-rows" style={{ height: rows.length * ROW_PX }}>
        {rows.slice(seen.first, seen.end).map((row, index) => (
          <Row
            key={row.at}
            row={row}
            top={(seen.first + index) * ROW_PX}
            chosen={row.at === at}
            onChoose={() => go(row)}
          />
        ))}
      </div>
    </div>
  );
}
