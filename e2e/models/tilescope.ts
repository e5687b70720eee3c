import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { meaningOfShown } from './meaning.ts';

const BOOTSTRAP = join(import.meta.dirname, '../../main/bootstrap.mjs');
export const BUILT = join(import.meta.dirname, '../../dist');

/** The helper of the production build, or what stands for it (described-host.ts). */
export const BUILT_HELPER = process.env.TILESCOPE_HELPER ?? join(BUILT, 'native/tilescope-helper');

type Environment = Readonly<Record<string, string>>;

/**
 * A host of the production build, as it is: without looking whether the build is fresh, so that it starts at once.
 * @param under the words of a program that runs Node; none: it runs by itself
 */
export function startBuilt(
  host: 'cli' | 'web',
  words: readonly string[],
  environment: Environment,
  under: readonly string[] = [],
): ChildProcess {
  const run = host === 'cli' ? 'runCli' : 'runWeb';
  const script = `process.exitCode = await (await import(process.argv[1])).${run}(process.argv.slice(2))`;
  const node = [process.execPath, '--input-type=module', '-e', script, '--', join(BUILT, 'main', `${host}.js`)];
  const [program = '', ...args] = [...under, ...node, ...words];
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line as a user does and gives what it printed. */
export async function tilescope(...words: string[]): Promise<Ran> {
  return ran(spawn(process.execPath, [BOOTSTRAP, 'cli', ...words], { stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** The same with this piped into it, in two pieces. */
export async function tilescopeFed(input: string, ...words: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [BOOTSTRAP, 'cli', ...words], { stdio: ['pipe', 'pipe', 'pipe'] });
  const half = Math.floor(input.length / 2);
  child.stdin.write(input.slice(0, half), () => child.stdin.end(input.slice(half)));
  return ran(child);
}

/** The same with the build as it is, in an environment of its own. A run that was killed has code -1. */
export function builtTilescope(environment: Environment, ...words: string[]): Promise<Ran> {
  return ran(startBuilt('cli', words, environment));
}

async function ran(child: ChildProcess): Promise<Ran> {
  const text = (stream: NodeJS.ReadableStream | null): Promise<string> =>
    new Promise((resolve) => {
      let all = '';
      if (stream === null) return resolve(all);
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        all += chunk;
      });
      stream.on('end', () => resolve(all));
    });
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number>((resolve) => child.once('exit', (exit) => resolve(exit ?? -1))),
  ]);
  return { code, out, err };
}

/** Builds what is stale. */
export async function builtFresh(): Promise<void> {
  const { code, err } = await tilescope('--version');
  if (code !== 0) throw new Error(`the build: ${err}`);
}

/** The same for commands that must succeed and print JSON. */
export async function tilescopeJson<T>(...words: string[]): Promise<T> {
  const { code, out, err } = await tilescope(...words, '--json');
  if (code !== 0) throw new Error(`tilescope ${words.join(' ')} ended with ${code}: ${err}`);
  return JSON.parse(out) as T;
}

/** What `show` prints, by what it means: XSTATE_BV bits of initial values come and go. */
export const shown = async (...words: string[]): Promise<Readonly<Record<string, unknown>>> =>
  meaningOfShown(await tilescopeJson('show', ...words));

/** The web host, started as `npm start` starts it where Electron's binary is not to be had. */
export class WebHost {
  readonly #child: ChildProcess;
  readonly #said: () => string;
  readonly url: string;

  private constructor(child: ChildProcess, url: string, said: () => string) {
    this.#child = child;
    this.#said = said;
    this.url = url;
  }

  static start(...words: string[]): Promise<WebHost> {
    return WebHost.startIn({}, ...words);
  }

  /** The same with these variables in its environment. */
  static startIn(environment: Environment, ...words: string[]): Promise<WebHost> {
    const args = [BOOTSTRAP, 'start', '--', '--web', '--no-open', '--deterministic', ...words];
    return WebHost.serving(
      spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } }),
    );
  }

  /** The same with the build as it is, in an environment of its own. */
  static startBuilt(environment: Environment): Promise<WebHost> {
    return WebHost.serving(startBuilt('web', ['--no-open', '--deterministic'], environment));
  }

  /** One that was started, once it has said its address. */
  static async serving(child: ChildProcess): Promise<WebHost> {
    let said = '';
    const url = await new Promise<string>((resolve, reject) => {
      const hear = (chunk: Buffer): void => {
        said += chunk.toString();
        const found = /http:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}/.exec(said)?.[0];
        if (found !== undefined) resolve(found);
      };
      child.stdout?.on('data', hear);
      child.stderr?.on('data', hear);
      child.once('exit', (code) => reject(new Error(`the web host ended with ${code}: ${said}`)));
    });
    return new WebHost(child, url, () => said);
  }

  /** All that it has printed so far. */
  get said(): string {
    return this.#said();
  }

  async stop(): Promise<void> {
    if ((this.#child.exitCode ?? this.#child.signalCode) !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await gone;
  }

  /** SIGKILL, and not a moment later: kill() waits for the end. */
  killNow(): void {
    this.#child.kill('SIGKILL');
  }

  /** As a crash ends it: nothing of its own runs any more. */
  async kill(): Promise<void> {
    if ((this.#child.exitCode ?? this.#child.signalCode) !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}
