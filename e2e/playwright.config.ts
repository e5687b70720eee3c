import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'playwright/test';
import { describedHost } from './models/described-host.ts';
import { BINARY_ABSENT } from './models/electron.ts';
import type { HostKind } from './models/host.ts';

// What Tilescope keeps on disk while it is tested is the run's own: edits orphaned by the user's sessions stay out of it. The
// workers, which load this file again, inherit it.
if (process.env.TILESCOPE_TEST_STATE === undefined) {
  const state = mkdtempSync(join(tmpdir(), 'tilescope-state-'));
  process.env.TILESCOPE_TEST_STATE = state;
  process.env.XDG_STATE_HOME = state;
  process.on('exit', () => rmSync(state, { recursive: true, force: true }));
}

// Chromium asks fontconfig how even the page's own fonts are drawn. What this starts inherits it.
process.env.FONTCONFIG_FILE = join(import.meta.dirname, 'models/fonts.conf');

// As if on another machine: described-host.ts has them by name. Workers inherit it.
if (process.env.TILESCOPE_TEST_HOST !== undefined && process.env.TILESCOPE_DESCRIBED_HOST === undefined) {
  Object.assign(process.env, describedHost(process.env.TILESCOPE_TEST_HOST));
}

// Each worker loads this file again: only the first says it.
if (process.env.TILESCOPE_TEST_HOST !== undefined && process.env.TEST_WORKER_INDEX === undefined)
  console.log(`not compared: pictures: this run is on the host ${process.env.TILESCOPE_TEST_HOST}`);
if (BINARY_ABSENT !== null && process.env.TEST_WORKER_INDEX === undefined) console.log(`not run: ${BINARY_ABSENT}`);

/** The stories' browser: whatever the user, the desktop and the clock of this machine are set to. */
const CHROMIUM = {
  browserName: 'chromium' as const,
  viewport: { width: 1440, height: 900 },
  deviceScaleFactor: 1,
  colorScheme: 'dark' as const,
  locale: 'en-US',
  timezoneId: 'UTC',
  launchOptions: {
    executablePath: process.env.TILESCOPE_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--font-render-hinting=none',
    ],
  },
};

/** Stories that are about the browser, and start the web host by themselves. */
const OF_THE_BROWSER = ['host-gone', 'page-gone', 'recovery', 'secrets'].map((name) => `**/${name}.spec.ts`);

/**
 * Each project has a folder of its own, and no pattern: a pattern is matched against the whole path, the clone's own folder too.
 *
 * `live` drives the command line against real QEMU guests and needs no browser; `window` drives the page of the web host in
 * Debian's Chromium; `stand-in` the same stories, pictures included, in the window, on what plays Electron; `shell` is the
 * window's own story; `electron` runs the stories on Electron's binary, wherever it is there, without comparing pictures.
 */
export default defineConfig<object, { host: HostKind }>({
  outputDir: './results',
  fullyParallel: false,
  workers: 1,
  retries: 0,
  // For what hangs. What is only slow is slow tenfold beside others: no test fails for the time that it takes.
  timeout: 600_000,
  forbidOnly: true,
  reporter: [['list'], ['json', { outputFile: './results/report.json' }]],
  snapshotPathTemplate: './shots/{arg}{ext}',
  // As if on another host every story takes place there, and pictures are of their own.
  ignoreSnapshots: process.env.TILESCOPE_TEST_HOST !== undefined,
  expect: { timeout: 100_000, toHaveScreenshot: { maxDiffPixels: 0, animations: 'disabled', caret: 'hide' } },
  projects: [
    { name: 'live', testDir: './live' },
    {
      name: 'window',
      testDir: './window',
      use: { ...CHROMIUM, host: 'web' },
    },
    // Not part of the tests: `npm run test:vmms` asks for it by name, with the VMMs that are given to it.
    { name: 'vmms', testDir: './vmms' },
    // Not part of the tests: `npm run bench` asks for it by name.
    { name: 'bench', testDir: './bench', testMatch: '*.bench.ts', use: { ...CHROMIUM, host: 'web' } },
    {
      name: 'stand-in',
      testDir: './window',
      testIgnore: OF_THE_BROWSER,
      use: { ...CHROMIUM, host: 'stand-in' },
    },
    { name: 'shell', testDir: './shell', use: { ...CHROMIUM, host: 'stand-in' } },
    ...(BINARY_ABSENT === null
      ? [
          {
            name: 'electron',
            testDir: './window',
            testIgnore: OF_THE_BROWSER,
            use: { ...CHROMIUM, host: 'electron' as const },
            // Drawn by another Chromium, with other fonts' rasterising.
            ignoreSnapshots: true,
          },
        ]
      : []),
  ],
});
