import { normalizeWorkspaceModel, type WorkspaceModel, type WorkspaceModelInput } from 'react-resizable-panels';
import type { Session } from '../../store/state/target.ts';
import type { Tab } from '../../store/state/view.ts';

/** What a pane of the workbench shows. A view is one of the centre; the others stand in the docks. */
export type PaneId =
  | Tab
  | 'program'
  | 'breakpoints'
  | 'calls'
  | 'inspector'
  | 'general'
  | 'segments'
  | 'watch'
  | 'history'
  | 'stops'
  | 'steps'
  | 'events'
  | ExtraPane;

/** In the order of Alt+1 … Alt+6, which is that of their tabs. */
export const VIEWS: readonly { readonly id: Tab; readonly title: string }[] = [
  { id: 'overview', title: 'Overview' },
  { id: 'registers', title: 'Registers' },
  { id: 'tiles', title: 'Tiles' },
  { id: 'memory', title: 'Memory' },
  { id: 'xfd', title: 'XFD' },
  { id: 'compare', title: 'Compare' },
];
/** Memory is that of a guest: a file of a vCPU's state has none. */
const viewsOf = (kind: Session['kind']): typeof VIEWS => VIEWS.filter(({ id }) => kind !== 'file' || id !== 'memory');
/** A model's program calls nothing, and a file runs nowhere. */
const NOT_OF: Readonly<Record<string, readonly Session['kind'][]>> = {
  program: ['file'],
  breakpoints: ['file'],
  calls: ['file', 'model'],
};
const DOCKED: readonly { readonly id: PaneId; readonly title: string }[] = [
  { id: 'program', title: 'Program' },
  { id: 'breakpoints', title: 'Breakpoints' },
  { id: 'calls', title: 'Calls' },
  { id: 'inspector', title: 'Inspector' },
  { id: 'watch', title: 'Watch' },
  { id: 'general', title: 'General' },
  { id: 'segments', title: 'Segments' },
  { id: 'history', title: 'History' },
  { id: 'stops', title: 'Stops' },
  { id: 'steps', title: 'Trace' },
  { id: 'events', title: 'Events' },
];
const dockedOf = (kind: Session['kind']): typeof DOCKED =>
  DOCKED.filter(({ id }) => NOT_OF[id]?.includes(kind) !== true);
/** Opened when they are asked for, and closed like a tab: where each comes to stand. */
const EXTRA = [
  { id: 'find', title: 'Find', beside: { dock: 'right', region: 'center' } },
  { id: 'plot', title: 'Plot', beside: { dock: 'right', region: 'bottom' } },
  { id: 'difference', title: 'Difference', beside: { dock: 'centre', region: 'center' } },
  { id: 'register-file', title: 'Register file', beside: { dock: 'right', region: 'center' } },
  { id: 'beside', title: 'Beside', beside: { dock: 'centre', region: 'right' } },
  { id: 'trace', title: 'Instructions', beside: { dock: 'centre', region: 'center' } },
] as const;
export type ExtraPane = (typeof EXTRA)[number]['id'];

const TITLES = new Map<string, string>([...VIEWS, ...DOCKED, ...EXTRA].map(({ id, title }) => [id, title]));
export const isView = (id: string): id is Tab => VIEWS.some((view) => view.id === id);

/** Windows of one class share a layout: under 1280, up to 1799, from 1800 px. */
export type SizeClass = 'small' | 'usual' | 'wide';
export const sizeClassOf = (widthPx: number): SizeClass =>
  widthPx < 1280 ? 'small' : widthPx < 1800 ? 'usual' : 'wide';

/** What a window has room for from top to bottom: less than usual, as usual, Calls and Breakpoints below Program, or the register file as well. */
export type RoomClass = 'low' | 'usual' | 'high' | 'vast';
const LOW_PX = 800;
const HIGH_PX = 1000;
/** From these on all eight tiles are on screen, and the registers, what is watched and the inspector beside them. */
const VAST_PX = { width: 2400, height: 1300 } as const;

export const roomClassOf = (widthPx: number, heightPx: number): RoomClass => {
  if (heightPx < LOW_PX) return 'low';
  if (sizeClassOf(widthPx) !== 'wide' || heightPx < HIGH_PX) return 'usual';
  return widthPx >= VAST_PX.width && heightPx >= VAST_PX.height ? 'vast' : 'high';
};

/** The pane in whose dock another one opens. */
const HOMES = { right: 'inspector', centre: 'overview' } as const;

type Model = WorkspaceModel<null>;
type Input = WorkspaceModelInput<null>;

