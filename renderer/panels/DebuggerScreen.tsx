import type { ReactElement } from 'react';
import { Centre } from './Centre.tsx';
import { ComponentList } from './components/ComponentList.tsx';
import { History } from './history/History.tsx';
import { Inspector } from './inspector/Inspector.tsx';
import { Status } from './status/Status.tsx';
import { Toolbar } from './toolbar/Toolbar.tsx';

export function DebuggerScreen(): ReactElement {
  return (
    <div className="frame">
      <Toolbar />
      <ComponentList />
      <Centre />
      <Inspector />
      <History />
      <Status />
    </div>
  );
}
