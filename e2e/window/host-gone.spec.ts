import { expect, type Page, test } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { WIDE } from '../models/having.ts';
import { TilesWindow } from '../models/tiles-window.ts';
import { WebHost } from '../models/tilescope.ts';
import { Window } from '../models/window.ts';

let host: WebHost;
test.beforeEach(async () => {
  host = await WebHost.start();
});
test.afterEach(async () => host?.kill());

const RUN = ['Continue', 'Pause', 'Step', 'Step over', 'Step out', 'Run until…'];

const isOff = async (page: Page, names: readonly string[]): Promise<void> => {
  for (const name of names)
    await expect(page.getByRole('button', { name, exact: true }).first(), name).toHaveAttribute(
      'aria-disabled',
      'true',
    );
};

/** What stands there stays readable, and nothing says that the vCPU is held or that something could be done with it. */
const isGone = async (page: Page): Promise<void> => {
  await expect(new Window(page).state()).toHaveText('Host gone');
  await expect(page.getByTestId('helper-state')).toHaveText('host gone');
  await expect(page.getByTestId('refusal')).toHaveCount(1);
  await isOff(page, RUN);
};

test.describe('the host is killed under an open page', () => {
  test('a frozen guest with a staged edit: it runs on, and neither Apply nor a key does anything', async ({ page }) => {
    test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');
    const guest = await Guest.start({ name: 'hostless' });
    try {
      await page.goto(host.url);
      const window = new Window(page);
      await window.attach('hostless');
      await page.keyboard.press('Alt+2');
      await window.type(`${WIDE}3:f32[1]`, '-6.25');
      await expect(window.staged()).toHaveText(/1 staged/);
      await host.kill();
      await isGone(page);
      await isOff(page, ['Apply']);
      await page.keyboard.press('Control+Enter');
      await page.keyboard.press('F5');
      await expect(window.state()).toHaveText('Host gone');
      await expect(window.staged()).toHaveText(/1 staged/);
      await guest.progress();
    } finally {
      await guest.stop();
    }
  });

  test('a model', async ({ page }) => {
    await page.goto(host.url);
    const window = new TilesWindow(page);
    await window.openModel(0);
    await window.step();
    await host.kill();
    await isGone(page);
    await page.keyboard.press('F10');
    await expect(page.getByTestId('model-step')).toHaveText('1');
  });

  test('the first screen', async ({ page }) => {
    await page.goto(host.url);
    await page.getByRole('listbox', { name: 'Models' }).waitFor();
    await host.kill();
    await expect(page.getByTestId('refusal')).toHaveCount(1);
    await isOff(page, ['Look again for targets', 'Start a demo guest', 'Open file…', 'int8 tile product']);
    // Looked for again by hand, it is not said a second time.
    await page.keyboard.press('Alt+R');
    await expect(page.getByTestId('refusal')).toHaveCount(1);
  });
});
