import { app, BrowserWindow, type IpcMainInvokeEvent, ipcMain, protocol, session, type WebFrameMain } from 'electron';
import { BRIDGE_VERBS, type SessionEvent } from '../../../app/bridge.ts';
import { refuse } from '../../../app/refusals/refusal.ts';
import { PRODUCT_NAME } from '../../product.ts';
import { readPage, securityHeaders } from '../../services/pages.ts';
import { EVENT_CHANNEL, verbChannel } from './channels.ts';
import type { WindowPage } from './page.ts';
import type { WindowPlace } from './window-place.ts';

/** The window and its walls. Everything a page could use to get out, or another page to get in, is closed here. */

const SCHEME = 'app';
const HOST = 'tilescope';
const PAGE_ORIGIN = `${SCHEME}://${HOST}`;

/** Must run before the app is ready. A standard, secure scheme has an origin, so that 'self' means this page alone. */
export const registerScheme = (): void => {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ]);
};

const HEADERS = securityHeaders("'self'");

/** Answers the window's own scheme with the built page, and nothing beside it. */
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

/** What our page may do beyond a page's own: write text to the clipboard, as its Copy buttons do. */
const GRANTED = 'clipboard-sanitized-write';

/** Electron's default is to grant: both handlers are needed, one is asked before a use and the other during it. */
export const limitPermissions = (): void => {
  session.defaultSession.setPermissionRequestHandler((_contents, permission, decide, details) =>
    decide(permission === GRANTED && details.isMainFrame && isOurUrl(details.requestingUrl)),
  );
  session.defaultSession.setPermissionCheckHandler(
    (_contents, permission, origin) => permission === GRANTED && isOurUrl(origin),
  );
  // Its dictionaries would be fetched from the net.
  session.defaultSession.setSpellCheckerEnabled(false);
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

/** Loads the page into the window. */
export const loadPage = (window: BrowserWindow): void => {
  // What went wrong stands in the window; a load that another one takes the place of is no fault.
  window.loadURL(`${PAGE_ORIGIN}/index.html`).catch(() => undefined);
};

/**
 * Shows the window once there is something to see: under Wayland a window that was never shown may never be painted
 * (electron/electron#48859), so that its first paint is not waited for alone.
 */
const SHOWN_AT_LATEST_MS = 2_000;

const showSoon = (window: BrowserWindow, onShown: () => void): void => {
  let shown = false;
  const show = (): void => {
    clearTimeout(timer);
    if (shown || window.isDestroyed()) return;
    shown = true;
    window.show();
    onShown();
  };
  const timer = setTimeout(show, SHOWN_AT_LATEST_MS);
  window.once('ready-to-show', show);
  window.webContents.once('did-finish-load', show);
  window.once('closed', () => clearTimeout(timer));
};

export interface OpenOptions {
  readonly preload: string;
  /** Where the user left it. */
  readonly place: WindowPlace | null;
  readonly dark: boolean;
  readonly onShown: () => void;
}

/** The page's own background in each theme, so that a window is not the other one's until it is painted. */
const BACKGROUND = { dark: '#0a0c10', light: '#ebedef' } as const;

/** A window, sandboxed and isolated, that cannot navigate; it is shown once it has been painted. */
export const openWindow = ({ preload, place, dark, onShown }: OpenOptions): BrowserWindow => {
  const window = new BrowserWindow({
    title: PRODUCT_NAME,
    width: 1440,
    height: 900,
    ...(place?.bounds ?? {}),
    minWidth: 960,
    minHeight: 600,
    show: false,
    backgroundColor: place?.background ?? (dark ? BACKGROUND.dark : BACKGROUND.light),
    webPreferences: {
      preload,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  });
  if (place?.maximized === true) window.maximize();
  showSoon(window, onShown);
  loadPage(window);
  return window;
};

/** An address of our page's: the whole of it, or its origin alone. */
const isOurUrl = (address: string): boolean => {
  try {
    const url = new URL(address);
    return url.protocol === `${SCHEME}:` && url.host === HOST;
  } catch {
    return false;
  }
};

/** A call counts only from the main frame of our window while it shows our page. */
const isOurPage = (frame: WebFrameMain | null, window: BrowserWindow | null): boolean => {
  if (frame === null || window === null || window.isDestroyed()) return false;
  if (frame !== window.webContents.mainFrame) return false;
  return isOurUrl(frame.url);
};

/** Takes the page's calls, of the window's own page alone. */
export const serveVerbs = (pageNow: () => WindowPage | null, windowNow: () => BrowserWindow | null): void => {
  for (const verb of BRIDGE_VERBS) {
    ipcMain.handle(verbChannel(verb), async (event: IpcMainInvokeEvent, args: unknown) => {
      const page = isOurPage(event.senderFrame, windowNow()) ? pageNow() : null;
      return page === null ? refuse('bad-sender', 'this call came from another page') : page.now().call(verb, args);
    });
  }
};

/** Tells the page an event; one without a window is lost. */
export const tellWindow = (window: BrowserWindow | null, event: SessionEvent): void => {
  if (window !== null && !window.isDestroyed()) window.webContents.send(EVENT_CHANNEL, event);
};
