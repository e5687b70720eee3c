import { test as base, type Page } from 'playwright/test';
import { describedHost, PICTURED } from './described-host.ts';
import { launchBinary, StandInHost } from './electron.ts';
import { pictured } from './pictured.ts';
import { resizeTo } from './resize.ts';
import { builtFresh, WebHost } from './tilescope.ts';

/** The page in a browser, in the window on the stand-in for Electron, and on Electron's own binary. */
export type HostKind = 'web' | 'stand-in' | 'electron';

const SIZE = { width: 1440, height: 900 };

/** Opens Tilescope in the host asked for, at its first screen, with these further words on its command line. */
export type Open = (...words: string[]) => Promise<Page>;

/**
 * The host by name on which the story takes place (described-host.ts); null: this machine. In a run as if on another host every
 * story takes place there: its pictures, which are of its own host, are not compared then.
 */
type Machine = string | null;

const environmentOf = async (machine: Machine): Promise<Readonly<Record<string, string>>> => {
  if (machine === null || process.env.TILESCOPE_TEST_HOST !== undefined) return {};
  if (machine === PICTURED) return (await pictured()).environment;
  await builtFresh();
  return describedHost(machine);
};

/** The stories' test: `open` gives Tilescope's page, and everything started is ended with the test. */
export const test = base.extend<{ open: Open; machine: Machine }, { host: HostKind }>({
  host: ['web', { option: true, scope: 'worker' }],
  machine: [null, { option: true }],
  open: async ({ host, machine, page }, use) => {
    const environment = await environmentOf(machine);
    const ends: (() => Promise<unknown>)[] = [];
    await use(async (...words) => {
      if (host === 'web') {
        const web = await WebHost.startIn(environment, ...words);
        ends.push(() => web.stop());
        await page.goto(web.url);
        return page;
      }
      if (host === 'electron') {
        const app = await launchBinary(words, environment);
        ends.push(app.stop);
        await resizeTo(app.page, SIZE.width, SIZE.height);
        return app.page;
      }
      const app = await StandInHost.start({ words: ['--deterministic', ...words], environment });
      ends.push(() => app.stop());
      const shown = await app.page();
      await resizeTo(shown, SIZE.width, SIZE.height);
      return shown;
    });
    for (const end of ends) await end();
  },
});
