import { BIT, componentRow, REGISTER_GROUPS, type RegisterGroup } from '../../../app/xsave/components.ts';
import type { Remembered } from '../base/remembered.ts';
import { groupOfComponent, groupOfRegister } from '../select/jump.ts';
import { parsePauses } from '../select/pauses.ts';
import { parseRecent, withRecent } from '../select/recent-files.ts';
import type { Slice } from '../state/state.ts';
import { type Selection, type Tab, TEXT_SIZES, type TextSize, type Theme, type ViewSlice } from '../state/view.ts';

/** The destination that is no preset: the machine Tilescope runs on, or the vCPU that the capture came from. */
export const HERE = 'here';

const asTextSize = (text: string | null): TextSize => TEXT_SIZES.find((size) => String(size) === text) ?? 100;

const firstOf = (group: RegisterGroup): Selection =>
  group === 'vector'
    ? { kind: 'vector', index: 0, element: 0 }
    : { kind: 'register', path: REGISTER_GROUPS.find((row) => row.group === group)?.first ?? '' };

/** What the inspector speaks of is what the tab in front shows: a tile beside registers would be another tab's. */
const selectionFor = (
  tab: Tab,
  { selection, tile, group }: ViewSlice & { readonly tile: number },
): Selection | null => {
  const isTile = selection?.kind === 'tile';
  const isElsewhere = isTile || selection?.kind === 'xfd' || selection?.kind === 'memory';
  switch (tab) {
    case 'xfd':
      return { kind: 'xfd' };
    case 'tiles':
      return isTile ? selection : { kind: 'tile', tile, row: 0, column: 0 };
    case 'registers':
      return isElsewhere ? firstOf(group) : selection;
    case 'overview':
      return isElsewhere ? { kind: 'component', bit: BIT.XTILEDATA } : selection;
    case 'memory':
      return { kind: 'memory' };
    case 'compare':
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

export const createViewSlice =
  (remembered: Remembered, theme: Theme): Slice<ViewSlice> =>
  ({ set, put }) => ({
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
    timeAxis: remembered.get('timeAxis') === 'yes',
    setTimeAxis: (timeAxis) => {
      remembered.set('timeAxis', timeAxis ? 'yes' : 'no');
      // The stretch that was looked at is another one there.
      set({ timeAxis, trackChosen: null });
    },
    bases: new Map(),
    setBase: (path, base) =>
      set((state) => {
        const bases = new Map(state.bases);
        if (base === 'own') bases.delete(path);
        else bases.set(path, base);
        return { bases };
      }),
    theme,
    textSize: asTextSize(remembered.get('textSize')),
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
    setTab: (tab) => put({ editor: null }, (state) => ({ tab, selection: selectionFor(tab, state) })),
    setGroup: (group) => put({ editor: null }, (state) => ({ group, selection: selectionIn(group, state.selection) })),
    setLaneType: (laneType) =>
      put({ editor: null }, (state) => ({
        laneType,
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
      put({ editor: null }, (state) => ({
        tab: 'registers',
        group: 'vector',
        laneType: type ?? state.laneType,
        selection: { kind: 'vector', index, element: element ?? 0 },
      })),
    showRegister: (group, path) =>
      put({ editor: null }, { tab: 'registers', group, selection: { kind: 'register', path } }),
    showComponent: (bit) => {
      const group = groupOfComponent(bit);
      if (group !== null) put({ editor: null }, { tab: 'registers', group });
      else if (componentRow(bit)?.panel === 'tiles') put({ editor: null }, { tab: 'tiles' });
    },
    followTheme: (next) => set({ theme: next }),
    setTheme: (next) => {
      remembered.set('theme', next);
      set({ theme: next });
    },
    setTextSize: (textSize) => {
      remembered.set('textSize', String(textSize));
      set({ textSize });
    },
    setOverlay: (overlay) => set({ overlay }),
    setDestination: (destination) => set({ destination }),
  });
