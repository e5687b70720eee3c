import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { _electron, test as base, type Page } from 'playwright/test';
import { WebHost } from './tilescope.ts';

export type HostKind = 'web' | 'electron';

const ROOT = join(import.meta.dirname, '../..');
const ELECTRON = join(process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(ROOT, 'node_modules/electron/dist'), 'electron');

/** Why the stories cannot run in Electron's window here, or null. */
export const ELECTRON_ABSENT = existsSync(ELECTRON)
  ? null
  : "Electron's binary is not here: the stories run on the web host alone";

/** Opens Tilescope in the host asked for, at its first screen, with these further words on its command line. */
export type Open = (...words: string[]) => Promise<Page>;

/** The stories' test: `open` gives Tilescope's page, and everything started is ended with the test. */
export const test = base.extend<{ open: Open }, { host: HostKind }>({
  host: ['web', { option: true, scope: 'worker' }],
  open: async ({ host, page }, use) => {
    const ends: (() => Promise<unknown>)[] = [];
    await use(async (...words) => {
      if (host === 'web') {
        const web = await WebHost.start(...words);
        ends.push(() => web.stop());
        await page.goto(web.url);
        return page;
      }
      const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
      const app = await _electron.launch({
        executablePath: ELECTRON,
        args: [ROOT, '--deterministic', ...root, ...words],
        colorScheme: 'dark',
      });
      ends.push(() => app.close());
      const shown = await app.firstWindow();
      await shown.setViewportSize({ width: 1440, height: 900 });
      return shown;
    });
    for (const end of ends) await end();
  },
});
