import type { ElementType } from '../../app/value/element-type.ts';
import { BIT } from '../../app/xsave/components.ts';
import { groupOfComponent, groupOfRegister } from './jump.ts';
import { type Pauses, parsePauses } from './pauses.ts';
import { parseRecent, type RecentFile, withRecent } from './recent-files.ts';
import type { Slice } from './state.ts';

export type Tab = 'overview' | 'registers' | 'tiles' | 'xfd' | 'compare' | 'memory';
export type RegisterGroup = 'vector' | 'opmask' | 'x87' | 'mxcsr' | 'pkru' | 'general';
/** How lanes are shown: an element type, or bytes as they stand in a register, highest first. */
export type LaneType = Exclude<ElementType, 'f80'> | 'hex';
export type Theme = 'dark' | 'light';

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
  | { readonly kind: 'xfd' };

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
  setOverlay(overlay: Overlay | null): void;
  setDestination(destination: string): void;
}

/** The destination that is no preset: the machine Tilescope runs on, or the vCPU that the capture came from. */
export const HERE = 'here';

/** The register that a group of registers begins with. */
const FIRST_OF_GROUP: Readonly<Record<Exclude<RegisterGroup, 'vector'>, string>> = {
  opmask: 'k0',
  x87: 'st0',
  mxcsr: 'mxcsr',
  pkru: 'pkru',
  general: 'rax',
};

const firstOf = (group: RegisterGroup): Selection =>
  group === 'vector' ? { kind: 'vector', index: 0, element: 0 } : { kind: 'register', path: FIRST_OF_GROUP[group] };

/** What the inspector speaks of is what the tab in front shows: a tile beside registers would be another tab's. */
const selectionFor = (
  tab: Tab,
  { selection, tile, group }: ViewSlice & { readonly tile: number },
): Selection | null => {
  const isTile = selection?.kind === 'tile';
  switch (tab) {
    case 'xfd':
      return { kind: 'xfd' };
    case 'tiles':
      return isTile ? selection : { kind: 'tile', tile, row: 0, column: 0 };
    case 'registers':
      return isTile || selection?.kind === 'xfd' ? firstOf(group) : selection;
    case 'overview':
      return isTile || selection?.kind === 'xfd' ? { kind: 'component', bit: BIT.XTILEDATA } : selection;
    case 'compare':
    case 'memory':
      return selection;
  }
};

/** Another group of registers takes the selection along, unless what is selected is of that group. */
const selectionIn = (group: RegisterGroup, selection: Selection | null): Selection | null => {
  const here =
    selection?.kind === 'vector'
      ? group === 'vector'
      : selection?.kind === 'register' && groupOfRegister(selection.path) === group;
  return here || selection?.kind === 'component' ? selection : firstOf(group);
};

/** What is remembered between runs; the page hands in its own storage, a test none. */
export interface Remembered {
  get(key: string): string | null;
  set(key: string, value: string): void;
}

export const createViewSlice =
  (remembered: Remembered, theme: Theme): Slice<ViewSlice> =>
  (set) => ({
    tab: 'overview',
    group: 'vector',
    laneType: 'f32',
    laneZero: remembered.get('laneZero') === 'left' ? 'left' : 'right',
    registerFilter: 'all',
    componentFilter: 'all',
    mapFormat: 'standard',
    selection: null,
    stopFilter: '',
    setStopFilter: (stopFilter) => set({ stopFilter }),
    trackChosen: null,
    setTrackChosen: (trackChosen) => set({ trackChosen }),
    theme,
    overlay: null,
    destination: HERE,
    detailOf: 'target',
    showDetailOf: (detailOf) => set({ detailOf }),
    recentFiles: parseRecent(remembered.get('recentFiles')),
    noteRecentFile: (file) =>
      set((state) => {
        const recentFiles = withRecent(state.recentFiles, file);
        remembered.set('recentFiles', JSON.stringify(recentFiles));
        return { recentFiles };
      }),
    measured: parsePauses(remembered.get('pauses')),
    noteMeasured: (measured) => {
      if (measured === null) return;
      remembered.set('pauses', JSON.stringify(measured));
      set({ measured });
    },
    setTab: (tab) => set((state) => ({ tab, editor: null, selection: selectionFor(tab, state) })),
    setGroup: (group) => set((state) => ({ group, editor: null, selection: selectionIn(group, state.selection) })),
    setLaneType: (laneType) =>
      set((state) => ({
        laneType,
        editor: null,
        selection: state.selection?.kind === 'vector' ? { ...state.selection, element: 0 } : state.selection,
      })),
    flipLanes: () =>
      set((state) => {
        const laneZero = state.laneZero === 'right' ? 'left' : 'right';
        remembered.set('laneZero', laneZero);
        return { laneZero };
      }),
    setRegisterFilter: (registerFilter) => set({ registerFilter }),
    setComponentFilter: (componentFilter) => set({ componentFilter }),
    setMapFormat: (mapFormat) => set({ mapFormat }),
    select: (selection) => set({ selection }),
    showVector: (index, type, element) =>
      set((state) => ({
        tab: 'registers',
        group: 'vector',
        laneType: type ?? state.laneType,
        selection: { kind: 'vector', index, element: element ?? 0 },
        editor: null,
      })),
    showRegister: (group, path) =>
      set({ tab: 'registers', group, selection: { kind: 'register', path }, editor: null }),
    showComponent: (bit) => {
      const group = groupOfComponent(bit);
      if (group !== null) set({ tab: 'registers', group, editor: null });
      else if (bit === BIT.XTILECFG || bit === BIT.XTILEDATA) set({ tab: 'tiles', editor: null });
    },
    setTheme: (next) => {
      remembered.set('theme', next);
      set({ theme: next });
    },
    setOverlay: (overlay) => set({ overlay }),
    setDestination: (destination) => set({ destination }),
  });
