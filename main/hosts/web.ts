import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../app/refusals/refusal.ts';
import { createHost } from '../services/host.ts';
import { createSessions } from '../services/sessions.ts';
import { hostArguments } from './host-arguments.ts';
import { createHostPages } from './host-pages.ts';
import { demoInside, helperInside } from './places.ts';
import { startWebServer } from './web-server.ts';

const say = (text: string): void => {
  process.stderr.write(`Tilescope: ${text}\n`);
};

/** Only where a browser of the same user can come up: as root it would not, and should not. */
const openBrowser = (url: string): void => {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if ((!DISPLAY && !WAYLAND_DISPLAY) || process.getuid?.() === 0) return;
  const child = spawn('xdg-open', [url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
};

/** Neither registered with IANA nor known to be used by anything. */
const USUAL_PORT = 17_717;

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
  const host = createHost({
    host: 'web',
    helperPath: helperInside(),
    demoPath: demoInside(),
    openAtStart: file,
  });
  const openIds = new Set<string>();
  const attachedPids = new Map<string, number>();
  const hostPages = createHostPages(() => createSessions({ ...host, openIds, attachedPids }));
  try {
    const server = await startWebServer({
      hostPages,
      pages: fileURLToPath(new URL('../renderer', import.meta.url)),
      port,
      usualPort: USUAL_PORT,
      deterministic,
    });
    const stopped = untilSignal();
    say(`open ${server.url}\n  (good for one use, on this machine only; Ctrl+C ends it)`);
    if (open) openBrowser(server.url);
    await stopped;
    await hostPages.close();
    await server.close();
    return 0;
  } catch (error) {
    say(`the page cannot be served on 127.0.0.1:${port}: ${messageOf(error)}`);
    return 1;
  } finally {
    await host.close();
  }
};
