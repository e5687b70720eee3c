import { spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Chromium } from './chromium.ts';
import { commandLine, endProcess, isHeadless, log, run } from './run.ts';
import { preventable, strict } from './strict.ts';

/** `app`: its life from the first line of the application's code to the end of the process (shell/browser/browser.cc). */

/** What app knows of a window. */
export interface OpenWindow {
  close(): Promise<void>;
  destroy(): void;
}

export const windows = new Set<OpenWindow>();
export const life = { ready: false, quitting: false, exiting: false, ended: false, looping: false, code: 0 };

let chromium: Chromium | null = null;
export const browser = (): Chromium => {
  if (chromium === null)
    throw new Error('stand-in: no page can be shown: the platform is headless, or app is not ready');
  return chromium;
};

let announceReady: (value: undefined) => void = () => undefined;
const ready = new Promise<undefined>((resolve) => {
  announceReady = resolve;
});

/** Asks the instance that holds the lock, synchronously as Electron does; whether there is one. */
const handOver = (socket: string, message: object): boolean => {
  const script = `
    const peer = require('node:net').connect(process.argv[1], () => peer.end(process.argv[2]));
    peer.on('error', () => process.exit(1)).on('close', () => process.exit(0)).resume();`;
  return spawnSync('node', ['-e', script, socket, JSON.stringify(message)], { stdio: 'ignore' }).status === 0;
};

class App extends EventEmitter {
  get name(): string {
    return run().manifest.productName ?? run().manifest.name;
  }
  get isPackaged(): boolean {
    return run().packaged;
  }
  readonly commandLine = commandLine;
  getName = (): string => this.name;
  getAppPath = (): string => run().appPath;
  whenReady = (): Promise<undefined> => ready;
  isReady = (): boolean => life.ready;

  getPath(name: string): string {
    const config = process.env.XDG_CONFIG_HOME || join(homedir(), '.config');
    if (name === 'userData') return join(config, this.name);
    throw new Error(`stand-in: app.getPath('${name}') is not imitated`);
  }

  /** Browser::Quit(): `before-quit`, then every window is asked; one that stays ends the quitting. */
  quit(): void {
    if (life.quitting) return;
    const event = preventable();
    this.emit('before-quit', event);
    if (event.defaultPrevented) return;
    life.quitting = true;
    if (windows.size === 0) notifyAndShutDown();
    else for (const window of [...windows]) void window.close();
  }

  /** Browser::ExitWithCode(): before the message loop is there, the process ends at once. */
  exit(code = 0): void {
    life.code = code;
    if (!life.looping) endProcess(code);
    life.quitting = true;
    life.exiting = true;
    if (windows.size === 0) shutDown();
    else for (const window of [...windows]) window.destroy();
  }

  requestSingleInstanceLock(additionalData: object = {}): boolean {
    const folder = this.getPath('userData');
    mkdirSync(folder, { recursive: true });
    const socket = join(folder, 'SingletonSocket');
    // Chromium appends to argv, and changes its order: what second-instance is given is not what the user typed.
    const argv = [process.argv[0], '--original-process-start-time=1', ...process.argv.slice(1)];
    if (handOver(socket, { argv, cwd: process.cwd(), additionalData })) return false;
    rmSync(socket, { force: true });
    const server = createServer({ allowHalfOpen: true }, (peer) => {
      let text = '';
      peer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      peer.on('end', () => {
        const told = JSON.parse(text);
        peer.end();
        void ready.then(() => this.emit('second-instance', preventable(), told.argv, told.cwd, told.additionalData));
      });
    });
    server.listen(socket).unref();
    return true;
  }
}

export const emitter = new App();
export const app = strict('app', emitter);

export const notifyAndShutDown = (): void => {
  if (life.ended) return;
  const event = preventable();
  emitter.emit('will-quit', event);
  if (event.defaultPrevented) life.quitting = false;
  else shutDown();
};

export const shutDown = (): void => {
  if (life.ended) return;
  life.ended = true;
  emitter.emit('quit', preventable(), life.code);
  const close = chromium?.close() ?? Promise.resolve();
  void close.finally(() => endProcess(life.code));
};

/** electron_browser_main_parts_posix.cc: the first signal quits, and gives the signal back to its default, which kills. */
const takeSignals = (): void => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // A listener of the application's that is added later takes the handler's place: sigaction() knows one alone.
    const first = (): void => {
      if (process.listenerCount(signal) > 1) return;
      process.removeListener(signal, first);
      log(signal, 'quits');
      emitter.quit();
    };
    process.on(signal, first);
  }
};

/** After the application's code is loaded: the message loop, the browser, and `ready`. */
export const begin = async (): Promise<void> => {
  life.looping = true;
  setInterval(() => undefined, 2 ** 30);
  takeSignals();
  if (!isHeadless()) {
    chromium = await Chromium.launch();
    chromium.onGone(() => {
      process.stderr.write('stand-in: Chromium ended\n');
      endProcess(1);
    });
  }
  life.ready = true;
  emitter.emit('will-finish-launching');
  emitter.emit('ready', preventable(), {});
  announceReady(undefined);
};

process.exit = ((code?: number) => emitter.exit(code ?? Number(process.exitCode ?? 0))) as typeof process.exit;
