import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { register } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import asar from '@electron/asar';
import { begin } from './app.ts';
import { beginRun, endProcess, isHeadless, type Run, readSwitches, switches } from './run.ts';

/**
 * Plays Electron's binary on Debian's Chromium, for the tests: from the arguments to the application's first line, with what
 * Electron checks on the way. The application's code runs as it is built; only the module `electron` is another.
 */

/** As an abort of Chromium's looks from outside. */
const abort = (message: string): never => {
  process.stderr.write(`[0:FATAL] ${message}\n`);
  return endProcess(133);
};

/** Whether the X server is there: DISPLAY may be left from a session that is long over. */
const displayAnswers = (display: string): Promise<boolean> =>
  new Promise((answer) => {
    const [, host = '', number = ''] = /^([^:]*):(\d+)/.exec(display) ?? [];
    if (number === '') return answer(false);
    const socket = host === '' ? connect(`/tmp/.X11-unix/X${number}`) : connect(6000 + Number(number), host);
    socket.once('connect', () => {
      socket.destroy();
      answer(true);
    });
    socket.once('error', () => answer(false));
  });

/** electron_main_delegate.cc BasicStartupComplete(), and the zygote's: no sandbox as root, none without user namespaces. */
const checkSandbox = (): void => {
  if (switches.has('no-sandbox')) return;
  if (process.getuid?.() === 0) {
    abort('electron_main_delegate.cc: Running as root without --no-sandbox is not supported.');
  }
  if (process.env.STAND_IN_NO_NAMESPACES !== undefined) {
    abort('setuid_sandbox_host.cc: The SUID sandbox helper binary was found, but is not configured correctly.');
  }
};

/** command_line_args.cc: behind an address nothing more may stand, lest a link that is clicked hands over switches. */
const checkAddresses = (words: readonly string[]): void => {
  const end = words.indexOf('--');
  const address = words.findIndex((word) => /^[a-z]\S+:/i.test(word));
  if (address >= 0 && address < (end < 0 ? words.length : end) - 1) endProcess(255);
};

const checkDisplay = async (): Promise<void> => {
  if (isHeadless()) return;
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (WAYLAND_DISPLAY) return;
  if (DISPLAY && (await displayAnswers(DISPLAY))) return;
  process.stderr.write('[0:ERROR] ozone_platform_x11.cc: Missing X server or $DISPLAY\n');
  endProcess(139);
};

/** A packaged binary loads app.asar from beside itself; Node reads inside it there, and from a copy here. */
const packagedApp = (exe: string): string => {
  const copy = mkdtempSync(join(tmpdir(), 'stand-in-asar-'));
  process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
  asar.extractAll(join(dirname(exe), 'resources', 'app.asar'), copy);
  return copy;
};

const words = process.argv.slice(2);
const exe = process.env.STAND_IN_EXE ?? '';
delete process.env.STAND_IN_EXE;
const packaged = basename(exe) !== 'electron';
readSwitches(words);
checkAddresses(words);
checkSandbox();

const named = words.find((word) => !word.startsWith('-'));
if (!packaged && named === undefined) abort('stand-in: no application is named');
const appPath = packaged ? packagedApp(exe) : resolve(named ?? '');
const manifest: Run['manifest'] = JSON.parse(readFileSync(join(appPath, 'package.json'), 'utf8'));
beginRun({ exe, packaged, words, appPath, manifest });

process.argv = [exe, ...words];
process.execPath = exe;
Object.assign(process, { resourcesPath: join(dirname(exe), 'resources'), type: 'browser' });
Object.assign(process.versions, { electron: '0.0.0-stand-in' });

register(new URL('./hooks.js', import.meta.url));
await import(pathToFileURL(join(appPath, manifest.main)).href);
await checkDisplay();
await begin();
