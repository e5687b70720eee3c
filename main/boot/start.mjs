import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { buildAll } from './build.mjs';
import { DIST, explain, fail, ROOT } from './say.mjs';
import { ensurePackages } from './setup.mjs';

const ELECTRON = join(ROOT, 'node_modules', 'electron');
/** Written when Electron's binary could not be fetched, so that the next start does not wait for it again. */
const MEMO = join(DIST, '.electron-not-fetched');
const MEMO_LASTS_MS = 24 * 3600 * 1000;
const PROBE_TIMEOUT_MS = 4_000;
const FETCH_TIMEOUT_MS = 300_000;

const electronBinary = () => {
  const folder = process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(ELECTRON, 'dist');
  const path = join(folder, 'electron');
  return existsSync(path) ? path : null;
};

const electronVersion = () => JSON.parse(readFileSync(join(ELECTRON, 'package.json'), 'utf8')).version;

/** Whether the server of the releases answers at all: asking first keeps a start without network quick. */
const releasesAnswer = () =>
  new Promise((resolve) => {
    const mirror = process.env.ELECTRON_MIRROR ?? process.env.npm_config_electron_mirror ?? 'https://github.com/';
    // A mirror that is not https, or a proxy, is not for us to probe: the fetch itself will tell.
    if (!mirror.startsWith('https://') || process.env.ELECTRON_GET_USE_PROXY !== undefined) return resolve(true);
    const probe = request(mirror, { method: 'HEAD', timeout: PROBE_TIMEOUT_MS }, (answer) => {
      answer.resume();
      resolve(true);
    });
    probe.on('timeout', () => probe.destroy(new Error('no answer')));
    probe.on('error', () => resolve(false));
    probe.end();
  });

/** @returns {Promise<string | null>} why Electron is not there, or null once it is */
const fetchElectron = async () => {
  if (process.env.ELECTRON_SKIP_BINARY_DOWNLOAD !== undefined) return 'ELECTRON_SKIP_BINARY_DOWNLOAD is set';
  const version = electronVersion();
  if (
    existsSync(MEMO) &&
    readFileSync(MEMO, 'utf8') === version &&
    Date.now() - statSync(MEMO).mtimeMs < MEMO_LASTS_MS
  ) {
    return 'Electron could not be fetched earlier (it is tried again after a day, or with --fetch-electron)';
  }
  const remember = (/** @type {string} */ why) => {
    writeFileSync(MEMO, version);
    return why;
  };
  if (!(await releasesAnswer())) return remember('Electron’s releases cannot be reached');
  explain(`fetching Electron ${version}, once`);
  const run = spawnSync(process.execPath, [join(ELECTRON, 'install.js')], {
    stdio: ['ignore', 'ignore', 'ignore'],
    timeout: FETCH_TIMEOUT_MS,
  });
  return run.status === 0 && electronBinary() !== null ? null : remember('Electron could not be fetched');
};

/** @param {string[]} args @returns {Promise<string | null>} why the browser is used, or null for the window */
const whyNotWindow = async (args) => {
  if (args.includes('--web')) return '--web';
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (!DISPLAY && !WAYLAND_DISPLAY) return 'there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)';
  if (process.getuid?.() === 0 && !args.includes('--no-sandbox')) {
    return 'Electron’s sandbox does not run as root (--no-sandbox opens the window without it)';
  }
  if (electronBinary() !== null) return null;
  return fetchElectron();
};

/** Opens the window, or serves the same page to the browser and says why. @param {string[]} given */
export const start = async (given) => {
  const args = given.filter((argument) => argument !== '--' && argument !== '--fetch-electron');
  if (given.includes('--fetch-electron')) rmSync(MEMO, { force: true });
  await ensurePackages();
  await buildAll();
  const why = await whyNotWindow(args);
  if (why !== null) {
    if (why !== '--web') explain(`no window: ${why}. The same page is served to the browser`);
    const { runWeb } = await import(new URL('../../dist/main/web.js', import.meta.url).href);
    return runWeb(args.filter((argument) => argument !== '--web' && argument !== '--no-sandbox'));
  }
  const binary = electronBinary();
  if (binary === null) return fail('Electron is not there any more');
  const child = spawn(binary, [ROOT, ...args.filter((argument) => argument !== '--no-open')], { stdio: 'inherit' });
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
};

/** Makes the packages. @param {string[]} args are handed to electron-builder, such as `--linux dir` */
export const distribute = async (args) => {
  await ensurePackages();
  await buildAll();
  const builder = join(ROOT, 'node_modules', 'electron-builder', 'out', 'cli', 'cli.js');
  const targets = args.length > 0 ? args : ['--linux', 'deb', 'AppImage'];
  const given = ['--config', join('main', 'pack', 'electron-builder.mjs'), '--publish', 'never', ...targets];
  const run = spawnSync(process.execPath, [builder, ...given], { cwd: ROOT, stdio: 'inherit' });
  if (run.status !== 0) fail('packing failed; electron-builder’s message stands above');
  return 0;
};
