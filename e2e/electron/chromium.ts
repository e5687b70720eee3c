import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { log } from './run.ts';

/**
 * Chromium's processes may write into it for a moment after the first of them has ended, and rmSync's own retries do not look
 * for what is new. What is left in the end lies in the folder for temporary files.
 */
const removeProfile = (path: string): void => {
  for (let tries = 0; tries < 20; tries += 1) {
    try {
      rmSync(path, { recursive: true, force: true, maxRetries: 1 });
      return;
    } catch {
      // Once more, with what came meanwhile.
    }
  }
};

/** Debian's Chromium, driven over the pipe of its DevTools protocol. */

// biome-ignore lint/suspicious/noExplicitAny: the protocol's messages, whose types this repository does not hold.
export type Message = any;

interface Waiting {
  readonly method: string;
  resolve(result: Message): void;
  reject(error: Error): void;
}

const PATH = process.env.TILESCOPE_CHROMIUM ?? '/usr/bin/chromium';

const switchesFor = (profile: string): string[] => [
  '--remote-debugging-pipe',
  `--user-data-dir=${profile}`,
  '--no-first-run',
  '--no-default-browser-check',
  '--no-startup-window',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-gpu',
  '--disable-search-engine-choice-screen',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  '--font-render-hinting=none',
  '--headless=new',
  // Pictures are the same as those of the browser that the tests open (playwright.config.ts), whatever this desktop is set to.
  '--hide-scrollbars',
  '--lang=en-US',
  '--force-device-scale-factor=1',
  '--force-color-profile=srgb',
  ...(process.getuid?.() === 0 ? ['--no-sandbox', '--test-type'] : []),
  ...(process.env.STAND_IN_DEBUG_PORT ? [`--remote-debugging-port=${process.env.STAND_IN_DEBUG_PORT}`] : []),
];

export class Chromium {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #closed = false;

  private constructor(child: ChildProcess, profile: string) {
    this.#child = child;
    this.#profile = profile;
    let parts: Buffer[] = [];
    (child.stdio[4] as Readable).on('data', (chunk: Buffer) => {
      let from = 0;
      for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, from)) {
        parts.push(chunk.subarray(from, end));
        this.#hear(JSON.parse(Buffer.concat(parts).toString('utf8')));
        parts = [];
        from = end + 1;
      }
      parts.push(chunk.subarray(from));
    });
    (child.stdio[3] as Writable).on('error', () => undefined);
    child.once('exit', () => {
      removeProfile(profile);
      if (!this.#closed) this.#events.emit('gone');
      for (const { reject, method } of this.#waiting.values()) reject(new Error(`${method}: Chromium is gone`));
      this.#waiting.clear();
    });
  }

  static async launch(): Promise<Chromium> {
    const profile = mkdtempSync(join(tmpdir(), 'stand-in-'));
    const errors = process.env.STAND_IN_LOG === 'all' ? 'inherit' : 'ignore';
    const child = spawn(PATH, switchesFor(profile), {
      stdio: ['ignore', 'ignore', errors, 'pipe', 'pipe'],
      env: { ...process.env, TZ: 'UTC' },
    });
    child.on('error', (error) => process.stderr.write(`stand-in: ${PATH} cannot be run: ${error.message}\n`));
    const chromium = new Chromium(child, profile);
    await chromium.ask('Target.setDiscoverTargets', { discover: true });
    return chromium;
  }

  ask(method: string, params: object = {}, sessionId?: string): Promise<Message> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { method, resolve, reject });
      (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** An event of the browser, or of one page by its session. */
  on(method: string, listener: (params: Message) => void, sessionId = ''): void {
    this.#events.on(`${sessionId}:${method}`, listener);
  }

  onGone(listener: () => void): void {
    this.#events.on('gone', listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if ((this.#child.exitCode ?? this.#child.signalCode) !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
    removeProfile(this.#profile);
  }

  #hear(message: Message): void {
    if (message.id === undefined) {
      this.#events.emit(`${message.sessionId ?? ''}:${message.method}`, message.params);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error !== undefined) waiting?.reject(new Error(`${waiting.method}: ${message.error.message}`));
    else waiting?.resolve(message.result);
    if (waiting === undefined) log('an answer to nobody', message.id);
  }
}
