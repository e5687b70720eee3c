import { expect } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { test } from '../models/host.ts';
import { fromMore, Window } from '../models/window.ts';

/** In the code of e2e/guest/rom.S with CALLS: a call, what stands behind it, the jump back, and the function. */
const CALL = '0x8003';
const BEHIND_CALL = '0x8008';
const JUMP = '0x800a';
const FUNCTION = '0x800c';
const TRACED = 40;

test.describe('functions of a live QEMU guest in the window', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'calls', inMemory: true, calls: true });
  });
  test.afterAll(async () => {
    await guest?.stop();
  });

  test('[RC6] [RC9] by keyboard alone: over a call, into it and out of it, to a line, and traced', async ({ open }) => {
    const footprint = guest.footprint();
    const page = await open();
    const window = new Window(page);
    await window.attach('calls');
    const outcome = page.getByTestId('drive-outcome');
    const next = page.locator('[aria-current="step"]');
    const standsAt = async (address: string): Promise<void> => {
      await expect(next).toHaveAttribute('data-address', address);
    };
    const runTo = async (address: string): Promise<void> => {
      await page.keyboard.press('Control+F5');
      const condition = page.getByRole('dialog', { name: 'Run until' }).getByRole('textbox', { name: 'Condition' });
      await condition.fill(`rip == ${address}`);
      await condition.press('Enter');
      await standsAt(address);
    };

    await runTo(CALL);
    await page.keyboard.press('F10');
    await standsAt(BEHIND_CALL);
    await expect(outcome).toHaveText('one instruction');
    await runTo(CALL);
    await page.keyboard.press('F11');
    await standsAt(FUNCTION);
    await page.keyboard.press('Shift+F11');
    await standsAt(BEHIND_CALL);
    await expect(outcome).toContainText('out of the function');
    await page.locator(`[data-address="${JUMP}"]`).focus();
    await page.keyboard.press('Control+F10');
    await standsAt(JUMP);

    await page.keyboard.press('Alt+t');
    const trace = page.getByTestId('trace');
    const made = async (): Promise<number> =>
      Number.parseInt((await trace.getByTestId('trace-count').textContent()) ?? '', 10);
    const before = await made();
    const many = trace.getByRole('textbox', { name: 'How many instructions to trace' });
    await many.fill(String(TRACED));
    await many.press('Enter');
    await expect.poll(made).toBe(before + TRACED);
    const chosen = trace.getByRole('option', { selected: true });
    const last = await chosen.textContent();
    await page.keyboard.press('Alt+ArrowLeft');
    await expect(chosen).not.toHaveText(last ?? '');
    await trace.getByRole('searchbox').fill('call');
    await expect(trace.getByTestId('trace-count')).toHaveText(/^[1-9]\d* of \d+ instructions$/);

    await fromMore(page, 'Detach');
    await expect(page.getByTestId('targets')).toBeVisible();
    await guest.progress();
    expect(guest.footprint()).toEqual(footprint);
  });
});
