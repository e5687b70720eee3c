import { type BrowserWindow, type ContextMenuParams, type Input, Menu, type WebContents } from 'electron';

/** The menus, and the keys that are the desktop's as well as the page's. */

/** The page opens the file picker on Ctrl+O, wherever the key comes from. */
const pressOpen = (window: BrowserWindow | null): void => {
  for (const type of ['keyDown', 'keyUp'] as const) {
    window?.webContents.sendInputEvent({ type, keyCode: 'O', modifiers: ['control'] });
  }
};

/** The application's menu; its items act on the window of now. */
export const setMenu = (windowNow: () => BrowserWindow | null): void => {
  const open = {
    label: 'Open…',
    accelerator: 'Ctrl+O',
    registerAccelerator: false,
    click: () => pressOpen(windowNow()),
  };
  // F11 alone is the page's: it steps.
  const fullScreen = { role: 'togglefullscreen', accelerator: 'Ctrl+F11' } as const;
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([
      { label: 'File', submenu: [open, { type: 'separator' }, { role: 'close' }, { role: 'quit' }] },
      { role: 'editMenu' },
      { label: 'View', submenu: [{ role: 'resetZoom' }, { role: 'zoomIn' }, { role: 'zoomOut' }, fullScreen] },
    ]),
  );
};

/**
 * Alt pressed and let go is the menu bar's (root_view.cc), also where a digit between was the page's and Electron never saw
 * it: the Alt that ends such a chord is kept from it.
 */
export const keepAltChords = (contents: WebContents): void => {
  let chord = false;
  contents.on('before-input-event', (event, input: Input) => {
    if (input.key !== 'Alt') chord = input.alt && (chord || input.type === 'keyDown');
    else if (input.type === 'keyDown') chord = input.isAutoRepeat && chord;
    else if (chord) {
      chord = false;
      event.preventDefault();
    }
  });
};

/** What can be done where the pointer is; nothing comes up where that is nothing. */
export const contextMenu = ({ editFlags, isEditable, selectionText }: ContextMenuParams): Menu | null => {
  const hasSelection = selectionText.trim() !== '';
  if (!isEditable && !hasSelection) return null;
  return Menu.buildFromTemplate([
    ...(isEditable ? [{ role: 'cut', enabled: editFlags.canCut } as const] : []),
    { role: 'copy', enabled: editFlags.canCopy && hasSelection },
    ...(isEditable
      ? [
          { role: 'paste', enabled: editFlags.canPaste } as const,
          { type: 'separator' } as const,
          { role: 'selectAll', enabled: editFlags.canSelectAll } as const,
        ]
      : []),
  ]);
};

/** Cut, copy and paste at a right click in an editor or on a selection. */
export const offerContextMenu = (window: BrowserWindow): void => {
  window.webContents.on('context-menu', (_event, params) => contextMenu(params)?.popup({ window }));
};
