import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { explain } from './say.mjs';

/** Electron’s process: whether its sandbox can work here, its start, and its end. */

/**
 * Why Chromium’s sandbox would abort Electron, with what would fix it, or null. The probe is electron-builder’s AppRun’s: a user
 * namespace, which Ubuntu 24.04 and later leave to programs with an AppArmor profile.
 * @param {string} binary
 * @returns {string | null}
 */
export const sandboxProblem = (binary) => {
  const probe = spawnSync('unshare', ['-Ur', 'true'], { stdio: 'ignore' });
  // Nothing to ask with: the start itself will tell.
  if (probe.error !== undefined || probe.status === 0) return null;
  const sandbox = join(dirname(binary), 'chrome-sandbox');
  if (existsSync(sandbox)) {
    const { uid, mode } = statSync(sandbox);
    if (uid === 0 && (mode & 0o4001) === 0o4001) return null;
  }
  return [
    'Chromium’s sandbox needs user namespaces, and this machine does not let it have them. One of these fixes it:',
    `    sudo chown root:root '${sandbox}' && sudo chmod 4755 '${sandbox}'`,
    '    sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0    (Ubuntu, until the next boot, for every program)',
    '    npm start -- --no-sandbox    (the window without its sandbox)',
  ].join('\n');
};

/**
 * @typedef {{ code: number, signal: NodeJS.Signals | null, shown: boolean, asked: boolean }} Ended
 *   `asked`: the user ended it
 */

/** @param {string} binary @param {string[]} args @returns {Promise<Ended>} */
export const runElectron = (binary, args) =>
  new Promise((resolve, reject) => {
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-start-'));
    const shownFile = join(folder, 'shown');
    // In a process group of its own: Ctrl+C is sent to everyone in the terminal’s, and npm sends it once more. Electron quits
    // on the first and is killed by the second, before its vCPUs are let go: it gets one.
    const child = spawn(binary, args, {
      stdio: 'inherit',
      detached: true,
      env: { ...process.env, TILESCOPE_SHOWN_FILE: shownFile },
    });
    let asked = false;
    const forward = (/** @type {NodeJS.Signals} */ signal) => {
      if (asked) return explain(`ending, once every vCPU is let go (kill -9 ${child.pid} does not wait)`);
      asked = true;
      child.kill(signal);
    };
    const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
    for (const signal of signals) process.on(signal, forward);
    const end = () => {
      for (const signal of signals) process.off(signal, forward);
      const shown = existsSync(shownFile);
      rmSync(folder, { recursive: true, force: true });
      return shown;
    };
    child.on('error', (error) => {
      end();
      reject(error);
    });
    child.on('exit', (code, signal) => resolve({ code: code ?? 1, signal, shown: end(), asked }));
  });

/**
 * Why the window never came up, where the page in the browser is to take its place, or null: a second start hands over and ends
 * with 0, wrong words end with 2, and whom the user ends is not started again as something else.
 * @param {Ended} ended
 */
export const whyNotShown = ({ code, signal, shown, asked }) => {
  if (shown || asked || code === 0 || code === 2) return null;
  const how = signal === null ? `with ${code}` : `by ${signal}`;
  return `Electron ended ${how} before its window was shown; what it said stands above`;
};
