import { type DragEvent, type ReactElement, useEffect, useLayoutEffect, useState } from 'react';
import { keepFocus } from './actions/focus.ts';
import { listenToKeys } from './actions/keys.ts';
import { askBeforeLeaving } from './actions/leaving.ts';
import { openPageFile } from './actions/open-file.ts';
import { openRefusal } from './actions/target-actions.ts';
import { DebuggerScreen } from './panels/DebuggerScreen.tsx';
import { ContextMenu } from './panels/menu/ContextMenu.tsx';
import { Announcer } from './panels/notices/Announcer.tsx';
import { Overlays } from './panels/overlays/Overlays.tsx';
import { TargetsScreen } from './panels/targets/TargetsScreen.tsx';
import { useDebugger, useDebuggerStore } from './store/context.ts';
import { GlyphSymbols } from './theme/Glyph.tsx';
import { setTextSize } from './zoom.ts';

export function App(): ReactElement {
  const store = useDebuggerStore();
  const theme = useDebugger((state) => state.theme);
  const textSize = useDebugger((state) => state.textSize);
  const isOpen = useDebugger((state) => state.session !== null);
  const canOpen = useDebugger((state) => openRefusal(state) === null);
  const [dragging, setDragging] = useState(false);

  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    // The window's background before its page is painted; a browser colours its frame by it.
    const ground = getComputedStyle(document.documentElement).getPropertyValue('--bg-0').trim();
    document.querySelector('meta[name="theme-color"]')?.setAttribute('content', ground);
  }, [theme]);
  useLayoutEffect(() => setTextSize(textSize), [textSize]);
  useEffect(() => listenToKeys(store), [store]);
  useEffect(keepFocus, []);
  useEffect(() => askBeforeLeaving(store), [store]);

  const onDragOver = (event: DragEvent): void => {
    event.preventDefault();
    if (canOpen) setDragging(true);
  };
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    setDragging(false);
    const file = event.dataTransfer.files[0];
    if (file !== undefined && canOpen) void openPageFile(store, file);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping a file is the mouse's way of "Open file…", which the keyboard has too.
    <div className="page" onDragOver={onDragOver} onDragLeave={() => setDragging(false)} onDrop={onDrop}>
      <GlyphSymbols />
      {isOpen ? <DebuggerScreen /> : <TargetsScreen />}
      <Overlays />
      <ContextMenu />
      <Announcer />
      {dragging ? <div className="drop-veil">Drop a capture, core, raw image or snapshot state to open it</div> : null}
    </div>
  );
}
