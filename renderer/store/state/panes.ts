import type { FindAsAny } from '../../../app/register/find.ts';
import type { Selection } from './view.ts';

/** What is drawn of a tile, or of a value over the stops. */
export type PlotKind = 'stops' | 'row' | 'column' | 'histogram' | 'components';

/** What the panes that are opened at need hold: they keep it while they are closed. */
export interface PanesSlice {
  readonly findText: string;
  readonly findAs: FindAsAny;
  readonly plotKind: PlotKind;
  /** The path whose plot was asked for by name: it is drawn until something else is selected. */
  readonly plotted: { readonly path: string; readonly besides: Selection | null } | null;
  setFind(text: string, as: FindAsAny): void;
  setPlotKind(kind: PlotKind): void;
  /** Draws it over the stops, whatever is selected, and shows the pane. */
  plotOverStops(path: string): void;
}
