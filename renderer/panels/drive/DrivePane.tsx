import { type ReactElement, useState } from 'react';
import type { DrivenBreakpoint } from '../../../app/bridge.ts';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { Button } from '../../controls/Button.tsx';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { Select } from '../../controls/Select.tsx';
import { fixed } from '../../fixed.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectDrive } from '../../store/select/run.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import type { Breakpoint } from '../../store/state/drive.ts';
import {
  allStopRefusal,
  breakpointWords,
  checkBreakpoint,
  conditionProblem,
  driveRefusal,
  selectBreakpoints,
  selectOtherVcpus,
} from '../../store/vcpu/drive-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count as counted } from '../../wording.ts';

/** Run control of a live vCPU: where it stands, steps, breakpoints, a condition to run to, and how the last drive ended. */
export function DrivePane(): ReactElement {
  const rip = useDebugger((state) => selectCapture(state)?.facts.general?.rip ?? null);
  const text =
    rip
      ?.toString(16)
      .padStart(16, '0')
      .replace(/(.{8})$/, '_$1') ?? 'not known';
  return (
    <div className="drive" data-testid="drive">
      <div className="drive-head small">
        <span className="text-2">RIP</span> <span className="val">{fixed('address', text)}</span>
      </div>
      <Outcome />
      <Steps />
      <OtherVcpus />
      <Breakpoints />
      <Until />
    </div>
  );
}

/** What is under way, or what came of it. */
function Outcome(): ReactElement | null {
  const store = useDebuggerStore();
  const drive = useDebugger(selectDrive);
  if (drive === null) return null;
  if (drive.kind === 'drive') {
    return (
      <div className="drive-outcome small" role="status" data-testid="drive-outcome" data-phase="driving">
        <Glyph name="play" className="g12 is-running" />
        <span className="text-2">
          {drive.what}
          {drive.made === 0 ? '' : `, ${counted(drive.made, 'instruction')} so far`}
        </span>
        <Button label="Stop here" look="tiny" onPress={() => store.getState().stopDriving()}>
          Stop here
        </Button>
      </div>
    );
  }
  return (
    <div className="drive-outcome small" role="status" data-testid="drive-outcome" data-phase="ended">
      <Glyph name={drive.isHit ? 'flag' : 'step'} className="g12" />
      <span className={drive.isHit ? 'strong' : 'text-2'}>{drive.what}</span>
    </div>
  );
}

const MOST_STEPS = 10_000;

function Steps(): ReactElement {
  const store = useDebuggerStore();
  const [text, setText] = useState('100');
  const refused = useDebugger(driveRefusal);
  const count = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  const wrong = count < 1 || count > MOST_STEPS ? `a number from 1 to ${MOST_STEPS}` : null;
  return (
    <form
      className="drive-row"
      onSubmit={(event) => {
        event.preventDefault();
        if (refused === null && wrong === null) void store.getState().driveSteps(count);
      }}
    >
      <ActionButton action={action('step')} look="tiny">
        Step
      </ActionButton>
      <ActionButton action={action('continue')} look="tiny">
        Continue
      </ActionButton>
      <span className="push" />
      <span className="field drive-count">
        <input
          type="text"
          className="val"
          inputMode="numeric"
          aria-label="How many instructions"
          aria-invalid={wrong !== null}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </span>
      <Button
        label="Steps: make so many"
        look="tiny"
        refused={refused ?? wrong}
        onPress={() => void store.getState().driveSteps(count)}
      >
        Steps
      </Button>
    </form>
  );
}

/** Whether they run on meanwhile; nothing where there is no other. */
function OtherVcpus(): ReactElement | null {
  const store = useDebuggerStore();
  const others = useDebugger(selectOtherVcpus);
  const refused = useDebugger(allStopRefusal);
  if (others === null) return null;
  return (
    <label className="drive-row line tight small">
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

function Breakpoints(): ReactElement {
  const rows = useDebugger(selectBreakpoints);
  return (
    <section aria-label="Breakpoints">
      <h3 className="drive-title small text-2">Breakpoints</h3>
      {rows.length === 0 ? <p className="small text-3">None. Continue runs freely.</p> : null}
      <ul className="drive-list">
        {rows.map((row, at) => (
          <BreakpointRow key={`${row.address} ${row.on}`} row={row} at={at} />
        ))}
      </ul>
      <AddBreakpoint />
    </section>
  );
}

function BreakpointRow({ row, at }: { row: Breakpoint; at: number }): ReactElement {
  const store = useDebuggerStore();
  const words = breakpointWords(row);
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
        <span className="val">{words}</span>
      </label>
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

function AddBreakpoint(): ReactElement {
  const store = useDebuggerStore();
  const [text, setText] = useState('');
  const [on, setOn] = useState<DrivenBreakpoint['on']>('execute');
  const [bytes, setBytes] = useState(8);
  const isFull = useDebugger((state) => selectBreakpoints(state).length >= 4);
  const checked = checkBreakpoint(text, on, bytes);
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
          placeholder="0x1000"
          spellCheck={false}
          autoComplete="off"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </span>
      <Select
        name="When it is"
        value={on}
        options={KINDS}
        onChoose={(value) => setOn(KINDS.find((kind) => kind.value === value)?.value ?? 'execute')}
      />
      {on === 'execute' ? null : (
        <Select name="Bytes" value={String(bytes)} options={SIZES} onChoose={(value) => setBytes(Number(value))} />
      )}
      <Button label="Add the breakpoint" look="tiny" refused={refused} onPress={add}>
        Add
      </Button>
    </form>
  );
}

function Until(): ReactElement {
  const store = useDebuggerStore();
  const [text, setText] = useState('');
  const problem = useDebugger((state) => conditionProblem(text, state));
  const refused = useDebugger(driveRefusal);
  const start = (): void => {
    if (refused === null && problem === null) void store.getState().driveUntil(text.trim());
  };
  return (
    <section aria-label="Run until">
      <h3 className="drive-title small text-2">Run until, instruction by instruction</h3>
      <form
        className="drive-row"
        onSubmit={(event) => {
          event.preventDefault();
          start();
        }}
      >
        <span className="field drive-condition">
          <input
            type="text"
            className="val"
            aria-label="Condition"
            aria-invalid={text !== '' && problem !== null}
            placeholder="xmm3 changes"
            spellCheck={false}
            autoComplete="off"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </span>
        <Button label="Run until it holds" look="tiny" refused={refused ?? problem} onPress={start}>
          Run
        </Button>
      </form>
      {text === '' || problem === null ? null : (
        <p className="small text-2" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}
