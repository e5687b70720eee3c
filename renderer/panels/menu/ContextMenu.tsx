import { type KeyboardEvent, type ReactElement, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { type ContextItem, type ContextPlace, contextItems } from '../../actions/context-items.ts';
import { commandOf, isModifier, movedInMenu } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { pageBox, pagePoint, pageSize } from '../../zoom.ts';

/** Where something stands that has acts of its own, and what kind of thing it is. */
const PLACES: readonly (readonly [selector: string, place: ContextPlace])[] = [
  ['[data-memory]', 'memory'],
  ['[data-cell], [data-at], [data-cell-of], [data-field-of], [data-watch], [data-path]', 'value'],
  ['.history, [data-stop]', 'stop'],
  ['.component-row, .rail-row', 'component'],
  ['.target-row', 'target'],
  ['.model-row', 'model'],
  ['[data-pane="program"], [data-pane="breakpoints"], [data-pane="calls"]', 'program'],
  ['[data-region]', 'elsewhere'],
];

const placeOf = (target: Element): readonly [Element, ContextPlace] | null => {
  for (const [selector, place] of PLACES) {
    const found = target.closest(selector);
    if (found !== null) return [found, place];
  }
  return null;
};

/** A value is selected as by a press; a row of a list as by a click. */
const point = (node: Element, place: ContextPlace): HTMLElement | null => {
  const own = node instanceof HTMLElement ? node : null;
  if (place === 'component' || place === 'target' || place === 'model' || own?.dataset.stop !== undefined) own?.click();
  if ((place !== 'value' && place !== 'memory') || own === null) return own;
  const cell = own.matches('[tabindex], button, select')
    ? own
    : own.querySelector<HTMLElement>('[role="button"], button');
  cell?.focus();
  if (own.matches('[data-cell], [data-at]')) own.click();
  return cell;
};

interface Opened {
  readonly place: ContextPlace;
  /** Opens the editor of the value; null: it has none. */
  readonly edit: (() => void) | null;
  /** The path that is written there; null: it is about what is selected. */
  readonly named: string | null;
  readonly x: number;
  readonly y: number;
  /** Where the focus goes back to. */
  readonly from: HTMLElement | null;
}

/** The menu of the right button, and of Shift+F10: whatever has acts of its own, with the keys that do the same. */
export function ContextMenu(): ReactElement | null {
  const store = useDebuggerStore();
  const [opened, setOpened] = useState<Opened | null>(null);
  // Open, it follows what happens meanwhile: an act that ends gives its own lines back.
  useDebugger((state) => (opened === null ? null : state));
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const open = (event: globalThis.MouseEvent): void => {
      // Opened by a key there is no pointer: it is about what has the focus.
      const byKey = event.button !== 2;
      const target = byKey ? document.activeElement : event.target;
      // Text has the browser's own menu, and so has what lies in a dialog.
      if (!(target instanceof Element) || target.closest('input, dialog, .beside-pane') !== null) return;
      if ((getSelection()?.toString() ?? '') !== '') return;
      const found = placeOf(target);
      if (found === null) return;
      const [node, place] = found;
      const cell = point(node, place);
      const edit =
        (place === 'value' || place === 'memory') && cell !== null && !cell.matches('select, [role="switch"]')
          ? () => cell.dispatchEvent(new globalThis.KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
          : null;
      const named = node instanceof HTMLElement ? (node.dataset.watch ?? node.dataset.path ?? null) : null;
      const own = named === null ? edit : null;
      if (contextItems(store, place, own, named).length === 0) return;
      event.preventDefault();
      const box = pageBox(node);
      const { x, y } = byKey ? { x: box.left, y: box.bottom } : pagePoint(event);
      setOpened({ place, edit: own, named, x, y, from: cell });
    };
    window.addEventListener('contextmenu', open);
    return () => window.removeEventListener('contextmenu', open);
  }, [store]);
  useLayoutEffect(() => {
    const node = menu.current;
    if (node === null || opened === null) return;
    const { width, height } = pageBox(node);
    const page = pageSize();
    node.style.left = `${Math.max(4, Math.min(opened.x, page.widthPx - width - 4))}px`;
    node.style.top = `${Math.max(4, Math.min(opened.y, page.heightPx - height - 4))}px`;
    const focus = (): void => {
      // Keys may have gone on in it by then.
      if (!node.contains(document.activeElement)) node.querySelector<HTMLElement>('[role="menuitem"]')?.focus();
    };
    focus();
    // A cell that was pointed at takes the focus a frame later.
    requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(focus)));
  }, [opened]);
  useEffect(() => {
    if (opened === null) return;
    const close = (event: Event): void => {
      if (!(event.target instanceof Node && menu.current?.contains(event.target))) setOpened(null);
    };
    const away = (event: globalThis.KeyboardEvent): void => {
      if (commandOf('everywhere', event) === 'close') event.preventDefault();
      if (!isModifier(event)) close(event);
    };
    window.addEventListener('pointerdown', close, true);
    window.addEventListener('resize', close);
    window.addEventListener('keydown', away, true);
    return () => {
      window.removeEventListener('keydown', away, true);
      window.removeEventListener('pointerdown', close, true);
      window.removeEventListener('resize', close);
    };
  }, [opened]);
  if (opened === null) return null;
  const items = contextItems(store, opened.place, opened.edit, opened.named);
  const close = (): void => {
    setOpened(null);
    if (opened.from?.isConnected) opened.from.focus();
  };
  const run = (item: ContextItem): void => {
    if (item.refused !== null) return;
    close();
    item.run();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const all = [...(menu.current?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const command = commandOf('menu', event);
    event.stopPropagation();
    if (command === null) return;
    const item = items[at];
    if (command === 'leave') close();
    else if (command !== 'press') all[movedInMenu(command, at, all.length)]?.focus();
    else if (item !== undefined) run(item);
    event.preventDefault();
  };
  return (
    <div
      ref={menu}
      className="menu context-menu"
      role="menu"
      aria-label="What can be done here"
      onKeyDown={onKeyDown}
      tabIndex={-1}
    >
      {items.map((item) => (
        <div
          key={item.id}
          role="menuitem"
          tabIndex={-1}
          className={`menu-item ${item.begins ? 'begins' : ''}`}
          aria-disabled={item.refused === null ? undefined : true}
          title={item.refused ?? undefined}
          onClick={() => run(item)}
          onKeyDown={undefined}
        >
          <span className="ellipsis">{item.label}</span>
          <span className="push" />
          {item.keys === null ? null : <kbd>{item.keys}</kbd>}
        </div>
      ))}
    </div>
  );
}
