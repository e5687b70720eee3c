import { fileURLToPath } from 'node:url';
import { app, type BrowserWindow, dialog } from 'electron';
import { messageOf } from '../../app/refusals/refusal.ts';
import { createHost } from '../services/host.ts';
import { createSessions } from '../services/sessions.ts';
import { CLI_VERBS, runCli } from './cli.ts';
import { followPage, type WindowPage } from './electron-page.ts';
import {
  closeWaysOut,
  denyPermissions,
  loadPage,
  openWindow,
  registerScheme,
  servePages,
  serveVerbs,
  setMenu,
  tellWindow,
} from './electron-window.ts';
import { hostArguments } from './host-arguments.ts';
import { createHostPages } from './host-pages.ts';
import { demoInside, helperInside } from './places.ts';

/** Electron hands its own switches through in argv; ours begin after the executable, and in development after the folder. */
const given = process.argv.slice(app.isPackaged ? 1 : 2);

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const runWindow = async (): Promise<void> => {
  const args = hostArguments(given);
  const host = createHost({
    host: 'electron',
    helperPath: helperInside(app.isPackaged ? process.resourcesPath : null),
    demoPath: demoInside(app.isPackaged ? process.resourcesPath : null),
    openAtStart: args.ok ? args.value.file : null,
  });
  const openIds = new Set<string>();
  const attachedPids = new Map<string, number>();
  const hostPages = createHostPages(() => createSessions({ ...host, openIds, attachedPids }));
  let window: BrowserWindow | null = null;
  let page: WindowPage | null = null;
  const windowNow = (): BrowserWindow | null => window;
  const show = (): void => {
    const shown = openWindow(at('preload.cjs'));
    window = shown;
    page = followPage({
      window: shown,
      hostPages,
      tell: (event) => tellWindow(shown, event),
      load: () => loadPage(shown),
      giveUp: (why) => {
        dialog.showErrorBox('Tilescope’s window keeps ending', why);
        shown.destroy();
      },
      nowMs: () => performance.now(),
    });
    shown.on('closed', () => {
      window = null;
      page = null;
    });
  };

  app.on('second-instance', () => {
    if (window?.isMinimized()) window.restore();
    window?.focus();
  });
  app.on('window-all-closed', () => app.quit());
  let closing = false;
  app.on('will-quit', (event) => {
    if (closing) return;
    // The vCPUs are let go before the process ends, not by its end.
    event.preventDefault();
    closing = true;
    void hostPages
      .close()
      .then(() => host.close())
      .finally(() => app.quit());
  });
  closeWaysOut();
  await app.whenReady();
  denyPermissions();
  servePages(at('../renderer'), args.ok && args.value.deterministic);
  serveVerbs(() => page, windowNow);
  setMenu(windowNow);
  show();
};

const runVerb = async (): Promise<void> => {
  // The command line needs no display, and must not fail for want of one.
  app.commandLine.appendSwitch('ozone-platform', 'headless');
  app.commandLine.appendSwitch('disable-gpu');
  app.exit(await runCli(given.filter((argument) => !argument.startsWith('--ozone-platform'))));
};

if ((CLI_VERBS as readonly string[]).includes(given[0] ?? '')) {
  void runVerb();
} else if (!app.requestSingleInstanceLock()) {
  app.quit();
} else {
  registerScheme();
  runWindow().catch((error: unknown) => {
    dialog.showErrorBox('Tilescope could not start', messageOf(error));
    app.exit(1);
  });
}
