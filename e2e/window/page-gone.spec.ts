import { expect, type Page, test } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { fitting, WIDE } from '../models/having.ts';
import { StateFolder } from '../models/state-folder.ts';
import { shown, WebHost } from '../models/tilescope.ts';
import { Window } from '../models/window.ts';

const PATHS = fitting(['zmm3', 'k1', 'mxcsr']);

/** How a page ends; each gives the next one of the same browser. */
const ENDS: Readonly<Record<string, (page: Page) => Promise<Page>>> = {
  'it is reloaded': async (page) => {
    await page.reload();
    return page;
  },
  'its tab is closed': async (page) => {
    const [{ origin }, context] = [new URL(page.url()), page.context()];
    await page.close();
    const next = await context.newPage();
    await next.goto(origin);
    return next;
  },
  'its process crashes': async (page) => {
    const [{ origin }, context] = [new URL(page.url()), page.context()];
    const crashed = page.waitForEvent('crash');
    // The navigation never ends: the process that would make it dies.
    void page.goto('chrome://crash').catch(() => undefined);
    await crashed;
    const next = await context.newPage();
    await next.goto(origin);
    return next;
  },
};

test.describe('the page that held written edits goes, and Tilescope stays', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let host: WebHost;
  let state: StateFolder;
  test.beforeAll(async () => {
    state = new StateFolder();
    guest = await Guest.start({ name: 'reloaded' });
  });
  test.afterEach(async () => host?.kill());
  test.afterAll(async () => {
    await guest?.stop();
    state?.giveBack();
  });

  const show = (): Promise<Record<string, unknown>> => shown('--pid', String(guest.pid), ...PATHS);

  for (const [how, end] of Object.entries(ENDS)) {
    test(`${how}: the vCPU runs on, and the next page offers to put the state back`, async ({ page }) => {
      const found = await show();
      host = await WebHost.start();
      await page.goto(host.url);
      const window = new Window(page);
      await expect(window.target('reloaded')).toBeVisible();
      await window.attach('reloaded');
      await page.keyboard.press('Alt+2');
      await window.type(`${WIDE}3:f32[1]`, '-6.25');
      await window.apply();

      const next = await end(page);
      const banner = next.getByTestId('left-over');
      await expect(banner).toContainText(/vCPU 0 of pid \d+ was left with written edits/);
      expect(await show()).not.toEqual(found);
      await banner.getByRole('button', { name: 'Compare' }).click();
      const dialog = next.getByRole('dialog', { name: 'Left over edits' });
      await expect(dialog.getByTestId('differs-SSE')).toBeVisible();
      await dialog.getByRole('button', { name: 'Put it back' }).click();
      await expect(banner).toHaveCount(0);
      expect(await show()).toEqual(found);
      await guest.progress();
      // Nothing of the page that went is in the way.
      await new Window(next).attach('reloaded');
    });
  }
});
