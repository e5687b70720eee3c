import { type KeyboardEvent, type ReactElement, useMemo } from 'react';
import type { TargetSummary } from '../../../app/bridge.ts';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { fixed } from '../../fixed.ts';
import { commandOf, movedInList } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { targetsMatching } from '../../store/vcpu/target-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { pidText, runningText } from '../../wording.ts';
import { ACTS, MAY, mayOf } from './may.ts';
import { seccompSentence } from './seccomp.ts';

const COLUMNS = ['', 'guest, VMM', 'pid', 'vCPUs', 'user', 'running', ...ACTS, 'why'];
const RIGHT = new Set(['pid', 'vCPUs', 'running']);

export function TargetList(): ReactElement {
  const store = useDebuggerStore();
  const list = useDebugger((state) => state.listing.list);
  const looking = useDebugger((state) => state.listing.looking);
  const filter = useDebugger((state) => state.targetFilter);
  const picked = useDebugger((state) => state.pickedPid);
  const besideModel = useDebugger((state) => state.detailOf === 'model');
  const shown = useMemo(() => targetsMatching(list, filter), [list, filter]);

  if (list === null) return <>{looking ? <p className="targets-empty text-3">Looking for vCPUs…</p> : null}</>;
  if (list.targets.length === 0) return <NoTarget />;
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const at = shown.findIndex((target) => target.pid === picked);
    const command = commandOf('list', event);
    const next = movedInList(command, at, shown.length);
    const state = store.getState();
    if (next !== null) {
      event.preventDefault();
      const target = shown[next];
      if (target !== undefined) state.pickTarget(target.pid);
    } else if (command === 'press') {
      // A click leaves the focus on the row, the arrows on the list: either way Enter speaks of the selected row.
      event.preventDefault();
      void state.attach(false);
    }
  };
  return (
    <>
      <div className="target-grid target-columns" aria-hidden="true">
        {COLUMNS.map((column) => (
          <span key={column} className={RIGHT.has(column) ? 'right' : ''}>
            {column}
          </span>
        ))}
      </div>
      <div
        className={`target-list ${besideModel ? 'not-in-detail' : ''}`}
        role="listbox"
        aria-label="Targets"
        aria-activedescendant={picked === null ? undefined : `target-${picked}`}
        tabIndex={0}
        data-region-start
        // A click gives the focus to the row in it: however it comes here, the detail is about this list.
        onFocus={() => store.getState().showDetailOf('target')}
        onKeyDown={onKeyDown}
      >
        {shown.map((target) => (
          <TargetRow key={target.pid} target={target} selected={target.pid === picked} />
        ))}
      </div>
      {shown.length === 0 ? <p className="targets-empty text-2">No target matches “{filter}”.</p> : null}
    </>
  );
}

function TargetRow({ target, selected }: { target: TargetSummary; selected: boolean }): ReactElement {
  const store = useDebuggerStore();
  const isOurs = target.heldBy !== undefined;
  const may = MAY[mayOf(target)];
  return (
    <>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the list box in front of the rows holds the keyboard. */}
      <div
        id={`target-${target.pid}`}
        className="target-grid target-row"
        role="option"
        aria-selected={selected}
        data-pid={target.pid}
        tabIndex={-1}
        onClick={() => {
          store.getState().pickTarget(target.pid);
          store.getState().showDetailOf('target');
        }}
        onDoubleClick={() => void store.getState().attach(false)}
      >
        <Glyph name={target.attachable || isOurs ? 'cpu' : 'lock'} className="target-mark" />
        <span className="ellipsis">
          <div className="strong ellipsis">{target.name}</div>
          <div className="text-3 small ellipsis">
            {target.vmm}, {target.executable.split('/').at(-1)}
          </div>
        </span>
        <span className="val small right text-2">{pidText(target.pid)}</span>
        <span className="val small right text-2">{target.vcpus.length}</span>
        <span className="small text-2 ellipsis">{fixed('user', target.user)}</span>
        <span className="val small right text-2">{runningText(target.runningMs)}</span>
        {ACTS.map((act) => (
          <span key={act} className="line tight small">
            <Glyph name={isOurs ? 'cpu' : may.glyph} className={`g12 ${isOurs ? 'text-3' : may.look}`} />
            <span className="visually-hidden">{act}</span> {isOurs ? 'ours' : may.word}
          </span>
        ))}
        <span className="target-why small text-2">
          {isOurs ? 'in another tab' : target.attachable ? seccompSentence(target) : target.reason}
        </span>
        {target.remedy === null || isOurs ? null : (
          <span className="target-remedy">
            <span className="text-2 nowrap">Remedy:</span>
            <span className="val remedy-text">{target.remedy}</span>
          </span>
        )}
      </div>
    </>
  );
}

function NoTarget(): ReactElement {
  return (
    <div className="targets-empty">
      <Glyph name="cpu" className="text-3" />
      <p className="title">No process here holds a KVM vCPU</p>
      <p>Start a guest with KVM, then look again; or drop a capture, a core, a raw image or a snapshot’s state here.</p>
      <span className="line">
        <ActionButton action={action('demo')}>Start a demo guest</ActionButton>
        <ActionButton action={action('refresh')}>Look again</ActionButton>
      </span>
    </div>
  );
}
