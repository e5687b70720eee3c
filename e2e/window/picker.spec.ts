import { expect } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { test } from '../models/host.ts';
import { fromMore, Window } from '../models/window.ts';

test.describe('Enter on the first screen', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'picker', vcpus: 1 });
  });
  test.afterAll(async () => {
    await guest?.stop();
  });

  test('[U9] does nothing by itself, and attaches without freezing once a row was chosen by hand', async ({ open }) => {
    const page = await open();
    const window = new Window(page);
    await expect(window.target('picker')).toBeVisible();
    const others = await window.otherGuests();
    if (others !== null) console.log(`not run: Enter on the first screen: ${others}`);
    test.skip(others !== null, others ?? '');
    await expect(window.target('picker')).toHaveAttribute('aria-selected', 'true');
    await expect(page.locator(':focus')).toHaveCount(0);
    for (const key of ['Enter', 'Control+Enter', 'Space']) await page.keyboard.press(key);
    await expect(page.getByTestId('targets')).toBeVisible();
    await window.target('picker').click();
    await page.keyboard.press('Enter');
    await expect(window.state()).toHaveText('Running');
    await fromMore(page, 'Detach');
    await expect(page.getByTestId('targets')).toBeVisible();
  });

  test('[U9] a guest that is started later comes into the list by itself, and goes with its process', async ({
    open,
  }) => {
    const page = await open();
    const window = new Window(page);
    await expect(window.target('picker')).toBeVisible();
    // Tests open a page that never looks again by itself; the first screen after this one does.
    await page.evaluate(() => document.documentElement.removeAttribute('data-deterministic'));
    await page.getByRole('option', { name: /^int8 tile product/ }).dblclick();
    await expect(page.getByTestId('program')).toBeVisible();
    await fromMore(page, 'Close');
    await expect(page.getByTestId('targets')).toBeVisible();
    await expect(window.target('late')).toHaveCount(0);
    const late = await Guest.start({ name: 'late', vcpus: 1 });
    try {
      await expect(window.target('late')).toBeVisible();
    } finally {
      await late.stop();
    }
    await expect(window.target('late')).toHaveCount(0);
    await expect(window.target('picker')).toBeVisible();
  });

  test('the page finds everything it asks for, its icon too', async ({ open, page }) => {
    const missing: string[] = [];
    page.on('response', (response) => {
      if (response.status() >= 400) missing.push(`${response.status()} ${response.url()}`);
    });
    const shown = await open();
    await expect(shown.getByTestId('targets')).toBeVisible();
    const icon = await shown.evaluate(async () => {
      const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
      const response = await fetch(link?.href ?? '');
      return { ok: response.ok, type: response.headers.get('content-type') };
    });
    expect(icon).toEqual({ ok: true, type: 'image/svg+xml' });
    expect(missing).toEqual([]);
  });
});

test.describe('a guest whose vCPUs have gaps between their numbers', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'gaps', more: ['-smp', '6,sockets=2,cores=3'] });
  });
  test.afterAll(async () => guest?.stop());

  test('[C60] is offered each by both its numbers, and the one that was chosen is attached to', async ({ open }) => {
    const page = await open();
    const window = new Window(page);
    await window.target('gaps').click();
    const offered = page.getByRole('radiogroup', { name: 'vCPU to attach to' }).getByRole('radio');
    await expect(offered).toHaveCount(6);
    expect(await offered.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')))).toEqual([
      ...['vCPU 0', 'vCPU 1', 'vCPU 2'],
      ...[3, 4, 5].map((cpu) => `vCPU ${cpu + 1}, the VMM’s CPU ${cpu}`),
    ]);
    await offered.nth(3).click();
    await page.getByRole('button', { name: 'Attach and stop' }).press('Enter');
    await expect(window.state()).toHaveText(/^Stopped/);
    await expect(page.getByRole('button', { name: 'vCPU 4 of 6' })).toBeVisible();
  });
});
