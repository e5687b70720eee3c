/** A desktop on which nothing is as where the pictures were taken: locale, clock, scale, colours, how fonts are drawn, window server. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, which } from './say.mjs';

const LOCALE = 'tr_TR.UTF-8';

/** What a person may have in the environment. */
const ENVIRONMENT = {
  TZ: 'Asia/Kolkata',
  LANG: LOCALE,
  LC_ALL: LOCALE,
  LANGUAGE: 'ar',
  GDK_SCALE: '2',
  GDK_DPI_SCALE: '1.5',
  QT_SCALE_FACTOR: '2',
  GTK_THEME: 'HighContrast',
  FREETYPE_PROPERTIES: 'truetype:interpreter-version=35 cff:no-stem-darkening=0',
  FONTCONFIG_FILE: join(ROOT, 'e2e', 'models', 'odd-fonts.conf'),
};

/** A locale that is not installed is C's to the C library: this one is made, where the machine has what it is made of. @param {string} folder */
const madeLocale = (folder) => {
  if (which('localedef') === null || !existsSync('/usr/share/i18n/locales/tr_TR')) return {};
  const made = spawnSync('localedef', ['-i', 'tr_TR', '-f', 'UTF-8', join(folder, LOCALE)], { stdio: 'ignore' });
  return made.status === 0 ? { LOCPATH: folder } : {};
};

/** An X server of 192 dpi and 15 bits a pixel. @returns {Promise<{ display: string, end: () => Promise<void> } | null>} null: there is no Xvfb */
const startXvfb = async () => {
  if (which('Xvfb') === null) return null;
  const words = ['-displayfd', '3', '-screen', '0', '800x600x15', '-dpi', '192', '-nolisten', 'tcp'];
  const server = spawn('Xvfb', words, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const over = new Promise((resolve) => server.once('close', resolve));
  const number = await new Promise((resolve) => {
    server.once('error', () => resolve(''));
    server.once('close', () => resolve(''));
    /** @type {any} */ (server.stdio[3])
      ?.setEncoding('utf8')
      .once('data', (/** @type {string} */ text) => resolve(text.trim()));
  });
  if (number === '') return null;
  return {
    display: `:${number}`,
    end: async () => {
      server.kill('SIGTERM');
      await over;
    },
  };
};

/**
 * Does the work as if on such a desktop.
 * @template T
 * @param {(environment: Record<string, string>) => Promise<T>} work
 * @returns {Promise<T>}
 */
export const onOddDesktop = async (work) => {
  const folder = mkdtempSync(join(tmpdir(), 'tilescope-locale-'));
  const server = await startXvfb();
  try {
    return await work({
      ...ENVIRONMENT,
      ...madeLocale(folder),
      ...(server === null ? {} : { DISPLAY: server.display }),
    });
  } finally {
    await server?.end();
    rmSync(folder, { recursive: true, force: true });
  }
};
