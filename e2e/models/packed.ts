import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STAND_IN } from './electron.ts';
import type { Ran } from './tilescope.ts';

const BOOTSTRAP = join(import.meta.dirname, '../../main/bootstrap.mjs');

/** What electron-builder looks for in the binary, to set its fuses: a sentinel, a version, how many, and each as shipped. */
const FUSE_WIRE = Buffer.concat([
  Buffer.from('\n# dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'),
  Buffer.from([1, 9]),
  Buffer.from('101100011\n'),
]);

type Environment = Readonly<Record<string, string>>;

export interface Served {
  readonly url: string;
  readonly interrupt: () => Promise<number | null>;
  /** What it wrote to standard error. */
  readonly said: () => string;
}

/** The package as it is unpacked, made by `npm run dist` around what plays Electron. */
export class Packed {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tilescope-packed-'));
  /** The command, as /usr/bin has it. */
  readonly command: string;

  constructor() {
    const electron = join(this.#folder, 'electron');
    cpSync(STAND_IN, electron, { recursive: true });
    appendFileSync(join(electron, 'electron'), FUSE_WIRE);
    mkdirSync(join(electron, 'locales'));
    for (const name of ['chrome-sandbox', 'version', 'locales/en-US.pak']) writeFileSync(join(electron, name), '0.0.0');
    const release = join(this.#folder, 'release');
    const given = [`-c.electronDist=${electron}`, '-c.electronVersion=45.4.1', `-c.directories.output=${release}`];
    const made = spawnSync(process.execPath, [BOOTSTRAP, 'dist', '--linux', 'dir', ...given], {
      encoding: 'utf8',
      env: { ...process.env, CI: 'true', NO_UPDATE_NOTIFIER: '1' },
    });
    if (made.status !== 0) throw new Error(`npm run dist ended with ${made.status}: ${made.stdout}${made.stderr}`);
    this.command = join(release, 'linux-unpacked', 'tilescope');
  }

  /** On a machine without a screen. */
  #start(words: readonly string[], environment: Environment = {}): ChildProcess {
    const env = { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '', XDG_CONFIG_HOME: this.#folder, ...environment };
    return spawn(this.command, words, { stdio: ['pipe', 'pipe', 'pipe'], env });
  }

  run(...words: string[]): Promise<Ran> {
    return this.runIn({}, ...words);
  }

  /** With an environment of its own, and what is said to it. */
  runIn({ input = '', ...environment }: Environment & { readonly input?: string }, ...words: string[]): Promise<Ran> {
    const child = this.#start(words, environment);
    child.stdin?.on('error', () => undefined).end(input);
    const said = { out: '', err: '' };
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      said.out += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      said.err += text;
    });
    return new Promise((resolve) => child.once('close', (code) => resolve({ code: code ?? -1, ...said })));
  }

  /** Serves the page: its address, and the end that Ctrl+C brings, pressed twice. */
  serve(...words: string[]): Promise<Served> {
    return this.serveIn({}, ...words);
  }

  async serveIn(environment: Environment, ...words: string[]): Promise<Served> {
    const child = this.#start(words, environment);
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    let said = '';
    const url = await new Promise<string>((resolve, reject) => {
      child.stderr?.setEncoding('utf8').on('data', (text) => {
        said += text;
        const found = /http:\/\/127\.0\.0\.1:\d+\/#[\w-]+/.exec(said)?.[0];
        if (found !== undefined) resolve(found);
      });
      void ended.then((code) => reject(new Error(`it ended with ${code}: ${said}`)));
    });
    const interrupt = (): Promise<number | null> => {
      child.kill('SIGINT');
      child.kill('SIGINT');
      return ended;
    };
    return { url, interrupt, said: () => said };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
