import {
  app,
  BrowserWindow,
  type IpcMainInvokeEvent,
  ipcMain,
  Menu,
  protocol,
  session,
  type WebFrameMain,
} from 'electron';
import { BRIDGE_VERBS, type SessionEvent } from '../../app/bridge.ts';
import { refuse } from '../../app/refusals/refusal.ts';
import { EVENT_CHANNEL, verbChannel } from '../channels.ts';
import { PRODUCT_NAME } from '../product.ts';
import { readPage, securityHeaders } from '../services/pages.ts';
import type { WindowPage } from './electron-page.ts';

/** The window and its walls. Everything a page could use to get out, or another page to get in, is closed here. */

const SCHEME = 'app';
const HOST = 'tilescope';
export const PAGE_ORIGIN = `${SCHEME}://${HOST}`;

/** Must run before the app is ready. A standard, secure scheme has an origin, so that 'self' means this page alone. */
export const registerScheme = (): void => {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ]);
};

const HEADERS = securityHeaders("'self'");

export const servePages = (pages: string, deterministic: boolean): void => {
  protocol.handle(SCHEME, async (request) => {
    const url = new URL(request.url);
    if (request.method !== 'GET' || url.host !== HOST)
      return new Response('Not here', { status: 404, headers: HEADERS });
    const page = await readPage(pages, url.pathname, deterministic);
    if (page === null) return new Response('Not here', { status: 404, headers: HEADERS });
    return new Response(page.body, { headers: { ...HEADERS, 'Content-Type': page.type } });
  });
};

/** Electron's default is to grant: both handlers are needed, one is asked before a use and the other during it. */
export const denyPermissions = (): void => {
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, decide) => decide(false));
  session.defaultSession.setPermissionCheckHandler(() => false);
};

/** For every web contents there ever is, not only those of our window. */
export const closeWaysOut = (): void => {
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (event) => event.preventDefault());
    contents.on('will-redirect', (event) => event.preventDefault());
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  });
};

export const loadPage = (window: BrowserWindow): void => {
  // What went wrong stands in the window; a load that another one takes the place of is no fault.
  window.loadURL(`${PAGE_ORIGIN}/index.html`).catch(() => undefined);
};

export const openWindow = (preload: string): BrowserWindow => {
  const window = new BrowserWindow({
    title: PRODUCT_NAME,
    width: 1440,
    height: 900,
    minWidth: 960,
    minHeight: 600,
    show: false,
    backgroundColor: '#101214',
    webPreferences: { preload, contextIsolation: true, sandbox: true, nodeIntegration: false, webviewTag: false },
  });
  window.once('ready-to-show', () => window.show());
  loadPage(window);
  return window;
};

/** A call counts only from the main frame of our window while it shows our page. */
const isOurPage = (frame: WebFrameMain | null, window: BrowserWindow | null): boolean => {
  if (frame === null || window === null || window.isDestroyed()) return false;
  if (frame !== window.webContents.mainFrame) return false;
  try {
    const url = new URL(frame.url);
    return url.protocol === `${SCHEME}:` && url.host === HOST;
  } catch {
    return false;
  }
};

export const serveVerbs = (pageNow: () => WindowPage | null, windowNow: () => BrowserWindow | null): void => {
  for (const verb of BRIDGE_VERBS) {
    ipcMain.handle(verbChannel(verb), async (event: IpcMainInvokeEvent, args: unknown) => {
      const page = isOurPage(event.senderFrame, windowNow()) ? pageNow() : null;
      return page === null ? refuse('bad-sender', 'this call came from another page') : page.now().call(verb, args);
    });
  }
};

export const tellWindow = (window: BrowserWindow | null, event: SessionEvent): void => {
  if (window !== null && !window.isDestroyed()) window.webContents.send(EVENT_CHANNEL, event);
};

/** The menu's keys are the page's own: it opens the file picker on Ctrl+O, wherever the key comes from. */
const pressOpen = (window: BrowserWindow | null): void => {
  for (const type of ['keyDown', 'keyUp'] as const) {
    window?.webContents.sendInputEvent({ type, keyCode: 'O', modifiers: ['control'] });
  }
};

export const setMenu = (windowNow: () => BrowserWindow | null): void => {
  const open = {
    label: 'Open…',
    accelerator: 'Ctrl+O',
    registerAccelerator: false,
    click: () => pressOpen(windowNow()),
  };
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([
      { label: 'File', submenu: [open, { type: 'separator' }, { role: 'quit' }] },
      { role: 'editMenu' },
      {
        label: 'View',
        submenu: [{ role: 'resetZoom' }, { role: 'zoomIn' }, { role: 'zoomOut' }, { role: 'togglefullscreen' }],
      },
    ]),
  );
};
