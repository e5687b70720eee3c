import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, type BrowserWindow, dialog, nativeTheme, screen } from 'electron';
import { messageOf } from '../../../app/refusals/refusal.ts';
import { writeWholeNow } from '../../io/files.ts';
import { createDecoder } from '../../services/decoder.ts';
import { createHost } from '../../services/host.ts';
import { createShared } from '../../services/opening.ts';
import { createSessions } from '../../services/sessions.ts';
import { CLI_VERBS, runCli } from '../cli/cli.ts';
import { createHostPages } from '../host-pages.ts';
import { decoderInside, demoInside, helperInside } from '../places.ts';
import { runWeb } from '../web/web.ts';
import { keepAltChords, offerContextMenu, setMenu } from './menu.ts';
import { followPage, type WindowPage } from './page.ts';
import {
  closeWaysOut,
  limitPermissions,
  loadPage,
  openWindow,
  registerScheme,
  servePages,
  serveVerbs,
  tellWindow,
} from './window.ts';
import { type Asked, readWords, wordsAfter } from './window-arguments.ts';
import { keepPlace, readPlace } from './window-place.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const say = (text: string): boolean => process.stderr.write(`Tilescope: ${text}\n`);
const USAGE = 'tilescope [FILE] [--web] [--port N] [--no-open] [--deterministic], or a verb: tilescope --help';

/** Whoever started the window takes the browser where it never comes up: this file's existence says that it did. */
const noteShown = (): void => {
  const path = process.env.TILESCOPE_SHOWN_FILE;
  if (path !== undefined && path !== '') writeWholeNow(path, 'shown\n');
};

/** Sent by a second start: its words and where it stands. It is another program's data until it is read. */
const wordsOfSecond = (data: unknown): { words: string[]; cwd: string } | null => {
  if (typeof data !== 'object' || data === null) return null;
  const { words, cwd } = data as Record<string, unknown>;
  if (typeof cwd !== 'string' || !Array.isArray(words) || !words.every((word) => typeof word === 'string')) return null;
  return { words, cwd };
};

const runWindow = async ({ file, deterministic, unknown }: Extract<Asked, { kind: 'window' }>): Promise<void> => {
  for (const word of unknown) say(`${word} is none of Tilescope’s options; it is left to Chromium`);
  const host = createHost({
    host: 'electron',
    helperPath: helperInside(),
    demoPath: demoInside(),
    openAtStart: file,
  });
  const decoder = createDecoder({ worker: decoderInside() });
  const shared = createShared();
  const hostPages = createHostPages(() => createSessions({ ...host, shared, decode: decoder.decode }));
  const placeFile = join(app.getPath('userData'), 'window.json');
  let window: BrowserWindow | null = null;
  let page: WindowPage | null = null;
  let background: string | null = null;
  const windowNow = (): BrowserWindow | null => window;
  const keep = (shown: BrowserWindow): void =>
    keepPlace(placeFile, { bounds: shown.getNormalBounds(), maximized: shown.isMaximized(), background });
  const show = (): void => {
    const place = readPlace(
      placeFile,
      screen.getAllDisplays().map(({ workArea }) => workArea),
    );
    const shown = openWindow({
      preload: at('preload.cjs'),
      place,
      dark: nativeTheme.shouldUseDarkColors,
      onShown: noteShown,
    });
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
    background = place?.background ?? null;
    shown.webContents.on('did-change-theme-color', (_event, color) => {
      background = color?.slice(0, 7).toLowerCase() ?? background;
    });
    keepAltChords(shown.webContents);
    offerContextMenu(shown);
    shown.on('close', () => keep(shown));
    shown.on('closed', () => {
      window = null;
      page = null;
    });
  };

  app.on('second-instance', (_event, _argv, _cwd, data) => {
    const given = wordsOfSecond(data);
    const asked = given === null ? null : readWords(given.words, CLI_VERBS, given.cwd);
    if (asked?.ok && asked.value.kind === 'window' && asked.value.file !== null) {
      host.offer(asked.value.file);
      tellWindow(window, { kind: 'open-file', name: asked.value.file });
    }
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
    void Promise.all([decoder.close(), hostPages.close()])
      .then(() => host.close())
      .finally(() => app.quit());
  });
  closeWaysOut();
  await app.whenReady();
  // Electron's own handlers are there by now, and are good for one signal each: the second would kill before the vCPUs are
  // let go. Nobody is asked about edits: what was written is in the journal.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      window?.destroy();
      app.quit();
    });
  }
  limitPermissions();
  servePages(at('../renderer'), deterministic);
  serveVerbs(() => page, windowNow);
  setMenu(windowNow);
  show();
};

/** The page is served until a signal comes: ours, for Electron's own would quit before the vCPUs are let go, and a second one would kill. */
const untilSignal = async (serve: () => Promise<number>): Promise<number> => {
  await app.whenReady();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  return serve();
};

/** Wrong words: to the terminal where there is one, else to the person who clicked. */
const refuseWords = async (what: string): Promise<void> => {
  say(`${what}\n  to do: ${USAGE}`);
  if (!process.stderr.isTTY && existsSync('/usr/share/applications')) {
    await app.whenReady();
    dialog.showErrorBox('Tilescope cannot open this', what);
  }
  app.exit(2);
};

const words = wordsAfter(process.argv, app.isPackaged ? null : app.getAppPath());
const asked = readWords(words, CLI_VERBS, process.cwd());
// Nothing is kept that a keyring would have to guard; without this its service is asked for, and asks for a password.
app.commandLine.appendSwitch('password-store', 'basic');

if (!asked.ok) {
  void refuseWords(asked.refusal.what);
} else if (asked.value.kind === 'verb') {
  const words = asked.value.words;
  void (words[0] === 'web' ? untilSignal(() => runCli(words)) : runCli(words)).then((code) => app.exit(code));
} else if (asked.value.kind === 'page') {
  const words = asked.value.words;
  void untilSignal(() => runWeb(words)).then((code) => app.exit(code));
} else if (!app.requestSingleInstanceLock({ words: [...words], cwd: process.cwd() })) {
  say('it is open already: that window takes the file');
  app.exit(0);
} else {
  registerScheme();
  runWindow(asked.value).catch((error: unknown) => {
    dialog.showErrorBox('Tilescope could not start', messageOf(error));
    app.exit(1);
  });
}
