import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, type Browser, chromium, type Page } from 'playwright/test';

const ROOT = join(import.meta.dirname, '../..');
const BOOTSTRAP = join(ROOT, 'main/bootstrap.mjs');

/** What plays Electron in the tests: `npm run e2e` builds it, Playwright by itself does not. */
export const STAND_IN = join(ROOT, 'dist/stand-in');

/** Else every story would wait for a window that never comes. */
const requireStandIn = (): void => {
  if (existsSync(join(STAND_IN, 'electron')) && existsSync(join(STAND_IN, 'stand-in/launch.js'))) return;
  throw new Error(`${STAND_IN} is not built: npm run e2e -- --project=stand-in --project=shell builds it first`);
};
const BINARY_FOLDER = join(ROOT, 'node_modules/electron/dist');

/** Why the stories cannot run on Electron's own binary, or null. */
export const BINARY_ABSENT = existsSync(join(BINARY_FOLDER, 'electron'))
  ? null
  : "Electron's binary is not here: its stories run on the stand-in, on Chromium";

type Environment = Readonly<Record<string, string>>;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** Folders of its own for what Electron keeps of a user, so that runs know nothing of each other. */
class UserFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'tilescope-user-'));
  remove(): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
  }
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to standard error and output. */
  readonly said: string;
}

export interface StartOptions {
  readonly words?: readonly string[];
  readonly environment?: Environment;
  /** What to run; the stand-in on the repository's folder otherwise. */
  readonly command?: readonly [string, ...string[]];
  /** A start that shares folder and port of another one is its second instance. */
  readonly user?: UserFolder | undefined;
  readonly cwd?: string;
}

/** Tilescope's window on the stand-in for Electron, from the outside: its process, what it says, its page. */
export class StandInHost {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly user: UserFolder;
  readonly #port: number;
  readonly #ownsUser: boolean;
  #said = '';
  #browser: Browser | null = null;

  private constructor(child: ChildProcess, port: number, user: UserFolder, ownsUser: boolean) {
    this.child = child;
    this.#port = port;
    this.user = user;
    this.#ownsUser = ownsUser;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text;
      });
    }
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal, said: this.#said }));
    });
  }

  static async start(options: StartOptions = {}): Promise<StandInHost> {
    requireStandIn();
    const port = await freePort();
    const user = options.user ?? new UserFolder();
    const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const [program, ...leading] = options.command ?? [join(STAND_IN, 'electron'), ROOT, ...root];
    const child = spawn(program, [...leading, ...(options.words ?? [])], {
      cwd: options.cwd ?? ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        // The stand-in asks whether the display answers; a compositor's name alone is taken at its word.
        WAYLAND_DISPLAY: 'stand-in',
        XDG_CONFIG_HOME: user.path,
        STAND_IN_DEBUG_PORT: String(port),
        ...options.environment,
      },
    });
    return new StandInHost(child, port, user, options.user === undefined);
  }

  /** As `npm start` starts it. */
  static npmStart({ words = [], environment = {}, ...rest }: StartOptions = {}): Promise<StandInHost> {
    return StandInHost.start({
      ...rest,
      command: [process.execPath, BOOTSTRAP, 'start'],
      words,
      environment: { ELECTRON_OVERRIDE_DIST_PATH: STAND_IN, ...environment },
    });
  }

  get said(): string {
    return this.#said;
  }

  /** The page of Tilescope's window. */
  async page(): Promise<Page> {
    let over: Ended | null = null;
    void this.ended.then((ended) => {
      over = ended;
    });
    for (;;) {
      const browser =
        this.#browser ?? (await chromium.connectOverCDP(`http://127.0.0.1:${this.#port}`).catch(() => null));
      this.#browser = browser;
      const pages = browser?.contexts().flatMap((context) => context.pages()) ?? [];
      const page = pages.find((one) => one.url().includes('.stand-in.test/'));
      if (page !== undefined) return page;
      if (over !== null) throw new Error(`Tilescope ended before its page was there: ${JSON.stringify(over)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** As a person closes the window by its frame. */
  closeWindow(): void {
    this.child.kill('SIGUSR2');
  }

  /** The page of before has crashed: page() looks for the one that took its place. */
  async forget(): Promise<void> {
    await this.#browser?.close().catch(() => undefined);
    this.#browser = null;
  }

  async stop(): Promise<Ended> {
    await this.#browser?.close().catch(() => undefined);
    if ((this.child.exitCode ?? this.child.signalCode) === null) this.child.kill('SIGTERM');
    const ended = await this.ended;
    if (this.#ownsUser) this.user.remove();
    return ended;
  }
}

/** Tilescope's window on Electron's own binary. */
export const launchBinary = async (
  words: readonly string[],
  environment: Environment = {},
): Promise<{ page: Page; stop: () => Promise<void> }> => {
  const user = new UserFolder();
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const app = await _electron.launch({
    executablePath: join(BINARY_FOLDER, 'electron'),
    args: [ROOT, '--deterministic', ...root, ...words],
    colorScheme: 'dark',
    env: { ...(process.env as Environment), XDG_CONFIG_HOME: user.path, ...environment },
  });
  const stop = async (): Promise<void> => {
    // As a person at the terminal does: nobody is asked about edits.
    const closed = app.waitForEvent('close');
    app.process().kill('SIGTERM');
    await closed;
    user.remove();
  };
  return { page: await app.firstWindow(), stop };
};
