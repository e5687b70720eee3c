import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DIST, explain, fail, installHint, ROOT } from './say.mjs';
import { requireCompiler } from './setup.mjs';

export const HELPER = join(DIST, 'native', 'tilescope-helper');
/** Where the tests find what plays Electron. */
export const STAND_IN = join(DIST, 'stand-in');
/** As seen from native/: to make a path with a space is two words, and a clone may lie in one. */
export const NATIVE_OUT = 'OUT=../dist/native';
const VITE = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
/** A build that takes longer than this has hung; another start stops waiting for it. */
const LOCK_TIMEOUT_MS = 180_000;

/**
 * @typedef {{ name: string, folders: string[], files: RegExp, extra: string[], outputs: string[], make: () => Promise<void> }} Product
 */

/** Every source file below the folders, in a fixed order. @param {Product} product */
const sourcesOf = ({ folders, files, extra }) => {
  const found = [...extra];
  const walk = (/** @type {string} */ folder) => {
    for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (files.test(entry.name) && !/\.test\.tsx?$/.test(entry.name)) found.push(path);
    }
  };
  for (const folder of folders) if (existsSync(join(ROOT, folder))) walk(folder);
  return found.sort();
};

/** @param {Product} product */
const digestOf = (product) => {
  const hash = createHash('sha256');
  for (const path of sourcesOf(product)) {
    hash.update(path).update('\0');
    if (existsSync(join(ROOT, path))) hash.update(readFileSync(join(ROOT, path)));
    hash.update('\0');
  }
  return hash.digest('hex');
};

const stampOf = (/** @type {Product} */ product) => join(DIST, `.${product.name}-sources`);
const timesStampOf = (/** @type {Product} */ product) => join(DIST, `.${product.name}-times`);

/** When each source was written and how long it is: no file is read, and each is asked for once. @param {Product} product */
const timesOf = (product) =>
  sourcesOf(product)
    .map((path) => {
      const found = statSync(join(ROOT, path), { throwIfNoEntry: false });
      return found === undefined ? `${path} gone\n` : `${path} ${found.mtimeMs} ${found.size}\n`;
    })
    .join('');

/** @param {string} path */
const textIn = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};

/** Every start asks this first: nothing was written since the last build. @param {Product} product @param {string} times */
const isUntouched = (product, times) =>
  product.outputs.every((path) => existsSync(path)) && textIn(timesStampOf(product)) === times;

/** @param {Product} product @param {string} digest */
const isFresh = (product, digest) =>
  product.outputs.every((path) => existsSync(path)) &&
  existsSync(stampOf(product)) &&
  readFileSync(stampOf(product), 'utf8') === digest;

/** Output of the tools goes to stderr. @param {string} program @param {string[]} args */
export const runTool = (program, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal === null ? code : 1));
  });

/** @param {string} mode @param {string[]} more */
export const viteBuild = async (mode, ...more) => {
  const config = join('main', 'vite.config.ts');
  const code = await runTool(process.execPath, [
    VITE,
    'build',
    '--config',
    config,
    '--mode',
    mode,
    '--logLevel',
    'warn',
    ...more,
  ]);
  if (code !== 0) fail(`building ${mode} failed; the message stands above`);
};

/** What is installed below /usr/share, and where: the command line writes it, from its table of verbs. */
export const SHARE = join(DIST, 'share');
const SHARED = [
  { words: ['man'], path: join('man', 'man1', 'tilescope.1') },
  { words: ['completions', 'bash'], path: join('bash-completion', 'completions', 'tilescope') },
  { words: ['completions', 'zsh'], path: join('zsh', 'vendor-completions', '_tilescope') },
  { words: ['completions', 'fish'], path: join('fish', 'vendor_completions.d', 'tilescope.fish') },
];

const writeShare = async () => {
  for (const { words, path } of SHARED) {
    const asked = spawnSync(process.execPath, [join(ROOT, 'main', 'tilescope.mjs'), ...words], {
      encoding: 'utf8',
      env: { ...process.env, TILESCOPE_AS_BUILT: '1' },
    });
    if (asked.status !== 0) fail(`writing ${path} failed: ${asked.stderr}`);
    mkdirSync(dirname(join(SHARE, path)), { recursive: true });
    writeFileSync(join(SHARE, path), asked.stdout);
  }
};

/** @type {Product} */
const helper = {
  name: 'helper',
  folders: ['native'],
  files: /(\.[chS]|\.inc|\.mk|^Makefile)$/,
  extra: [],
  outputs: [HELPER],
  make: async () => {
    requireCompiler();
    const code = await runTool('make', ['-s', '-C', 'native', NATIVE_OUT]);
    if (code !== 0) fail('building the helper failed; the compiler’s message stands above');
  },
};

