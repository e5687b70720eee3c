import type { ReactElement } from 'react';
import { useDebugger } from '../../store/context.ts';
import { CloseModelDialog } from './CloseModelDialog.tsx';
import { DetachDialog } from './DetachDialog.tsx';
import { ExportDialog } from './ExportDialog.tsx';
import { HelpDialog } from './HelpDialog.tsx';
import { OrphanDialog } from './OrphanDialog.tsx';
import { Palette } from './Palette.tsx';
import { RestoreDialog } from './RestoreDialog.tsx';
import { RunUntilDialog } from './RunUntilDialog.tsx';

export function Overlays(): ReactElement | null {
  const overlay = useDebugger((state) => state.overlay);
  switch (overlay?.kind) {
    case 'palette':
      return <Palette />;
    case 'help':
      return <HelpDialog />;
    case 'detach':
      return <DetachDialog />;
    case 'close-model':
      return <CloseModelDialog />;
    case 'restore':
      return <RestoreDialog />;
    case 'export':
      return <ExportDialog />;
    case 'run-until':
      return <RunUntilDialog />;
    case 'orphan':
      return <OrphanDialog />;
    case undefined:
      return null;
  }
}
