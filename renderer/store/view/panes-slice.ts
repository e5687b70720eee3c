import type { PanesSlice } from '../state/panes.ts';
import type { Slice } from '../state/state.ts';

export const createPanesSlice: Slice<PanesSlice> = ({ set }) => ({
  findText: '',
  findAs: 'any',
  plotKind: 'stops',
  setFind: (findText, findAs) => set({ findText, findAs }),
  setPlotKind: (plotKind) => set({ plotKind }),
});