/** @type {Product} */
const main = {
  name: 'main',
  folders: ['app', 'main'],
  files: /\.ts$/,
  extra: ['package-lock.json'],
  outputs: ['cli.js', 'web.js', 'electron.js', 'decode-worker.js', 'preload.cjs'].map((file) =>
    join(DIST, 'main', file),
  ),
  make: async () => {
    await viteBuild('main');
    await viteBuild('preload');
    await writeShare();
  },
};

/** @type {Product} */
const renderer = {
  name: 'renderer',
  folders: ['app', 'renderer'],
  files: /./,
  extra: ['package-lock.json', 'main/vite.config.ts'],
  outputs: [join(DIST, 'renderer', 'index.html')],
  make: async () => viteBuild('renderer'),
};

/** Fuzzing and attacks. @type {Product} */
const trials = {
  name: 'trials',
  folders: ['app', 'main'],
  files: /\.ts$/,
  extra: ['package-lock.json'],
  outputs: ['fuzz.js', 'attack.js'].map((file) => join(DIST, 'trials', file)),
  make: async () => viteBuild('trials'),
};

/** A folder that plays Electron's, for the tests. @type {Product} */
const standIn = {
  name: 'stand-in',
  folders: ['e2e/electron'],
  files: /\.(ts|sh)$/,
  extra: ['package-lock.json', 'main/vite.config.ts'],
  outputs: [join(STAND_IN, 'electron'), join(STAND_IN, 'stand-in', 'launch.js')],
  make: async () => {
    await viteBuild('stand-in');
    copyFileSync(join(ROOT, 'e2e', 'electron', 'electron.sh'), join(STAND_IN, 'electron'));
    chmodSync(join(STAND_IN, 'electron'), 0o755);
  },
};

const LOCK = join(DIST, '.building');

const ownerIsAlive = () => {
  try {
    const pid = Number(readFileSync(join(LOCK, 'pid'), 'utf8'));
    process.kill(pid, 0);
    return Date.now() - statSync(LOCK).mtimeMs < LOCK_TIMEOUT_MS;
  } catch (error) {
    // No pid file yet: its owner is between mkdir and write, unless it died right there.
    const code = /** @type {NodeJS.ErrnoException} */ (error).code;
    if (code === 'EPERM') return true;
    return code === 'ENOENT' && existsSync(LOCK) && Date.now() - statSync(LOCK).mtimeMs < 2_000;
  }
};

/** One build at a time: two commands started together must not write the same files. @param {() => Promise<void>} work */
const withLock = async (work) => {
  mkdirSync(DIST, { recursive: true });
  for (;;) {
    try {
      mkdirSync(LOCK);
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      if (!ownerIsAlive()) rmSync(LOCK, { recursive: true, force: true });
      else await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  try {
    writeFileSync(join(LOCK, 'pid'), String(process.pid));
    await work();
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
};

/** @param {Product} product */
const ensure = async (product) => {
  const times = timesOf(product);
  if (isUntouched(product, times)) return;
  await withLock(async () => {
    const digest = digestOf(product);
    // Written, and the same again: another branch and back.
    if (isFresh(product, digest)) return writeFileSync(timesStampOf(product), times);
    explain(`building ${product.name}`);
    await product.make();
    writeFileSync(stampOf(product), digest);
    writeFileSync(timesStampOf(product), times);
  });
};

/**
 * Helper and demo guest for machines with another libc than this one's: linked statically, in the place of the others, which
 * they do the same work as.
 */
export const makeStatic = async () => {
  requireCompiler();
  const folder = join(DIST, 'static');
  const code = await runTool('make', ['-s', '-C', 'native', `OUT=${folder}`, 'STATIC=1']);
  if (code !== 0)
    fail(`linking the helper statically failed. ${installHint('libc6-dev', 'glibc-static')} brings what it needs`);
  for (const program of ['tilescope-helper', 'demo-vmm']) {
    mkdirSync(join(DIST, 'native'), { recursive: true });
    const place = join(DIST, 'native', program);
    // Beside it first: a program that runs cannot be written over.
    copyFileSync(join(folder, program), `${place}.new`);
    renameSync(`${place}.new`, place);
  }
};

export const ensureHelper = () => ensure(helper);
export const ensureMain = () => ensure(main);
export const ensureRenderer = () => ensure(renderer);
export const ensureTrials = () => ensure(trials);
export const ensureStandIn = () => ensure(standIn);

/** Builds what is missing or older than its sources. Throws where a step fails, after what it printed. */
export const buildAll = async () => {
  await ensureHelper();
  await ensureMain();
  await ensureRenderer();
};
