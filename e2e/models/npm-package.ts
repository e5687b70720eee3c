import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const ROOT = join(import.meta.dirname, '../..');

export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const said = (program: string, args: readonly string[], environment: NodeJS.ProcessEnv, input = ''): Said => {
  const ran = spawnSync(program, args, { encoding: 'utf8', env: environment, input });
  if (ran.error !== undefined) throw ran.error;
  return { code: ran.status, out: ran.stdout, err: ran.stderr };
};

/** Npm as this process was started by it, else the one on PATH. */
const npm = (args: readonly string[], cwd: string): void => {
  const script = process.env.npm_execpath;
  const [program, first] = script?.endsWith('.js') ? [process.execPath, [script]] : ['npm', []];
  const ran = spawnSync(program, [...first, ...args], { cwd, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`npm ${args.join(' ')}: ${ran.stderr}`);
};

/** Counts what a process reads, by the names of modules and by calls of node:fs; its last line on standard error says it. */
const COUNTER = `

import { register } from 'node:module';
const log = process.env.TILESCOPE_MODULES;
register('data:text/javascript,' + encodeURIComponent(\`
  import { appendFileSync } from 'node:fs';
  export const load = (url, context, next) => {
    if (url.startsWith('file:')) appendFileSync(\${JSON.stringify(log)}, url + '\\\\n');
    return next(url, context);
  };
\`));
`;

const FS_COUNTER = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const counts = { stat: 0, read: 0, list: 0 };
const counted = { statSync: 'stat', lstatSync: 'stat', existsSync: 'stat', accessSync: 'stat', readFileSync: 'read', openSync: 'read', readdirSync: 'list' };
for (const [name, kind] of Object.entries(counted)) {
  const real = fs[name];
  fs[name] = (...given) => {
    counts[kind] += 1;
    return real(...given);
  };
}
syncBuiltinESMExports();
process.on('exit', () => process.stderr.write(JSON.stringify(counts) + '\\n'));
`;

const preload = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;

export interface FileCalls {
  readonly stat: number;
  readonly read: number;
  readonly list: number;
}

/** How often a start of the command line in this clone looks at files, and what it said besides. */
export const callsInClone = (...words: string[]): { readonly calls: FileCalls; readonly said: Said } => {
  const args = ['--import', preload(FS_COUNTER), join(ROOT, 'main/bootstrap.mjs'), 'cli', ...words];
  const ran = said(process.execPath, args, process.env);
  const lines = ran.err.trimEnd().split('\n');
  return { calls: JSON.parse(lines.pop() ?? '') as FileCalls, said: { ...ran, err: lines.join('\n') } };
};

/** What `npm pack` makes, installed in a folder of its own as `npm install -g` does, without a network. */
export class NpmPackage {
  readonly folder = mkdtempSync(join(tmpdir(), 'tilescope npm '));
  readonly #program: string;

  constructor() {
    npm(['pack', '--silent', '--pack-destination', this.folder], ROOT);
    const [archive] = readdirSync(this.folder).filter((name) => name.endsWith('.tgz'));
    if (archive === undefined) throw new Error('npm pack left no package');
    const options = ['--offline', '--no-audit', '--no-fund', '--silent'];
    npm(
      ['install', '-g', '--prefix', join(this.folder, 'prefix'), ...options, join(this.folder, archive)],
      this.folder,
    );
    this.#program = join(this.folder, 'prefix/bin/tilescope');
    mkdirSync(join(this.folder, 'home'));
  }

  /** A user's environment with nothing but Node and the system's own programs. */
  #environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const path = `${join(process.execPath, '..')}:/usr/bin:/bin`;
    return { PATH: path, HOME: join(this.folder, 'home'), ...more };
  }

  get root(): string {
    return join(this.folder, 'prefix/lib/node_modules/tilescope');
  }

  get program(): string {
    return this.#program;
  }

  run(...words: string[]): Said {
    return said(this.#program, words, this.#environment());
  }

  /** The same with text on its standard input. */
  runWith(input: string, ...words: string[]): Said {
    return said(this.#program, words, this.#environment(), input);
  }

  /** The package's modules that a start loads, and how many bytes they have. */
  loadedBy(...words: string[]): { readonly names: readonly string[]; readonly bytes: number } {
    const log = join(this.folder, `modules-${words.join('-').replaceAll(/[^a-z-]/g, '')}`);
    const environment = this.#environment({ TILESCOPE_MODULES: log, NODE_OPTIONS: `--import=${preload(COUNTER)}` });
    const { code, err } = said(this.#program, words, environment);
    if (code !== 0) throw new Error(`tilescope ${words.join(' ')} ended with ${code}: ${err}`);
    const root = pathToFileURL(this.root).href;
    const names = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .filter((url) => url.startsWith(root))
      .map((url) => decodeURIComponent(url.slice(root.length + 1)));
    return { names, bytes: names.reduce((sum, name) => sum + statSync(join(this.root, name)).size, 0) };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
