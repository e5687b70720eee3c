import type { ElementType } from '../../../app/value/element-type.ts';
import type { RegisterGroup } from '../../../app/xsave/components.ts';
import type { Pauses } from './pauses.ts';
import type { RecentFile } from './recent-files.ts';

export type Tab = 'overview' | 'registers' | 'tiles' | 'xfd' | 'compare' | 'memory';

/** How lanes are shown: an element type, or bytes as they stand in a register, highest first. */
export type LaneType = Exclude<ElementType, 'f80'> | 'hex';

/** How one number is written; a float has but its own way and its bits. */
export type Base = 'own' | 'hex' | 'decimal' | 'signed' | 'binary';

export type Theme = 'dark' | 'light';

/** In percent of what the browser's settings give to text. */
export const TEXT_SIZES = [100, 125, 150, 175, 200] as const;
export type TextSize = (typeof TEXT_SIZES)[number];

/** What the inspector speaks about. */
export type Selection =
  | { readonly kind: 'component'; readonly bit: number }
  /** A vector register and one of its elements at the chosen type. */
  | { readonly kind: 'vector'; readonly index: number; readonly element: number }
  /** A register, and one of its fields where that is meant: "FZ", "rows[3]". */
  | { readonly kind: 'register'; readonly path: string; readonly field?: string }
  /** An element of a tile, in the matrix that the tile is shown as. */
  | { readonly kind: 'tile'; readonly tile: number; readonly row: number; readonly column: number }
  /** IA32_XFD: arming and disarming. */
  | { readonly kind: 'xfd' }
  /** The element of guest memory that the keyboard is on. */
  | { readonly kind: 'memory' };

/** What lies over the page. */
export type Overlay =
  | { readonly kind: 'palette' }
  | { readonly kind: 'help' }
  /** `closing`: the window was to be closed, and closes once it is detached. */
  | { readonly kind: 'detach'; readonly closing?: true }
  /** A model whose stops nobody has saved. */
  | { readonly kind: 'close-model' }
  | { readonly kind: 'restore' }
  | { readonly kind: 'export' }
  | { readonly kind: 'run-until' }
  /** A state kept by a Tilescope that died, against what the vCPU holds. */
  | { readonly kind: 'orphan' };

export interface ViewSlice {
  readonly tab: Tab;
  readonly group: RegisterGroup;
  readonly laneType: LaneType;
  readonly laneZero: 'right' | 'left';
  readonly registerFilter: 'all' | 'nonzero' | 'changed';
  readonly componentFilter: 'all' | 'inUse' | 'changed';
  readonly mapFormat: 'standard' | 'compacted';
  readonly selection: Selection | null;
  /** What the strip of stops marks: a path, as "zmm3 changed"; '': nothing. */
  readonly stopFilter: string;
  setStopFilter(text: string): void;
  /** The stretch of the timeline that the strip shows; null: all of it. */
  readonly trackChosen: { readonly from: number; readonly places: number } | null;
  setTrackChosen(view: ViewSlice['trackChosen']): void;
  /** History's stops lie by when they were taken, where they say it. */
  readonly timeAxis: boolean;
  setTimeAxis(on: boolean): void;
  /** Values that are written in another base than their own, by path. */
  readonly bases: ReadonlyMap<string, Base>;
  setBase(path: string, base: Base): void;
  readonly theme: Theme;
  readonly overlay: Overlay | null;
  /** Where compatibility is judged against: this machine, or a preset by its name. */
  readonly destination: string;
  /** Which list of the first screen the detail beside it speaks of. */
  readonly detailOf: 'target' | 'model';
  showDetailOf(list: ViewSlice['detailOf']): void;
  /** Files opened from the page before, the newest first. */
  readonly recentFiles: readonly RecentFile[];
  noteRecentFile(file: RecentFile): void;
  /** Pauses of the last live session on this machine; null: none was measured yet. */
  readonly measured: Pauses | null;
  noteMeasured(pauses: Pauses | null): void;
  setTab(tab: Tab): void;
  setGroup(group: RegisterGroup): void;
  setLaneType(type: LaneType): void;
  flipLanes(): void;
  setRegisterFilter(filter: ViewSlice['registerFilter']): void;
  setComponentFilter(filter: ViewSlice['componentFilter']): void;
  setMapFormat(format: ViewSlice['mapFormat']): void;
  select(selection: Selection | null): void;
  showVector(index: number, type: LaneType | null, element: number | null): void;
  showRegister(group: RegisterGroup, path: string): void;
  /** Opens the registers that a component holds. */
  showComponent(bit: number): void;
  setTheme(theme: Theme): void;
  /** What the desktop has; it is not remembered. */
  followTheme(theme: Theme): void;
  readonly textSize: TextSize;
  setTextSize(size: TextSize): void;
  setOverlay(overlay: Overlay | null): void;
  setDestination(destination: string): void;
}
