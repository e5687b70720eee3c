import { type ReactElement, useState } from 'react';
import type { DrivenBreakpoint } from '../../../app/bridge.ts';
import { Button } from '../../controls/Button.tsx';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { Select } from '../../controls/Select.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import type { Breakpoint } from '../../store/state/drive.ts';
import { breakpointWords, checkBreakpoint } from '../../store/vcpu/breakpoint-text.ts';
import { selectBreakpoints } from '../../store/vcpu/drive-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';

/** What the vCPU stops at: at an instruction, or where memory is written or touched. */
export function Breakpoints(): ReactElement {
  const rows = useDebugger(selectBreakpoints);
  const isModel = useDebugger((state) => state.session?.kind === 'model');
  return (
    <section
      className="program-pane breakpoints"
      data-region="breakpoints"
      data-pane="breakpoints"
      data-testid="breakpoints"
      tabIndex={-1}
      aria-label="Breakpoints"
    >
      {rows.length === 0 ? (
        <p className="small text-2">
          None: Continue runs {isModel ? 'to the end of the program' : 'freely'}. A press left of an instruction, or F9
          on it, has the vCPU stop there.
        </p>
      ) : (
        <ul className="drive-list">
          {rows.map((row, at) => (
            <BreakpointRow key={`${row.address} ${row.on}`} row={row} at={at} />
          ))}
        </ul>
      )}
      <AddBreakpoint isModel={isModel} />
    </section>
  );
}

function BreakpointRow({ row, at }: { row: Breakpoint; at: number }): ReactElement {
  const store = useDebuggerStore();
  const words = breakpointWords(row);
  const named = useDebugger(
    (state) =>
      state.code?.view.lines.find(({ address }) => row.on === 'execute' && BigInt(address) === BigInt(row.address))
        ?.symbol ?? null,
  );
  const isHere = useDebugger(
    (state) => row.on === 'execute' && BigInt(row.address) === selectCapture(state)?.facts.general?.rip,
  );
  return (
    <li className={`drive-breakpoint small ${isHere ? 'here' : ''}`}>
      <label className="line tight">
        <input
          type="checkbox"
          checked={row.enabled}
          aria-label={`Break at ${words}`}
          onChange={(event) => store.getState().enableBreakpoint(at, event.target.checked)}
        />
        <Glyph name={row.on === 'execute' ? 'dot' : 'ring'} className={`g12 ${row.enabled ? '' : 'text-3'}`} />
        <span className="val">{words}</span>
      </label>
      <span className="text-3 ellipsis">{named}</span>
      <span className="push" />
      {row.hits === 0 ? null : <span className="text-3">hit {row.hits}</span>}
      <CrossButton label={`Remove the breakpoint at ${words}`} onPress={() => store.getState().removeBreakpoint(at)} />
    </li>
  );
}

const KINDS = [
  { value: 'execute', label: 'executed' },
  { value: 'write', label: 'written' },
  { value: 'access', label: 'touched' },
] as const;
const SIZES = [1, 2, 4, 8].map((bytes) => ({ value: String(bytes), label: String(bytes) }));

function AddBreakpoint({ isModel }: { isModel: boolean }): ReactElement {
  const store = useDebuggerStore();
  const [text, setText] = useState('');
  const [on, setOn] = useState<DrivenBreakpoint['on']>('execute');
  const [bytes, setBytes] = useState(8);
  const isFull = useDebugger((state) => selectBreakpoints(state).length >= 4);
  const now = useDebugger((state) => state.stops.at(-1)?.capture ?? null);
  const checked = checkBreakpoint(text, on, bytes, now);
  const refused = isFull ? 'a vCPU has four breakpoint registers' : checked.ok ? null : checked.why;
  const add = (): void => {
    if (refused !== null || !checked.ok) return;
    store.getState().addBreakpoint(checked.breakpoint);
    setText('');
  };
  return (
    <form
      className="drive-row"
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <span className="field drive-address">
        <input
          type="text"
          className="val"
          aria-label="Address of a breakpoint"
          title="0x1000, or with a condition: 0x1000 if rax == 5"
          placeholder="0x1000"
          spellCheck={false}
          autoComplete="off"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </span>
      {isModel ? null : (
        <Select
          name="When it is"
          value={on}
          options={KINDS}
          onChoose={(value) => setOn(KINDS.find((kind) => kind.value === value)?.value ?? 'execute')}
        />
      )}
      {on === 'execute' ? null : (
        <Select name="Bytes" value={String(bytes)} options={SIZES} onChoose={(value) => setBytes(Number(value))} />
      )}
      <Button label="Add the breakpoint" look="tiny" refused={refused} onPress={add}>
        Add
      </Button>
    </form>
  );
}
