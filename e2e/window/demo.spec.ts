import { expect } from 'playwright/test';
import { KVM_ABSENT } from '../models/guest.ts';
import { test } from '../models/host.ts';
import { fromMore, Window } from '../models/window.ts';

test.describe('the demo guest', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  test('is started from the picker, attached to, edited and let go', async ({ open }) => {
    const page = await open();
    const window = new Window(page);
    // Where no guest runs the empty list offers it too.
    await page.getByRole('button', { name: 'Start a demo guest' }).first().click();
    await expect(window.target('demo-vmm')).toHaveAttribute('aria-selected', 'true');
    await window.target('demo-vmm').click();
    await page.keyboard.press('Enter');
    await expect(window.state()).toHaveText('Running');
    await window.freeze();
    // Every program that is chosen unasked is 64-bit code, whose page tables prove where its memory is.
    const code = page.getByRole('list', { name: 'Instructions' });
    await expect(code.locator('[aria-current="step"]')).toBeVisible();
    const cut = await code
      .locator('.program-line > .text-3')
      .evaluateAll((cells) =>
        cells.filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent),
      );
    expect(cut).toEqual([]);
    await page.keyboard.press('Alt+2');
    await window.jump('xmm2:u32[0]');
    await expect(page.locator('[role="gridcell"]:focus')).toBeVisible();
    await page.keyboard.press('Enter');
    await page.keyboard.type('77');
    await page.keyboard.press('Enter');
    await expect(window.staged()).toHaveText(/1 staged/);
    await window.apply();
    await fromMore(page, 'Detach');
    await page.getByRole('dialog').getByRole('button', { name: 'Restore and detach' }).click();
    await expect(window.target('demo-vmm')).toBeVisible();
  });
});
