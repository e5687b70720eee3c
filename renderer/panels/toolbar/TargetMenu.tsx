import type { ReactElement, ReactNode } from 'react';
import { ACTIONS } from '../../actions/registry.ts';
import { useMenu } from '../../controls/use-menu.ts';
import { useDebugger } from '../../store/context.ts';
import { selectAttached } from '../../store/select/attached.ts';
import { MenuItem } from './MenuItem.tsx';

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
  const several = useDebugger((state) => selectAttached(state).length > 1);
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
          {[...(several ? ON_ALL : []), ...ITEMS].map((id) => {
            const row = ACTIONS.find((candidate) => candidate.id === id);
            return row === undefined ? null : <MenuItem key={id} action={row} onDone={() => setOpen(false)} />;
          })}
        </div>
      ) : null}
    </span>
  );
}
