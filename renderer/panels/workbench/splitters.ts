import type { KeyboardEvent } from 'react';
import type { WorkspaceImperativeHandle, WorkspaceModel, WorkspaceModelInput } from 'react-resizable-panels';
import { action } from '../../actions/registry.ts';
import { commandOf } from '../../keys/chord.ts';
import type { DebuggerStore } from '../../store/debugger-store.ts';

type Node = WorkspaceModel<null>['root'];
type Split = Extract<Node, { readonly type: 'split' }>;

const STEP_PX = 8;
const WIDE_STEP_PX = 32;

/** The two neighbours of a splitter, whose first one it names, and the split that they are of. */
const besideOf = (
  node: Node,
  first: string,
): { readonly split: Split; readonly pair: readonly [Node, Node] } | null => {
  if (node.type !== 'split') return null;
  const at = node.children.findIndex(({ id }) => id === first);
  const [one, other] = [node.children[at], node.children[at + 1]];
  if (at !== -1 && one !== undefined && other !== undefined) return { split: node, pair: [one, other] };
  for (const child of node.children) {
    const found = besideOf(child, first);
    if (found !== null) return found;
  }
  return null;
};

/** The two neighbours of a splitter; null: that is none. */
const pairAt = (
  workspace: WorkspaceImperativeHandle<null>,
  node: EventTarget,
): (ReturnType<typeof besideOf> & { readonly prefix: string }) | null => {
  if (!(node instanceof HTMLElement) || !node.hasAttribute('data-separator')) return null;
  const named = node.getAttribute('aria-controls') ?? '';
  const prefix = named.slice(0, named.lastIndexOf(':') + 1);
  const found = besideOf(workspace.getModel().root, named.slice(prefix.length));
  return found === null ? null : { ...found, prefix };
};

const isFolded = (node: Node): boolean => node.type === 'tabset' && node.collapsed === true;

/**
 * A key on a splitter: arrows move it by 8 px, with Shift by 32; Enter folds the smaller dock beside it, and unfolds it. The
 * library steps by a twentieth of the window, folds what stands left or above alone, and keeps F6 for its own splitters.
 * @returns whether the key was one of these
 */
export const pressSplitter = (
  workspace: WorkspaceImperativeHandle<null>,
  store: DebuggerStore,
  event: KeyboardEvent,
): boolean => {
  const found = pairAt(workspace, event.target);
  if (found === null) return false;
  const region = commandOf('window', event.nativeEvent);
  if (region === 'next-region' || region === 'previous-region') {
    action(region).run(store);
    return true;
  }
  const command = commandOf('splitter', event.nativeEvent);
  if (command === null) return false;
  const { split, pair, prefix } = found;
  const isAcross = split.orientation === 'horizontal';
  const sizeOf = ({ id }: Node): number => {
    const pane = document.getElementById(prefix + id);
    return (isAcross ? pane?.offsetWidth : pane?.offsetHeight) ?? 0;
  };
  if (command === 'fold') {
    const [dock] = pair
      .filter((one) => one.type === 'tabset' && one.collapsible === true)
      .toSorted((a, b) => sizeOf(a) - sizeOf(b));
    if (dock === undefined) return true;
    if (isFolded(dock)) workspace.expandTabset(dock.id);
    else workspace.collapseTabset(dock.id);
    return true;
  }
  // Beside a folded dock the library moves it: what that unfolds to is kept.
  if (split.children.some(isFolded) || isAcross !== (command === 'left' || command === 'right')) return false;
  const far = event.shiftKey ? WIDE_STEP_PX : STEP_PX;
  const byPx = command === 'left' || command === 'up' ? -far : far;
  const [one, other] = pair;
  const change = (child: Node): number => (child === one ? byPx : child === other ? -byPx : 0);
  workspace.resizeSplit(
    split.id,
    Object.fromEntries(split.children.map((child) => [child.id, `${sizeOf(child) + change(child)}px`])),
  );
  return true;
};

type Input = WorkspaceModelInput<null>['root'];

const idsIn = (node: Node): readonly string[] =>
  node.type === 'tabset' ? [node.id] : [node.id, ...node.children.flatMap(idsIn)];

const sizeIn = (node: Input, ids: readonly string[]): Input['size'] => {
  if (node.id !== undefined && ids.includes(node.id)) return node.size;
  return node.type === 'tabset'
    ? undefined
    : node.children.map((child) => sizeIn(child, ids)).find((size) => size !== undefined);
};

/** A double press on a splitter gives the dock beside it the size that it has in the layout which nobody has changed. */
export const resetSplitter = (
  workspace: WorkspaceImperativeHandle<null>,
  { root }: WorkspaceModelInput<null>,
  target: EventTarget,
): void => {
  const found = pairAt(workspace, target);
  const dock = found?.pair.find((one) => !idsIn(one).includes('centre'));
  if (found === null || dock === undefined) return;
  const size = sizeIn(root, idsIn(dock));
  if (size === undefined) return;
  // What is on neither side of it keeps its own; the other side has what is left.
  const kept = found.split.children.filter((child) => !found.pair.includes(child) && child.size !== undefined);
  workspace.resizeSplit(found.split.id, {
    [dock.id]: size,
    ...Object.fromEntries(kept.map((child) => [child.id, child.size ?? 0])),
  });
};
