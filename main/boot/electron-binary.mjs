import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Electron's binary: whether it is there whole, and how it comes here. It is some 110 MB from the net, once.
 *
 * @typedef {Readonly<Record<string, string | undefined>>} Environment
 * @typedef {{ folder: string, memo: string, environment: Environment, say: (text: string) => void }} Options
 */

/** A server that did not answer is not asked again at every start. */
const MEMO_LASTS_MS = 3600 * 1000;
const PROBE_TIMEOUT_MS = 4_000;
/** A download that has not grown for so long has ended, whatever its connection says; a slow one may take all day. */
const STALLED_MS = 60_000;
const LOOK_EVERY_MS = 1_000;
const TELL_EVERY_BYTES = 16 * 1024 * 1024;

const isFile = (/** @type {string} */ path) => existsSync(path) && statSync(path).isFile();
const textOf = (/** @type {string} */ path) => (isFile(path) ? readFileSync(path, 'utf8') : null);

/** @param {string} folder of the package */
export const versionOf = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;

/**
 * The binary, where it is whole: its package writes path.txt last, once everything is unpacked.
 * @param {string} folder of the package
 * @param {Environment} environment
 * @returns {string | null}
 */
export const electronBinary = (folder, environment) => {
  const override = environment.ELECTRON_OVERRIDE_DIST_PATH;
  const path = join(override ?? join(folder, 'dist'), 'electron');
  if (!isFile(path)) return null;
  if (override !== undefined) return path;
  const whole =
    textOf(join(folder, 'path.txt')) === 'electron' &&
    textOf(join(folder, 'dist', 'version'))?.replace(/^v/, '') === versionOf(folder);
  return whole ? path : null;
};

/** As npm and curl read it. @param {Environment} environment */
export const proxyOf = (environment) =>
  [
    environment.HTTPS_PROXY,
    environment.https_proxy,
    environment.npm_config_https_proxy,
    environment.npm_config_proxy,
  ].find((value) => value !== undefined && value !== '' && value !== 'null') ?? null;

/** Whether something answers at all, by the way that the download takes. @param {URL} url @param {string | null} proxy */
const answers = (url, proxy) =>
  new Promise((resolve) => {
    const far = { host: url.hostname, port: Number(url.port) || 443 };
    const way = proxy === null ? null : new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
    const authority = `${far.host}:${far.port}`;
    const options =
      way === null
        ? { ...far, method: 'HEAD', path: '/' }
        : {
            host: way.hostname,
            port: Number(way.port) || (way.protocol === 'https:' ? 443 : 80),
            method: 'CONNECT',
            path: authority,
            headers: {
              Host: authority,
              ...(way.username === ''
                ? {}
                : {
                    'Proxy-Authorization': `Basic ${Buffer.from(decodeURIComponent(`${way.username}:${way.password}`)).toString('base64')}`,
                  }),
            },
          };
    const make = way?.protocol === 'http:' ? httpRequest : httpsRequest;
    const probe = make({ ...options, timeout: PROBE_TIMEOUT_MS });
    const done = (/** @type {boolean} */ answered) => {
      probe.destroy();
      resolve(answered);
    };
    probe.on('response', ({ statusCode = 0 }) => done(way === null || statusCode < 400));
    probe.on('connect', ({ statusCode = 0 }) => done(statusCode === 200));
    probe.on('timeout', () => done(false));
    probe.on('error', () => done(false));
    probe.end();
  });

/** @param {Environment} environment */
export const releasesAnswer = async (environment) => {
  const mirror = environment.ELECTRON_MIRROR ?? environment.npm_config_electron_mirror ?? 'https://github.com/';
  // A mirror of another kind is for the fetch itself to try.
  if (!mirror.startsWith('https://')) return true;
  return answers(new URL(mirror), proxyOf(environment));
};

/** @param {string} folder @returns {number} */
const bytesBelow = (folder) => {
  try {
    return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
      const path = join(folder, entry.name);
      return sum + (entry.isDirectory() ? bytesBelow(path) : statSync(path).size);
    }, 0);
  } catch {
    // Moved to its place meanwhile.
    return 0;
  }
};

const MIB = 1024 * 1024;

/**
 * Runs the package's own installer, tells how far it is, and ends it where nothing has come for a minute.
 * @param {Options} options
 * @returns {Promise<boolean>}
 */
const install = ({ folder, environment, say }) =>
  new Promise((resolve) => {
    // What an interrupted start has left is no beginning of this one.
    rmSync(join(folder, 'dist'), { recursive: true, force: true });
    rmSync(join(folder, 'path.txt'), { force: true });
    const parts = mkdtempSync(join(tmpdir(), 'tilescope-electron-'));
    const proxied =
      proxyOf(environment) === null ? {} : { ELECTRON_GET_USE_PROXY: 'true', HTTPS_PROXY: proxyOf(environment) ?? '' };
    const env = { ...environment, ...proxied, ELECTRON_GET_NO_PROGRESS: '1', TMPDIR: parts };
    const child = spawn(process.execPath, [join(folder, 'install.js')], { stdio: ['ignore', 'ignore', 'pipe'], env });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      words = (words + text).slice(-4096);
    });
    let [bytes, told, grewAtMs] = [0, 0, Date.now()];
    const timer = setInterval(() => {
      const now = bytesBelow(parts) + bytesBelow(join(folder, 'dist'));
      if (now !== bytes) grewAtMs = Date.now();
      bytes = now;
      if (Date.now() - grewAtMs > STALLED_MS) child.kill('SIGKILL');
      if (bytes - told < TELL_EVERY_BYTES) return;
      told = bytes;
      say(`${Math.floor(bytes / MIB)} MiB so far`);
    }, LOOK_EVERY_MS);
    const end = (/** @type {boolean} */ done) => {
      clearInterval(timer);
      rmSync(parts, { recursive: true, force: true });
      if (!done && words.trim() !== '') say(words.trim().split('\n')[0] ?? '');
      resolve(done);
    };
    child.on('error', () => end(false));
    child.on('close', (code) => end(code === 0));
  });

/**
 * @param {Options} options
 * @returns {Promise<string | null>} why Electron is not there, or null once it is
 */
export const fetchElectron = async (options) => {
  const { folder, memo, environment, say } = options;
  if (environment.ELECTRON_SKIP_BINARY_DOWNLOAD !== undefined) return 'ELECTRON_SKIP_BINARY_DOWNLOAD is set';
  const version = versionOf(folder);
  if (textOf(memo) === version && Date.now() - statSync(memo).mtimeMs < MEMO_LASTS_MS) {
    return 'Electron’s releases could not be reached within the last hour (--fetch-electron tries at once)';
  }
  if (!(await releasesAnswer(environment))) {
    mkdirSync(dirname(memo), { recursive: true });
    writeFileSync(memo, version);
    return 'Electron’s releases cannot be reached (HTTPS_PROXY names a proxy, ELECTRON_MIRROR a mirror)';
  }
  say(`fetching Electron ${version}, about 110 MB, once (--web starts without it)`);
  // Not remembered: the next start tries again.
  if (!(await install(options))) return 'Electron could not be fetched this time; the next start tries again';
  return electronBinary(folder, environment) === null ? 'what was fetched of Electron is not whole' : null;
};
