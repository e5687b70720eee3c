import type { ReactElement } from 'react';
import { useDebugger } from '../store/context.ts';
import { Components } from './components/Rail.tsx';
import { Status } from './status/Status.tsx';
import { Toolbar } from './toolbar/Toolbar.tsx';
import { Workbench } from './workbench/Workbench.tsx';

export function DebuggerScreen(): ReactElement | null {
  const session = useDebugger((state) => state.session);
  if (session === null) return null;
  return (
    <div className="frame">
      <Toolbar />
      <div className="frame-main">
        <Components />
        <Workbench session={session} />
      </div>
      <Status />
    </div>
  );
}
