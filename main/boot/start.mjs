import { existsSync, rmSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { buildAll } from './build.mjs';
import { electronBinary, fetchElectron } from './electron-binary.mjs';
import { DIST, explain, fail, ROOT } from './say.mjs';
import { ensurePackages } from './setup.mjs';
import { runElectron, sandboxProblem, whyNotShown } from './window.mjs';

const ELECTRON = join(ROOT, 'node_modules', 'electron');
/** Written when Electron's releases could not be reached, so that the next start does not wait for them again. */
const MEMO = join(DIST, '.electron-not-reached');

const binaryNow = () => electronBinary(ELECTRON, process.env);

/** @param {string[]} args @returns {Promise<string | null>} why the browser is used, or null for the window */
const whyNotWindow = async (args) => {
  if (args.includes('--web')) return '--web';
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (!DISPLAY && !WAYLAND_DISPLAY) return 'there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)';
  const open = args.includes('--no-sandbox');
  if (process.getuid?.() === 0 && !open) {
    return 'Electron’s sandbox does not run as root (--no-sandbox opens the window without it)';
  }
  if (binaryNow() === null) {
    const why = await fetchElectron({ folder: ELECTRON, memo: MEMO, environment: process.env, say: explain });
    if (why !== null) return why;
  }
  return open ? null : sandboxProblem(binaryNow() ?? '');
};

/** npm runs scripts in the package's folder: a file is where the user stood. @param {string} word */
const fromWhereUserStood = (word) => {
  const stood = process.env.INIT_CWD;
  if (stood === undefined || word.startsWith('-') || isAbsolute(word) || existsSync(word)) return word;
  const path = resolve(stood, word);
  return existsSync(path) ? path : word;
};

/** @param {string} why @param {string[]} args */
const servePage = async (why, args) => {
  if (why !== '--web') explain(`no window: ${why}\n  The same page is served to the browser`);
  const { runWeb } = await import(new URL('../../dist/main/web.js', import.meta.url).href);
  return runWeb(args.filter((argument) => argument !== '--web' && argument !== '--no-sandbox'));
};

/** Opens the window, or serves the same page to the browser and says why. @param {string[]} given */
export const start = async (given) => {
  const args = given
    .filter((argument, index) => !(argument === '--' && index === 0) && argument !== '--fetch-electron')
    .map(fromWhereUserStood);
  if (given.includes('--fetch-electron')) rmSync(MEMO, { force: true });
  await ensurePackages();
  await buildAll();
  const why = await whyNotWindow(args);
  if (why !== null) return servePage(why, args);
  const binary = binaryNow();
  if (binary === null) return fail('Electron is not there any more');
  const ended = await runElectron(binary, [ROOT, ...args.filter((argument) => argument !== '--no-open')]);
  const notShown = whyNotShown(ended);
  return notShown === null ? ended.code : servePage(notShown, args);
};
