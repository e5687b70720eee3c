import { createContext, useContext } from 'react';
import { useDebugger } from '../../store/context.ts';

/** The pane that cells stand in beside the views: a value that both show has its editor where it was opened. '': a view. */
export const PaneOfCells = createContext('');

/** Where the editors of this pane stand, by the path of the value. */
export const usePlaces = (): ((path: string) => string) => {
  const pane = useContext(PaneOfCells);
  return (path) => (pane === '' ? path : `${pane} ${path}`);
};

/** Whether the value is edited in this very pane. */
export const useIsEditing = (path: string): boolean => {
  const place = usePlaces()(path);
  return useDebugger((state) => state.editor?.place === place);
};
