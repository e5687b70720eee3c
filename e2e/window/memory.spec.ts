import { expect } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { test } from '../models/host.ts';
import { resizeTo } from '../models/resize.ts';
import { fromMore, Window } from '../models/window.ts';

test.describe('code and memory of a live vCPU', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'code', inMemory: true });
  });
  test.afterAll(async () => {
    await guest?.stop();
  });

  test('[DA5] [U28] by keyboard alone: the code at RIP, memory at an address, a watched byte of it, and nothing left in QEMU', async ({
    open,
  }) => {
    const words = await guest.monitor('xp /5bx 0x8000');
    const code = [...words.matchAll(/0x([0-9a-f]{2})\b/g)].map(([, byte]) => byte);
    const footprint = guest.footprint();
    const page = await open();
    const window = new Window(page);
    await window.attach('code');

    await expect(page.getByTestId('who')).toHaveText(/^64-bit code, CPL 0 \(kernel\)/);
    await expect(page.locator('[aria-current="step"]')).toContainText(/inc|jmp/);

    await page.keyboard.press('Alt+4');
    const memory = page.getByTestId('memory');
    await expect(memory.getByTestId('memory-proof')).toContainText(/proven by \d+ translations/);
    await memory.getByRole('textbox', { name: 'Base' }).focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('0x8000');
    await page.keyboard.press('Enter');
    const first = memory
      .getByRole('grid', { name: 'Bytes' })
      .getByRole('row')
      .filter({ has: page.locator('[data-memory]') })
      .first();
    await expect(first).toContainText('0000000000008000');
    await expect(first).toContainText(code.join(''));
    await expect(memory.getByRole('table', { name: 'Translation' })).toContainText('2 MiB');
    for (const [width, height] of [
      [1440, 900],
      [1100, 700],
    ] as const) {
      await resizeTo(page, width, height);
      await memory.getByRole('radio', { name: 'Hex' }).click();
      await expect(first).toContainText(code.join(''));
    }

    await memory.getByRole('radio', { name: 'Matrix' }).press('Enter');
    await expect(memory.getByRole('grid', { name: 'Matrix' }).getByRole('rowheader')).toHaveCount(16);
    await memory.getByRole('textbox', { name: 'Base' }).fill('0x40000000');
    await page.keyboard.press('Enter');
    await expect(memory).toContainText('its entry in the PDPT is not present');

    // Watched it is read at the stop, and leaves no more behind.
    await resizeTo(page, 1440, 900);
    await page.keyboard.press('Alt+W');
    const add = page.getByRole('textbox', { name: 'Path to watch' });
    await add.fill('[0x8000]:u8');
    await add.press('Enter');
    const watched = page.locator('[data-watch="[0x8000]:u8"]').getByRole('button');
    await expect(watched).toHaveText(String(Number.parseInt(code[0] ?? '', 16)));

    await fromMore(page, 'Detach');
    await expect(page.getByTestId('targets')).toBeVisible();
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });
});
