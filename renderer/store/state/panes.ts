import type { FindAsAny } from '../../../app/register/find.ts';

/** What is drawn of a tile, or of a value over the stops. */
export type PlotKind = 'stops' | 'row' | 'column' | 'histogram' | 'components';

/** What the panes that are opened at need hold: they keep it while they are closed. */
export interface PanesSlice {
  readonly findText: string;
  readonly findAs: FindAsAny;
  readonly plotKind: PlotKind;
  setFind(text: string, as: FindAsAny): void;
  setPlotKind(kind: PlotKind): void;
}
