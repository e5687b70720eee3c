import {
  type ReactElement,
  type SyntheticEvent,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import {
  Separator,
  type TabNode,
  type TabRenderProps,
  useParentTab,
  useWorkspaceCallbackRef,
  Workspace,
  type WorkspaceModel,
} from 'react-resizable-panels';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { Session } from '../../store/state/target.ts';
import type { DockedPane } from '../../store/state/workbench.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { pageSize } from '../../zoom.ts';
import { HistorySize, HistoryTools } from '../history/History.tsx';
import { StepsNow } from '../trace/Steps.tsx';
import { ViewTools } from './CentreView.tsx';
import {
  defaultLayout,
  extraTab,
  homeOf,
  isExtraPane,
  isOfHistory,
  isView,
  layoutKey,
  parseLayout,
  peekedIn,
  type RoomClass,
  roomClassOf,
  type SizeClass,
  sizeClassOf,
  withWatchAbove,
} from './layout.ts';
import { Peek } from './Peek.tsx';
import { paneContent, TabMark, tabKey } from './panes.tsx';
import { pressSplitter, resetSplitter } from './splitters.ts';

type Model = WorkspaceModel<null>;

/** The class of the window, which changes when it is resized past a limit and not before. */
const useWindowClass = (): { readonly size: SizeClass; readonly room: RoomClass } => {
  const read = (): string => {
    const { widthPx, heightPx } = pageSize();
    return `${sizeClassOf(widthPx)} ${roomClassOf(widthPx, heightPx)}`;
  };
  const [now, setNow] = useState(read);
  useEffect(() => {
    const change = (): void => setNow(read());
    window.addEventListener('resize', change);
    return () => window.removeEventListener('resize', change);
  });
  const [size, room] = now.split(' ');
  return { size: size as SizeClass, room: room as RoomClass };
};

/** Panes in docks around the views. How they lie is remembered for each kind of target and class of window. */
export function Workbench({ session: { kind } }: { session: Session }): ReactElement {
  return <WorkbenchOf key={kind} kind={kind} />;
}

function WorkbenchOf({ kind }: Pick<DocksProps, 'kind'>): ReactElement {
  const { size, room } = useWindowClass();
  const looked = useState<string | null>(null);
  // Another class of window, as another kind of target, has another layout: the panes are put up anew.
  return <Docks key={`${size} ${room}`} kind={kind} size={size} room={room} looked={looked} />;
}

interface DocksProps {
  readonly kind: Session['kind'];
  readonly size: SizeClass;
  readonly room: RoomClass;
  /** The pane that is looked at over the centre of a small window; it outlives the docks. */
  readonly looked: readonly [string | null, (pane: string | null) => void];
}

function Docks({ kind, size, room, looked: [peek, setPeek] }: DocksProps): ReactElement {
  const store = useDebuggerStore();
  const shown = useDebugger((state) => state.tab);
  const request = useDebugger((state) => state.workbenchRequest);
  const [workspace, setWorkspace] = useWorkspaceCallbackRef<null>();
  const key = layoutKey(kind, size, room);
  const [first] = useState(
    () => parseLayout(store.getState().rememberedLayout(key), kind) ?? defaultLayout(kind, size, room),
  );
  // What was selected when the layout was remembered is no matter of layout: the tab in front is the store's.
  const settling = useRef(true);
  useLayoutEffect(() => {
    if (workspace === null) return;
    const home = homeOf(workspace.getModel(), shown);
    // Memory was in front, and what is opened next has none.
    if (home === null) {
      store.getState().setTab('overview');
      return;
    }
    settling.current = true;
    if (!home.shown) workspace.selectTab(shown);
    if (home.folded) workspace.expandTabset(home.id);
    settling.current = false;
  }, [workspace, shown, store]);

  // What is watched is seen together with the inspector: Watch leaves its tabs and stands above them.
  const isWatching = useDebugger((state) => state.watched.length > 0);
  const wasWatching = useRef(isWatching && store.getState().rememberedLayout(key) !== null);
  useEffect(() => {
    if (workspace === null || wasWatching.current === isWatching) return;
    wasWatching.current = isWatching;
    const raised = isWatching && size !== 'small' ? withWatchAbove(workspace.getModel()) : null;
    if (raised === null) return;
    workspace.setModel(raised);
    focusPane('watch');
  }, [workspace, isWatching, size]);

  // In a window of another class it goes on standing beside; what nobody sees is not held.
  useEffect(() => {
    if (workspace === null || homeOf(workspace.getModel(), 'beside') !== null) return;
    if (store.getState().targetBeside !== null) store.getState().askWorkbench({ kind: 'show', pane: 'beside' });
  }, [workspace, store]);

  // A small window has no width to give: what is folded there is looked at over the centre.
  const isSmall = size === 'small';
  const choosePeek = useCallback(
    (pane: string | null): void => {
      setPeek(pane);
      if (pane !== null) focusPane(pane);
    },
    [setPeek],
  );
  const peeked = peek === null || workspace === null ? null : peekedIn(workspace.getModel(), peek);
  // Where the window has grown it is no longer over the centre, but in front in its dock.
  useEffect(() => {
    if (workspace === null || isSmall || peek === null) return;
    setPeek(null);
    store.getState().askWorkbench({ kind: 'show', pane: peek as DockedPane });
  }, [workspace, isSmall, peek, setPeek, store]);

  /** Unfolded from its strip by a key, to be looked at; Escape folds it again. */
  const unfolded = useRef<string | null>(null);
  useEffect(() => {
    if (workspace === null || request === null) return;
    store.getState().askWorkbench(null);
    if (request.kind === 'leave') {
      const left = homeOf(workspace.getModel(), request.pane);
      if (left !== null && !left.folded && unfolded.current === request.pane) workspace.collapseTabset(left.id);
      unfolded.current = null;
      setPeek(null);
      return;
    }
    if (request.kind === 'reset') {
      store.getState().rememberLayout(key, null);
      workspace.setModel(defaultLayout(kind, size, room));
      workspace.selectTab(store.getState().tab);
      return;
    }
    const home = homeOf(workspace.getModel(), request.pane);
    if (home === null) {
      const extra = extraTab(workspace.getModel(), request.pane, pageSize().widthPx);
      if (extra === null) return;
      if (extra.home.folded) workspace.expandTabset(extra.home.id);
      workspace.addTab(extra.tab, { target: { tabsetId: extra.home.id, region: extra.region } });
      focusPane(request.pane);
      return;
    }
    if (isExtraPane(request.pane) && request.kind === 'toggle' && home.shown && !home.folded) {
      workspace.closeTab(request.pane);
      return;
    }
    if (isSmall && peekedIn(workspace.getModel(), request.pane) !== null) {
      choosePeek(peek === request.pane && request.kind === 'toggle' ? null : request.pane);
      return;
    }
    unfolded.current = home.folded ? request.pane : null;
    if (home.folded) workspace.expandTabset(home.id);
    else if (request.kind === 'toggle' && home.shown) {
      if (isOfHistory(request.pane)) workspace.selectTab('history');
      else workspace.collapseTabset(home.id);
      return;
    }
    workspace.selectTab(request.pane);
    focusPane(request.pane);
  }, [workspace, request, store, key, kind, size, room, isSmall, peek, setPeek, choosePeek]);

  const wasBeside = useRef(homeOf(first as Model, 'beside') !== null);
  const onModelChanged = useCallback(
    (model: Model): void => {
      // Its pane was closed, or the layout given back.
      const isBeside = homeOf(model, 'beside') !== null;
      if (wasBeside.current && !isBeside) void store.getState().closeBeside();
      wasBeside.current = isBeside;
      if (settling.current) return;
      store.getState().rememberLayout(key, JSON.stringify(model));
      const { tab } = store.getState();
      const home = homeOf(model, tab);
      if (home === null || home.shown) return;
      // Another view of the same tab set came to the front.
      const front = frontOf(model, home.id);
      if (front !== null && isView(front)) store.getState().setTab(front);
    },
    [store, key],
  );
  // What is looked at over the centre is there once.
  const content = useCallback((tab: TabNode<null>) => (tab.id === peek ? null : paneContent(tab)), [peek]);
  // A press on a strip of a small window, by hand or by key, shows its pane over the centre.
  const pressStrip = (event: SyntheticEvent): void => {
    const strip = (event.target as Element).closest<HTMLElement>('[data-tabset-collapsed] [data-tab-id]');
    const pane = strip?.dataset.tabId;
    if (!isSmall || pane === undefined || workspace === null || peekedIn(workspace.getModel(), pane) === null) return;
    event.preventDefault();
    event.stopPropagation();
    choosePeek(peek === pane ? null : pane);
  };
  return (
    <div
      className="workbench-box"
      onClickCapture={pressStrip}
      onDoubleClickCapture={({ target }) => {
        if (workspace !== null) resetSplitter(workspace, defaultLayout(kind, size, room), target);
      }}
      onKeyDownCapture={(event) => {
        if (workspace !== null && pressSplitter(workspace, store, event)) {
          event.preventDefault();
          event.stopPropagation();
        } else if (commandOf('menu', event.nativeEvent) === 'press') pressStrip(event);
      }}
    >
      <Workspace<null>
        className={`workbench ${size}-window ${room === 'low' ? 'low' : 'high'}-window`}
        workspaceRef={setWorkspace}
        defaultModel={first}
        onModelChanged={onModelChanged}
        renderTab={renderTab}
        renderTabContent={content}
        renderTabsetToolbar={renderTools}
        renderSeparator={renderSeparator}
        hiddenTabBehavior="unmount"
        lazyTabContent
        tabRemovalSelectionBehavior="recent"
        classNames={CLASS_NAMES}
      />
      {peeked === null ? null : (
        <Peek
          peeked={peeked}
          onChoose={choosePeek}
          onKeep={() => {
            const home = workspace === null ? null : homeOf(workspace.getModel(), peeked.pane);
            setPeek(null);
            if (workspace === null || home === null) return;
            workspace.expandTabset(home.id);
            workspace.selectTab(peeked.pane);
          }}
          onClose={() => setPeek(null)}
        />
      )}
    </div>
  );
}

const PANE_START = 'input[data-region-start], [role="listbox"][data-region-start]';
/** To its first field or its list where it has one. */
const focusPane = (pane: string): void => {
  requestAnimationFrame(() => {
    const node = document.querySelector<HTMLElement>(`[data-pane="${pane}"]`);
    (node?.querySelector<HTMLElement>(PANE_START) ?? node)?.focus();
  });
};

const CLASS_NAMES = {
  header: 'dock-head',
  tabList: 'dock-tabs',
  tabset: 'dock',
  tabPanels: 'dock-panels',
  toolbar: 'dock-tools',
};

const frontOf = (model: Model, id: string): string | null => {
  const walk = (node: Model['root']): string | null => {
    if (node.type === 'tabset') return node.id === id ? (node.selectedId ?? node.tabs[0]?.id ?? null) : null;
    for (const child of node.children) {
      const found = walk(child);
      if (found !== null) return found;
    }
    return null;
  };
  return walk(model.root);
};

/** The mouse's way to close a pane; the keyboard has Delete on the tab, and the key that opened it. */
function TabClose(): ReactElement {
  const tab = useParentTab();
  return (
    <span
      className="tab-close"
      aria-hidden="true"
      title="Close"
      onClick={(event) => {
        event.stopPropagation();
        tab?.close();
      }}
    >
      <Glyph name="cross" className="g10" />
    </span>
  );
}

const renderTab = (tab: TabNode<null>, props: TabRenderProps): ReactElement => (
  <div
    {...props}
    aria-keyshortcuts={tabKey(tab.id)}
    title={tabKey(tab.id) === undefined ? tab.title : `${tab.title} (${tabKey(tab.id)})`}
  >
    {tab.title}
    <span aria-hidden="true" className="tab-mark">
      <TabMark id={tab.id} />
    </span>
    {tab.disableClose === true ? null : <TabClose />}
  </div>
);

const renderTools = (tabset: {
  readonly selectedId?: string | null | undefined;
  readonly tabs: readonly { readonly id: string }[];
}): ReactElement | null =>
  tabset.tabs.some(({ id }) => isView(id)) ? (
    <ViewTools />
  ) : tabset.tabs.some(({ id }) => id === 'history') ? (
    <HistoryTools>{tabset.selectedId === 'steps' ? <StepsNow /> : <HistorySize />}</HistoryTools>
  ) : null;

const renderSeparator = (orientation: 'horizontal' | 'vertical'): ReactElement => (
  <Separator className={`splitter ${orientation}`} aria-label="Splitter" />
);
