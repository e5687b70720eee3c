import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../../app/refusals/refusal.ts';
import { createDecoder } from '../../services/decoder.ts';
import { createHost } from '../../services/host.ts';
import { createMessageReader } from '../../services/message-reader.ts';
import { createShared } from '../../services/opening.ts';
import { createSessions } from '../../services/sessions.ts';
import { hostArguments } from '../host-arguments.ts';
import { createHostPages } from '../host-pages.ts';
import { decoderInside, demoInside, helperInside } from '../places.ts';
import { say } from '../say.ts';
import { type RedirectFile, writeRedirect } from './redirect-file.ts';
import { startWebServer } from './server.ts';

/** Everything that was started has ended long before; what has not keeps nobody waiting. */
const END_TIMEOUT_MS = 20_000;

/** Only where a browser of the same user can come up: as root it would not, and should not. */
const canOpenBrowser = (): boolean => {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  return Boolean(DISPLAY || WAYLAND_DISPLAY) && process.getuid?.() !== 0;
};

/** Neither registered with IANA nor known to be used by anything. */
const USUAL_PORT = 17_717;

/** Null: it cannot be opened so, and the address that is printed is all there is. */
const openBrowser = async (url: string): Promise<RedirectFile | null> => {
  try {
    const redirect = await writeRedirect(url);
    const child = spawn('xdg-open', [redirect.url], { stdio: 'ignore', detached: true });
    child.on('error', () => undefined);
    child.unref();
    return redirect;
  } catch (error) {
    say(`no browser is opened: ${messageOf(error)}`);
    return null;
  }
};

/** A second signal ends the process as it ends any other: the listeners are there for one. */
const untilSignal = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });

/** Serves the page until a signal comes; the exit code of the process. */
export const runWeb = async (given: readonly string[]): Promise<number> => {
  const args = hostArguments(given);
  if (!args.ok) {
    say(`${args.refusal.what}\n  to do: npm start -- [FILE] [--web] [--port N] [--no-open] [--deterministic]`);
    return 2;
  }
  const { file, port, open, deterministic } = args.value;
  // Before anything is started: a signal that comes meanwhile ends it in order too.
  const stopped = untilSignal();
  const host = createHost({
    host: 'web',
    helperPath: helperInside(),
    demoPath: demoInside(),
    openAtStart: file,
  });
  const decoder = createDecoder({ worker: decoderInside() });
  const messages = createMessageReader(decoderInside());
  const shared = createShared();
  const hostPages = createHostPages(() => createSessions({ ...host, shared, decode: decoder.decode }));
  let redirect: RedirectFile | null = null;
  let freshUrl: (() => string) | null = null;
  const renew = (): void => {
    if (freshUrl !== null) say(`open ${freshUrl()}\n  (good for one use; addresses of before are not good any more)`);
  };
  const removeRedirect = (): void => {
    void redirect?.remove().catch(() => undefined);
  };
  try {
    const server = await startWebServer({
      hostPages,
      messages,
      pages: fileURLToPath(new URL('../renderer', import.meta.url)),
      port,
      usualPort: USUAL_PORT,
      deterministic,
      onEntered: removeRedirect,
    });
    const once = `good for one use, on this machine only; kill -USR2 ${process.pid} prints another`;
    say(`open ${server.url}\n  (${once}; Ctrl+C ends it)`);
    // Not a key: a process in the background that reads its terminal is stopped, and the pages with it.
    process.on('SIGUSR2', renew);
    freshUrl = server.freshUrl;
    if (open && canOpenBrowser()) redirect = await openBrowser(server.url);
    await stopped;
    setTimeout(() => process.exit(1), END_TIMEOUT_MS).unref();
    messages.close();
    // No page comes in any more; then whatever pages and starts are under way end, all at the same time.
    await Promise.all([server.close(), decoder.close(), hostPages.close(), host.close()]);
    return 0;
  } catch (error) {
    say(`the page cannot be served on 127.0.0.1:${port}: ${messageOf(error)}`);
    return 1;
  } finally {
    process.removeListener('SIGUSR2', renew);
    removeRedirect();
    await decoder.close();
    await host.close();
  }
};
