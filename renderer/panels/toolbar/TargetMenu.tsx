import type { ReactElement, ReactNode } from 'react';
import { ACTIONS } from '../../actions/registry.ts';
import { MenuButton } from '../../controls/MenuButton.tsx';
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
  const model = useDebugger((state) => state.session?.kind === 'model');
  const several = useDebugger((state) => selectAttached(state).length > 1);
  return (
    <MenuButton
      look={`target-button ${model ? 'model' : ''}`}
      face={
        <>
          <span className="visually-hidden">Target </span>
          {children}
        </>
      }
      menuName="Target"
    >
      {(close) =>
        [...(several ? ON_ALL : []), ...ITEMS].map((id) => {
          const row = ACTIONS.find((candidate) => candidate.id === id);
          return row === undefined ? null : <MenuItem key={id} action={row} onDone={() => close('elsewhere')} />;
        })
      }
    </MenuButton>
  );
}