export const isExtraPane = (id: string): id is ExtraPane => EXTRA.some((row) => row.id === id);
const tab = (id: PaneId) => ({ id, title: TITLES.get(id) ?? id, data: null, disableClose: !isExtraPane(id) });

/** Below this two views beside each other are too narrow to be read. */
const TWO_VIEWS_PX = 900;

/**
 * A pane that is not open yet, and the tab set beside which it opens: its home's, or where the home was moved away any. At 200 % zoom
 * it is a tab of that.
 */
export const extraTab = (model: Model, id: string, widthPx: number) => {
  const row = EXTRA.find((one) => one.id === id);
  if (row === undefined) return null;
  const home = homeOf(model, HOMES[row.beside.dock]);
  return home === null
    ? null
    : { tab: tab(row.id), home, region: widthPx < TWO_VIEWS_PX ? ('center' as const) : row.beside.region };
};

const LEFT_PX = { small: 316, usual: 316, wide: 372 } as const;
const RIGHT_PX = { small: 296, usual: 296, wide: 420 } as const;

type Dock = Extract<Input['root'], { readonly type: 'tabset' }>;

const RIGHT: readonly PaneId[] = ['inspector', 'watch', 'general', 'segments'];
const RIGHT_DOCK = { type: 'tabset', minWidth: '264px', maxWidth: '640px', collapsible: true } as const;

/** Watch above the other panes of its dock. */
const split = ({ size, tabs, ...dock }: Dock): Input['root'] => ({
  type: 'split',
  orientation: 'vertical',
  size,
  children: [
    { ...RIGHT_DOCK, size: '40%', tabs: tabs.filter(({ id }) => id === 'watch') },
    { ...dock, tabs: tabs.filter(({ id }) => id !== 'watch'), selectedId: 'inspector' },
  ],
});

const vastRightDock = (): Input['root'] => ({
  type: 'split',
  id: 'right-column',
  orientation: 'vertical',
  // As much is left as the product of two by two tiles takes.
  size: '540px',
  children: [
    { ...RIGHT_DOCK, id: 'registers-dock', size: '540px', tabs: [tab('register-file')] },
    { ...RIGHT_DOCK, id: 'watch-dock', tabs: [tab('watch')] },
    {
      ...RIGHT_DOCK,
      ...{ id: 'right', size: '320px', selectedId: 'inspector' },
      tabs: RIGHT.filter((id) => id !== 'watch').map(tab),
    },
  ],
});

/** Where there is room Watch stands above the others; else it comes there once something is watched (`withWatchAbove`). */
const rightDock = (size: SizeClass, room: RoomClass): Input['root'] => {
  if (room === 'vast') return vastRightDock();
  const width = `${RIGHT_PX[size]}px`;
  const isFolded = size === 'small';
  const dock = {
    ...RIGHT_DOCK,
    id: 'right',
    size: width,
    collapsed: isFolded,
    selectedId: 'inspector',
    tabs: RIGHT.map(tab),
  };
  return size === 'wide' ? split(dock) : dock;
};

/** The layout with Watch above the inspector, of whose dock it is a tab; null: it stands elsewhere, or there is no such dock. */
export const withWatchAbove = (model: Model): Input | null => {
  const home = homeOf(model, 'watch');
  if (home === null || home.folded || home.id !== homeOf(model, 'inspector')?.id) return null;
  const placed = (node: Model['root']): Input['root'] =>
    node.type === 'split' ? { ...node, children: node.children.map(placed) } : node.id === home.id ? split(node) : node;
  return { ...model, root: placed(model.root) };
};

/** History in front; the others are the same stops, as lines, and those of a trace. */
const BOTTOM: readonly PaneId[] = ['history', 'stops', 'steps', 'events'];

/** Heights of what stands below Program. */
const BELOW_PROGRAM_PX: Readonly<Record<string, number>> = { calls: 160, breakpoints: 152 };

const leftDock = (kind: Session['kind'], size: SizeClass, room: RoomClass): readonly Input['root'][] => {
  if (kind === 'file') return [];
  const dock = { type: 'tabset', minWidth: '240px', maxWidth: '480px', collapsible: true } as const;
  const width = `${LEFT_PX[size]}px`;
  const panes = dockedOf(kind).flatMap(({ id }) => (id in NOT_OF ? [id] : []));
  if (room === 'low' || room === 'usual') {
    const isFolded = size === 'small';
    return [{ ...dock, id: 'left', size: width, collapsed: isFolded, selectedId: 'program', tabs: panes.map(tab) }];
  }
  const below = panes.filter((id) => id !== 'program').toReversed();
  const children: readonly Input['root'][] = [
    { ...dock, id: 'left', tabs: [tab('program')] },
    ...below.map((id) => ({ ...dock, id: `${id}-dock`, size: `${BELOW_PROGRAM_PX[id] ?? 0}px`, tabs: [tab(id)] })),
  ];
  return [{ type: 'split', id: 'left-column', orientation: 'vertical', size: width, children: [...children] }];
};

