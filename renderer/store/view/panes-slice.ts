import type { PanesSlice } from '../state/panes.ts';
import type { Slice } from '../state/state.ts';

export const createPanesSlice: Slice<PanesSlice> = ({ getState: get, set }) => ({
  findText: '',
  findAs: 'any',
  plotKind: 'stops',
  plotted: null,
  setFind: (findText, findAs) => set({ findText, findAs }),
  setPlotKind: (plotKind) => set({ plotKind }),
  plotOverStops: (path) => {
    set({ plotKind: 'stops', plotted: { path, besides: get().selection } });
    get().askWorkbench({ kind: 'show', pane: 'plot' });
  },
});
