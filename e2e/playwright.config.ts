import { defineConfig } from 'playwright/test';

/**
 * Two projects: `live` drives the command line against real QEMU guests and needs no browser; `window` drives the page of the
 * web host in Debian's Chromium. Screenshots have one baseline for both themes each, made in one pinned environment.
 */
export default defineConfig({
  testDir: '.',
  outputDir: './results',
  fullyParallel: false,
  workers: 1,
  retries: 0,
  timeout: 120_000,
  forbidOnly: true,
  reporter: [['list'], ['json', { outputFile: './results/report.json' }]],
  snapshotPathTemplate: '{testDir}/shots/{arg}{ext}',
  expect: { timeout: 10_000, toHaveScreenshot: { maxDiffPixelRatio: 0.001, animations: 'disabled', caret: 'hide' } },
  projects: [
    { name: 'live', testMatch: 'live/**/*.spec.ts' },
    {
      name: 'window',
      testMatch: 'window/**/*.spec.ts',
      use: {
        browserName: 'chromium',
        viewport: { width: 1440, height: 900 },
        launchOptions: {
          executablePath: '/usr/bin/chromium',
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
      },
    },
  ],
});
