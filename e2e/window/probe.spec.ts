import { test } from 'playwright/test';
import { Guest } from '../models/guest.ts';
import { WebHost } from '../models/tilescope.ts';
test('probe', async ({ page }) => {
  const guest = await Guest.start({ name: 'amx-lab', vcpus: 2 });
  const host = await WebHost.start();
  try {
    page.on('console', (m) => console.log('console', m.text()));
    page.on('pageerror', (m) => console.log('pageerror', m));
    await page.goto(host.url);
    await page.waitForTimeout(1500);
    await page.screenshot({ path: '/tmp/p1.png' });
    console.log(await page.locator('body').ariaSnapshot());
    await page.getByRole('button', { name: 'Attach', exact: true }).click();
    await page.waitForTimeout(1500);
    await page.screenshot({ path: '/tmp/p2.png' });
    console.log(await page.locator('body').ariaSnapshot());
    await page.keyboard.press('Alt+2');
    await page.waitForTimeout(500);
    await page.screenshot({ path: '/tmp/p3.png' });
    console.log((await page.locator('body').ariaSnapshot()).slice(0, 9000));
  } finally {
    await host.stop();
    await guest.stop();
  }
});
