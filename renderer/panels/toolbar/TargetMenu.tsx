import type { ReactElement, ReactNode } from 'react';
import type { Action } from '../../actions/action.ts';
import { ACTIONS } from '../../actions/registry.ts';
import { useMenu } from '../../controls/use-menu.ts';
import { shownKey } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { type AttachedVcpu, selectAttached } from '../../store/select/attached.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';

const ITEMS = [
  'detach',
  'restore',
  'capture',
  'run-until',
  'save-session',
  'copy-as',
  'open-file',
  'theme',
  'palette',
  'help',
];
/** Where several vCPUs are attached. */
const ON_ALL = ['freeze-all', 'continue-all'];

/** The target's button opens a menu of acts on it, drawn from the action registry. */
export function TargetMenu({ children }: { children: ReactNode }): ReactElement {
  const { open, setOpen, button, menu, onKeyDown, onBlur } = useMenu();
  const model = useDebugger((state) => state.session?.kind === 'model');
  const attached = useDebugger(selectAttached);
  const several = attached.length > 1;
  return (
    <span className="menu-anchor">
      <button
        ref={button}
        type="button"
        className={`button target-button ${model ? 'model' : ''}`}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <span className="visually-hidden">Target </span>
        {children}
      </button>
      {open ? (
        <div
          ref={menu}
          className="menu"
          role="menu"
          aria-label="Target"
          tabIndex={-1}
          onKeyDown={onKeyDown}
          onBlur={onBlur}
        >
          {several ? attached.map((row) => <VcpuItem key={row.vcpu} row={row} onDone={() => setOpen(false)} />) : null}
          {[...(several ? ON_ALL : []), ...ITEMS].map((id) => {
            const row = ACTIONS.find((candidate) => candidate.id === id);
            return row === undefined ? null : <MenuItem key={id} action={row} onDone={() => setOpen(false)} />;
          })}
        </div>
      ) : null}
    </span>
  );
}

const RUN_GLYPHS = { running: 'play', frozen: 'pause', ended: 'stop', file: 'file' } as const;

const editWords = ({ writes, staged }: AttachedVcpu): string =>
  [writes === 0 ? '' : count(writes, 'write'), staged === 0 ? '' : `${staged} staged`]
    .filter((text) => text !== '')
    .join(', ');

/** One attached vCPU: whether it runs, and which edits it holds. */
function VcpuItem({ row, onDone }: { row: AttachedVcpu; onDone: () => void }): ReactElement {
  const store = useDebuggerStore();
  const { vcpu, run, writes, staged } = row;
  const onScreen = useDebugger((state) => state.session?.vcpu === vcpu);
  const edits = editWords(row);
  return (
    <button
      type="button"
      role="menuitemradio"
      aria-checked={onScreen}
      aria-label={`vCPU ${vcpu}, ${run}${edits === '' ? '' : `, ${edits}`}`}
      onClick={() => {
        onDone();
        void store.getState().switchVcpu(vcpu);
      }}
    >
      <Glyph name={RUN_GLYPHS[run]} />
      <span>vCPU {vcpu}</span>
      <span className="line tight small text-2">
        {writes === 0 ? null : <Glyph name="check2" className="g12 is-written" />}
        {staged === 0 ? null : <Glyph name="pen" className="g12 is-staged" />}
        {edits}
      </span>
    </button>
  );
}

function MenuItem({ action, onDone }: { action: Action; onDone: () => void }): ReactElement {
  const store = useDebuggerStore();
  const refused = action.refused(store.getState());
  return (
    <button
      type="button"
      role="menuitem"
      aria-disabled={refused === null ? undefined : true}
      title={refused ?? undefined}
      onClick={() => {
        if (refused !== null) return;
        onDone();
        action.run(store);
      }}
    >
      <Glyph name={action.glyph} />
      <span>{action.title}</span>
      {shownKey(action.id) === null ? null : <kbd>{shownKey(action.id)}</kbd>}
    </button>
  );
}
