/**
 * What a run of the tests leaves behind: processes and files. Every process of a run carries its mark in the environment, from
 * whatever it was started, and its temporary files lie in one folder. Who is left is named, and ended by its number.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MARK = 'TILESCOPE_TEST_RUN';

/** What the runners themselves keep among temporary files. */
const OF_THE_RUNNERS = /^(playwright-transform-cache|node-compile-cache|vite)/;

/** @typedef {{ pid: number, name: string }} Left */
/** @typedef {{ processes: Left[], files: string[], mounts: string[] }} LeftBehind */

/** @param {string} path */
const readOr = (path) => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** @param {number} pid */
const isOver = (pid) => /^\d+ \(.*\) [ZX]/s.test(readOr(`/proc/${pid}/stat`)) || !existsSync(`/proc/${pid}`);

/** Our own ancestors, and we, carry the mark too. @returns {Set<number>} */
const ourselves = () => {
  const found = new Set();
  for (let pid = process.pid; pid > 0 && !found.has(pid); ) {
    found.add(pid);
    pid = Number(/^PPid:\t(\d+)$/m.exec(readOr(`/proc/${pid}/status`))?.[1] ?? 0);
  }
  return found;
};

/** @param {string} [mark] what they carry in their environment; none: all that are seen, in a namespace of the run's own @returns {Left[]} */
const processesOf = (mark) => {
  const ours = ourselves();
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && !ours.has(pid))
    .filter((pid) => mark === undefined || readOr(`/proc/${pid}/environ`).split('\0').includes(mark))
    .filter((pid) => !isOver(pid))
    .map((pid) => ({ pid, name: readOr(`/proc/${pid}/cmdline`).split('\0').join(' ').trim().slice(0, 120) || '?' }));
};

/** @param {string} folder */
const mountsBelow = (folder) =>
  readOr('/proc/self/mountinfo')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .filter((place) => place.startsWith(`${folder}/`));

const nap = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How long one that was told to go, by a closed pipe or a signal of its parent, may take for it. */
export const GRACE_MS = 30_000;

/**
 * Ends the processes that are left and gives who they were. Who goes by itself within a moment was not left.
 * @param {string} [mark] as for processesOf @param {number} [graceMs]
 * @returns {Promise<Left[]>}
 */
export const endProcesses = async (mark, graceMs = GRACE_MS) => {
  const until = Date.now() + graceMs;
  while (processesOf(mark).length > 0 && Date.now() < until) await nap(50);
  /** @type {Map<number, Left>} */
  const processes = new Map();
  // Those who start others are not waited for: until nobody is found.
  for (let found = processesOf(mark); found.length > 0; found = processesOf(mark)) {
    for (const one of found) {
      processes.set(one.pid, one);
      try {
        process.kill(one.pid, 'SIGKILL');
      } catch {
        // It went by itself.
      }
    }
    await nap(50);
  }
  return [...processes.values()];
};

/**
 * Ends what is left of a run and gives what it was.
 * @param {string} folder the run's own, which is its mark as well @param {number} [graceMs]
 * @returns {Promise<LeftBehind>}
 */
export const sweep = async (folder, graceMs) => {
  const processes = await endProcesses(`${MARK}=${folder}`, graceMs);
  const mounts = mountsBelow(folder);
  const files = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => !OF_THE_RUNNERS.test(name))
        .sort()
    : [];
  // Through a mount nothing is removed: what is mounted there belongs to somebody.
  if (mounts.length === 0) rmSync(folder, { recursive: true, force: true });
  return { processes, files, mounts };
};

/** @param {LeftBehind} left @returns {string[]} lines; none: nothing was left */
export const leftWords = ({ processes, files, mounts }) => [
  ...processes.map(({ pid, name }) => `left running, and ended: process ${pid}: ${name}`),
  ...mounts.map((place) => `left mounted: ${place}`),
  ...(files.length === 0
    ? []
    : [
        `left on disk, and removed: ${files.slice(0, 8).join(', ')}${files.length > 8 ? ` and ${files.length - 8} more` : ''}`,
      ]),
];

/**
 * Marks all that is started from now on, and sets up who ends it should this process be killed.
 * @returns {{ folder: string, end: (graceMs?: number) => Promise<LeftBehind> }}
 */
export const beginRun = () => {
  const folder = mkdtempSync(join(process.env.TMPDIR || tmpdir(), 'tilescope-run-'));
  // Tests that play another user put what he may see inside: he passes through, and lists nothing.
  chmodSync(folder, 0o711);
  process.env[MARK] = folder;
  process.env.TMPDIR = folder;
  // The keeper is not of the run: it outlives us, and goes when its pipe closes.
  const { [MARK]: _mark, ...environment } = process.env;
  const keeper = spawn(process.execPath, [fileURLToPath(import.meta.url), folder], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
    env: environment,
  });
  keeper.on('error', () => undefined);
  keeper.stdin.on('error', () => undefined);
  keeper.unref();
  /** @type {any} */ (keeper.stdin).unref?.();
  return {
    folder,
    end: async (graceMs) => {
      const left = await sweep(folder, graceMs);
      delete process.env[MARK];
      keeper.stdin.end('over');
      return left;
    },
  };
};

/** As the keeper: a pipe that closes without a word says that the run was killed. */
const keep = async (/** @type {string} */ folder) => {
  let word = '';
  for await (const chunk of process.stdin) word += chunk;
  if (word !== '') return;
  for (const line of leftWords(await sweep(folder, 0))) process.stderr.write(`${line}\n`);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await keep(process.argv[2] ?? '');
