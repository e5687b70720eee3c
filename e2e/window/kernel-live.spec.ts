import { expect } from 'playwright/test';
import { KVM_ABSENT } from '../models/guest.ts';
import { test } from '../models/host.ts';
import { KernelGuest } from '../models/kernel-guest.ts';
import { Window } from '../models/window.ts';

test.describe('a live guest whose kernel KASLR has moved, in the window', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let kernel: KernelGuest;
  test.beforeAll(async () => {
    kernel = await KernelGuest.start('moved-kernel', true);
  });
  test.afterAll(async () => kernel?.stop());

  test('[DA8] [DA5] [RC6] [TP6] its file of symbols names code, calls and task; a call leads to its code, and a press breaks there', async ({
    open,
  }) => {
    const footprint = kernel.guest.footprint();
    const page = await open();
    const window = new Window(page);
    await window.attach('moved-kernel');
    await expect(page.getByTestId('who')).toHaveText(/^64-bit code, CPL 0 \(kernel\)/);
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Symbols…' }).click();
    await (await chooser).setFiles(kernel.vmlinux);
    const next = page.locator('[aria-current="step"]');
    await expect(page.getByRole('list', { name: 'Instructions' })).toContainText('default_idle');
    await expect(next).toContainText(/inc|jmp/);
    const names = page.getByRole('list', { name: 'Instructions' });
    const loaded = page.getByRole('textbox', { name: 'Symbols loaded at' });
    await loaded.fill('rsp');
    await loaded.press('Enter');
    await expect(page.getByText('symbols are loaded at an address, not rsp')).toBeVisible();
    await expect(names).toContainText('default_idle');
    await loaded.fill('0x400000');
    await loaded.press('Enter');
    await expect(names).not.toContainText('default_idle');
    await expect(loaded).toBeFocused();
    await loaded.fill('');
    await loaded.press('Enter');
    await expect(names).toContainText('default_idle');

    await page.keyboard.press('Alt+c');
    const calls = page.getByRole('region', { name: 'Calls' });
    await expect(calls.getByTestId('calls-task')).toContainText('task matmul, pid 4243');
    await expect(calls.getByTestId('calls-entry')).toContainText(
      'how the kernel was entered is not known: the symbols',
    );
    await expect(calls.getByRole('listitem')).toHaveCount(4);
    await expect(calls.getByRole('listitem').nth(3)).toContainText('start_kernel');
    await calls.getByRole('button', { name: /^do_idle\+/ }).press('Enter');
    await expect(page.getByRole('list', { name: 'Instructions' })).toContainText('do_idle');
    await page.getByRole('button', { name: 'Back to RIP' }).press('Enter');

    // A press left of the loop's first instruction: the run ends there.
    const loop = page
      .getByRole('listitem')
      .filter({ hasText: /inc QWORD PTR/ })
      .first();
    await loop.locator('.program-gutter').click();
    await page.keyboard.press('F5');
    await expect(window.state()).toHaveText(/^Stopped at breakpoint/);
    await expect(next).toContainText('inc QWORD PTR');
    // A single step knows what it executed, and so is listed as those of a trace are; a run to a breakpoint is not.
    await page.keyboard.press('F11');
    await expect(next).toContainText('jmp');
    await page.keyboard.press('Alt+t');
    const trace = page.getByTestId('trace');
    await expect(trace.getByTestId('trace-count')).toHaveText('1 instruction');
    await expect(trace.getByRole('option')).toContainText('inc QWORD PTR');
    const { threads } = kernel.guest.footprint();
    expect(threads).toEqual(footprint.threads);
  });

  test('[RC4] until an exception: at the first instruction of the handler that its IDT names', async ({ open }) => {
    const page = await open();
    const window = new Window(page);
    await window.attach('moved-kernel');
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Symbols…' }).click();
    await (await chooser).setFiles(kernel.vmlinux);
    const instructions = page.getByRole('list', { name: 'Instructions' });
    await expect(instructions).toContainText('default_idle');
    const dialog = page.getByRole('dialog', { name: 'Run until' });
    const outcome = page.getByTestId('drive-outcome');
    await page.keyboard.press('Control+F5');
    await dialog.getByRole('textbox', { name: 'Condition' }).fill('#UD');
    await expect(dialog).toContainText('the handler that its IDT names');
    await dialog.getByRole('textbox', { name: 'Condition' }).press('Enter');
    // Its loop raises none yet.
    await expect(outcome).toHaveAttribute('data-phase', 'driving');
    kernel.raiseUndefined();
    await expect(outcome).toHaveText('#UD, at the first instruction of its handler');
    await expect(window.state()).toHaveText('Stopped at #UD');
    await expect(page.locator('[aria-current="step"]')).toContainText('hlt');
    await expect(instructions).toContainText('asm_exc_invalid_op');
  });
});
