import { expect, type Page, test } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { fitting, WIDE } from '../models/having.ts';
import { StateFolder } from '../models/state-folder.ts';
import { shown, WebHost } from '../models/tilescope.ts';
import { fromMore, Window } from '../models/window.ts';

const PATHS = fitting(['zmm3', 'k1', 'mxcsr']);

/** How a page ends; each gives the next one of the same browser. */
const ENDS: Readonly<Record<string, (page: Page) => Promise<Page>>> = {
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

  const attached = async (page: Page): Promise<Window> => {
    host = await WebHost.start();
    await page.goto(host.url);
    const window = new Window(page);
    await expect(window.target('reloaded')).toBeVisible();
    await window.attach('reloaded');
    await page.keyboard.press('Alt+2');
    await window.type(`${WIDE}3:f32[1]`, '-6.25');
    await window.apply();
    return window;
  };

  /** What was written is undone: nothing that stands is left to be asked about. */
  const detach = async (page: Page): Promise<void> => {
    await fromMore(page, 'Detach');
    await expect(page.getByRole('listbox', { name: 'Targets' })).toBeVisible();
  };

  test('it is reloaded: the vCPU stands still as before, with every stop, label and pin, and what was written is undone', async ({
    page,
  }) => {
    const found = await show();
    const window = await attached(page);
    await page.getByRole('textbox', { name: /label/i }).fill('mine');
    await page.keyboard.press('Enter');
    await window.type(`${WIDE}3:f32[2]`, '7');
    await page.reload();
    await expect(page.getByTestId('came-back')).toContainText('Loaded again: 2 stops');
    await expect(window.state()).toHaveText(/^Stopped/);
    await expect(page.getByRole('textbox', { name: /label/i })).toHaveValue('mine');
    await expect(window.staged()).toHaveText(/1/);
    await expect(page.getByTestId('orphan')).toHaveCount(0);
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    await expect(page.getByTestId('history-tools')).toContainText('3 stops');
    await detach(page);
    expect(await show()).toEqual(found);
    await guest.progress();
  });

  test('another tab goes on with it, and this one goes back to its first screen', async ({ page, context }) => {
    const found = await show();
    await attached(page);
    const other = await context.newPage();
    await other.goto(new URL(page.url()).origin);
    await expect(new Window(other).target('reloaded')).toContainText('in another tab');
    await other.getByRole('button', { name: 'Go on with it here' }).click();
    await expect(other.getByTestId('came-back')).toContainText('2 stops');
    await expect(page.getByText('goes on in another tab')).toBeVisible();
    await other.keyboard.press('Control+z');
    await expect(other.getByTestId('history-tools')).toContainText('3 stops');
    await detach(other);
    expect(await show()).toEqual(found);
  });

  for (const [how, end] of Object.entries(ENDS)) {
    test(`${how}: the vCPU runs on, and the next page offers to put the state back`, async ({ page }) => {
      const found = await show();
      await attached(page);
      const next = await end(page);
      const banner = next.getByTestId('orphan');
      await expect(banner).toContainText(/vCPU 0 of pid \d+ was left with written edits/);
      expect(await show()).not.toEqual(found);
      await banner.getByRole('button', { name: 'Compare' }).click();
      const dialog = next.getByRole('dialog', { name: 'Orphaned edits' });
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