/**
 * The layout that nobody has changed. Program has a column of its own, with breakpoints and calls as tabs, below it in a large window; a file has none. In a small window both docks are strips, so that the whole width goes to the view.
 */
export const defaultLayout = (kind: Session['kind'], size: SizeClass, room: RoomClass): Input => ({
  version: 1,
  root: {
    type: 'split',
    id: 'rows',
    orientation: 'vertical',
    children: [
      {
        type: 'split',
        id: 'columns',
        orientation: 'horizontal',
        children: [
          ...leftDock(kind, size, room),
          {
            type: 'tabset',
            id: 'centre',
            // Two of them beside each other at 1440 px.
            minWidth: '380px',
            disableDrag: true,
            selectedId: 'overview',
            tabs: viewsOf(kind).map(({ id }) => tab(id)),
          },
          rightDock(size, room),
        ],
      },
      {
        type: 'tabset',
        id: 'bottom',
        size: room === 'low' ? '72px' : '124px',
        minHeight: '34px',
        maxHeight: '400px',
        collapsible: true,
        selectedId: 'history',
        tabs: BOTTOM.map(tab),
      },
    ],
  },
});

const panesOf = (node: Model['root']): readonly string[] =>
  node.type === 'tabset' ? node.tabs.map(({ id }) => id) : node.children.flatMap(panesOf);

/** A layout that was remembered; null where it is none, or lacks a pane that there is now. */
export const parseLayout = (text: string | null, kind: Session['kind']): Model | null => {
  let value: unknown;
  try {
    value = JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
  const model = normalizeWorkspaceModel<null>(value, {
    mapTab: ({ id }) => (TITLES.has(id) && NOT_OF[id]?.includes(kind) !== true ? tab(id as PaneId) : null),
  });
  if (model === null) return null;
  const panes = new Set([
    ...panesOf(model.root),
    ...(model.floating ?? []).flatMap(({ tabs }) => tabs.map(({ id }) => id)),
  ]);
  const needed = [...viewsOf(kind), ...dockedOf(kind)];
  return needed.every(({ id }) => panes.has(id)) ? model : null;
};

export const layoutKey = (kind: Session['kind'], size: SizeClass, room: RoomClass): string =>
  `layout.${kind}.${size}${room === 'usual' ? '' : `.${room}`}`;

/** The tab set that holds a pane, and whether it is folded to a strip. */
export const homeOf = (
  model: Model,
  pane: string,
): { readonly id: string; readonly folded: boolean; readonly shown: boolean } | null => {
  const walk = (node: Model['root']): ReturnType<typeof homeOf> => {
    if (node.type === 'split') {
      for (const child of node.children) {
        const found = walk(child);
        if (found !== null) return found;
      }
      return null;
    }
    if (!node.tabs.some(({ id }) => id === pane)) return null;
    return { id: node.id, folded: node.collapsed === true, shown: (node.selectedId ?? node.tabs[0]?.id) === pane };
  };
  const floating = model.floating?.find(({ tabs }) => tabs.some(({ id }) => id === pane));
  return floating === undefined
    ? walk(model.root)
    : { id: floating.id, folded: floating.collapsed === true, shown: floating.selectedId === pane };
};

/** What else the dock of the history shows of it. */
export const isOfHistory = (pane: string): boolean => BOTTOM.some((id) => id === pane && id !== 'history');

/** A pane of a dock beside the centre that is folded to a strip, with its neighbours there; null: it is no such pane. */
export const peekedIn = (
  { root }: Model,
  pane: string,
): {
  readonly pane: string;
  readonly side: 'left' | 'right';
  readonly tabs: readonly { readonly id: string; readonly title: string }[];
} | null => {
  const columns = root.type === 'split' ? root.children.find((child) => child.type === 'split') : undefined;
  if (columns?.type !== 'split' || columns.orientation !== 'horizontal') return null;
  const holds = (node: Model['root'], id: string): boolean =>
    node.type === 'tabset' ? node.tabs.some((one) => one.id === id) : node.children.some((child) => holds(child, id));
  const at = columns.children.findIndex((child) => holds(child, pane));
  const dock = columns.children[at];
  if (dock?.type !== 'tabset' || dock.collapsed !== true) return null;
  const centre = columns.children.findIndex((child) => holds(child, 'overview'));
  const tabs = dock.tabs.map(({ id, title }) => ({ id, title: title ?? id }));
  return { pane, side: at < centre ? 'left' : 'right', tabs };
};
