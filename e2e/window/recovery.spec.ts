import { expect, test } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { fitting, PICTURED_HAVING, WIDE } from '../models/having.ts';
import { pictured } from '../models/pictured.ts';
import { StateFolder } from '../models/state-folder.ts';
import { shown, WebHost } from '../models/tilescope.ts';
import { Window } from '../models/window.ts';

const PATHS = fitting(['zmm3', 'k1', 'mxcsr'], PICTURED_HAVING);

test.describe('the program that held written edits is killed', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let state: StateFolder;
  test.beforeAll(async () => {
    state = new StateFolder();
    guest = await Guest.start({ name: 'crash', pictured: true });
  });
  const hosts: WebHost[] = [];
  test.afterEach(async () => {
    for (const host of hosts.splice(0)) await host.kill();
  });
  test.afterAll(async () => {
    await guest?.stop();
    state?.giveBack();
  });

  const show = (): Promise<Record<string, unknown>> => shown('--pid', String(guest.pid), ...PATHS);

  test('compare two stops, lose the host, and put the state back at the next start', async ({ page }) => {
    const found = await show();
    const { environment } = await pictured();
    const host = await WebHost.startIn(environment);
    hosts.push(host);
    await page.goto(host.url);
    const window = new Window(page);
    await expect(page.getByTestId('orphans')).toHaveCount(0);
    await expect(window.target('crash')).toBeVisible();
    await window.attach('crash');
    await page.keyboard.press('Alt+2');
    await window.type(`${PICTURED_HAVING.wide}3:f32[1]`, '-6.25');
    await window.apply();

    await page.keyboard.press('Alt+6');
    const compare = page.getByTestId('compare');
    await expect(compare.getByTestId('compare-count')).toContainText('1 component differs');
    await expect(compare.getByRole('row', { name: /xmm3:f32\[1\]/ })).toContainText('6.25');
    await compare.getByRole('button', { name: 'Swap A and B' }).click();
    await expect(compare.getByRole('combobox', { name: 'B' })).toHaveValue('1');
    await compare.getByRole('button', { name: 'Swap A and B' }).click();
    await page.getByRole('textbox', { name: 'Label of stop 2' }).fill('lane written');
    await page.keyboard.press('Enter');
    await expect(compare.getByRole('combobox', { name: 'B' }).getByRole('option').last()).toHaveText(
      'stop 2, lane written',
    );

    await host.kill();
    await guest.counts(0);
    expect(await show()).not.toEqual(found);
    const next = await WebHost.startIn(environment);
    try {
      await page.goto(next.url);
      const banner = page.getByTestId('orphan');
      await expect(banner).toContainText(/vCPU 0 of pid \d+ was left with written edits/);
      await expect(banner).toContainText('The state from before the first write is kept');
      await expect(window.target('crash')).toBeVisible();
      await window.shootLive('orphan');
      await banner.getByRole('button', { name: 'Compare' }).click();
      const dialog = page.getByRole('dialog', { name: 'Orphaned edits' });
      await expect(dialog.getByTestId('differs-SSE')).toBeVisible();
      await window.shootLive('orphan-compared');
      await dialog.getByRole('button', { name: 'Put it back' }).click();
      await expect(dialog).toHaveCount(0);
      await expect(banner).toHaveCount(0);
      await expect(page.getByTestId('orphans').getByRole('status')).toContainText('is as it was');
      await window.shootLive('orphan-recovered');
      expect(await show()).toEqual(found);
      await guest.progress();
    } finally {
      await next.stop();
    }
  });

  test('a guest that ended too is said to be gone, and can only be forgotten', async ({ page }) => {
    const other = await Guest.start({ name: 'ended' });
    const host = await WebHost.start();
    try {
      await page.goto(host.url);
      const window = new Window(page);
      await expect(window.target('ended')).toBeVisible();
      await window.attach('ended');
      await page.keyboard.press('Alt+2');
      await window.type(`${WIDE}3:f32[1]`, '2');
      await window.apply();
    } finally {
      await host.kill();
      await other.stop();
    }
    const next = await WebHost.start();
    try {
      await page.goto(next.url);
      const banner = page.getByTestId('orphan');
      await expect(banner).toContainText('That process is gone');
      await expect(banner.getByRole('button', { name: 'Put it back' })).toHaveCount(0);
      await banner.getByRole('button', { name: 'Forget' }).click();
      await expect(banner).toHaveCount(0);
    } finally {
      await next.stop();
    }
  });
});
