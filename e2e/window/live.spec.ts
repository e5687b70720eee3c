import { expect } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { WIDE } from '../models/having.ts';
import { test } from '../models/host.ts';
import { fromMore, Window } from '../models/window.ts';

test.describe('a vCPU that runs', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'live' });
  });
  test.afterAll(async () => {
    await guest?.stop();
  });

  test('is captured ten times a second while an editor stays open, and frozen once RIP moves', async ({ open }) => {
    const footprint = guest.footprint();
    const page = await open();
    // Tests open a page whose pictures are the same twice, which never refreshes by itself; this one is to.
    await page.evaluate(() => document.documentElement.removeAttribute('data-deterministic'));
    const window = new Window(page);
    await expect(window.target('live')).toBeVisible();
    await window.attach('live');
    await window.continue();

    await page.getByTestId('live').click();
    await page.getByRole('menuitemradio', { name: '10 Hz' }).click();
    const track = page.getByRole('slider', { name: 'Stop' });
    const stops = async (): Promise<number> => Number(await track.getAttribute('aria-valuemax'));
    await expect.poll(stops).toBeGreaterThan(3);

    await page.keyboard.press('Alt+2');
    await window.jump(`${WIDE}3:f32[1]`);
    await expect(window.cell(`${WIDE}3:f32[1]`)).toBeFocused();
    const before = await stops();
    await page.keyboard.type('-6.');
    await expect.poll(stops).toBeGreaterThan(before + 3);
    await page.keyboard.type('25');
    await page.keyboard.press('Enter');
    await expect(window.staged()).toHaveText(/1 staged/);
    await window.apply();
    await page.keyboard.press('Control+F8');
    await expect(page.getByTestId('live')).toContainText('off');

    await page.keyboard.press('Control+F5');
    const dialog = page.getByRole('dialog', { name: /^Run until/ });
    await dialog.getByRole('radio', { name: /register/i }).check();
    await dialog.getByRole('textbox', { name: 'Register or element' }).fill('rip');
    await dialog.getByTestId('run-until-start').click();
    await expect(page.getByTestId('run-until')).toHaveAttribute('data-phase', 'held');
    await expect(window.state()).toHaveText(/^Stopped/);

    await fromMore(page, 'Detach');
    await page.getByRole('dialog').getByRole('button', { name: 'Restore and detach' }).click();
    await expect(page.getByTestId('targets')).toBeVisible();
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });
});
