import { readFileSync } from 'node:fs';
import { expect } from 'playwright/test';
import { test } from '../models/host.ts';
import { amxCaptureFile, TilesWindow, valueIn } from '../models/tiles-window.ts';
import { fromMore } from '../models/window.ts';

// Nothing here is this machine's own: the same story, and the same pictures, everywhere.
test.use({ machine: 'stories' });

test('[U21] a file is edited as a vCPU is, in a copy: staged, applied, taken back, saved; the file itself stays', async ({
  open,
}) => {
  const page = await open();
  const window = new TilesWindow(page);
  const file = amxCaptureFile();
  const before = readFileSync(file, 'utf8');
  await window.openCapture(file);
  const element = window.element(0, 2, 3);
  await element.click();
  await page.keyboard.type('-77');
  await page.keyboard.press('Enter');
  await expect(element).toHaveAccessibleName('tmm0[2][3] -77, staged');
  await window.typeRegister('mxcsr', '0x9fc0');
  await expect(window.staged()).toHaveText('2 staged');
  await window.apply();
  await page.keyboard.press('Alt+3');
  await expect(element).toHaveAccessibleName('tmm0[2][3] -77, written and read back');
  await expect(page.getByTestId('stepper-now')).toContainText('stop 2');

  // Saved as another file, which holds what was written, and everything else as it was.
  await page.keyboard.press('Control+Shift+C');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save The whole capture as Capture' }).press('Enter'),
  ]);
  const saved = await download.path();
  await page.keyboard.press('Escape');
  expect([valueIn(saved, 'tmm0:i32[2][3]'), valueIn(saved, 'mxcsr')]).toEqual([-77, '0x00009fc0']);
  for (const same of ['tmm0:i32[2][2]', 'tmm1', 'tmm3', 'fcw', 'rip']) {
    expect(valueIn(saved, same), same).toEqual(valueIn(file, same));
  }
  expect(readFileSync(file, 'utf8')).toBe(before);

  // Another file does not take its place unasked, and closing asks.
  await page.keyboard.press('Control+z');
  await expect(element).not.toHaveAccessibleName(/-77/);
  await page.keyboard.press('Control+Shift+z');
  await expect(element).toHaveAccessibleName(/-77/);
  await fromMore(page, /^Close/);
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('the file itself is as it was opened');
  await dialog.getByRole('button', { name: 'Close without saving' }).press('Enter');
  await page.getByTestId('targets').waitFor();
  expect(readFileSync(file, 'utf8')).toBe(before);
});

test('[U14] a file stands beside the target: its own values, its own view, nothing of it to be written', async ({
  open,
}) => {
  const page = await open();
  const model = new TilesWindow(page);
  const file = amxCaptureFile();
  await model.openModel(0);
  for (let step = 0; step < 18; step += 1) await model.step();
  await page.keyboard.press('Alt+3');
  const own = await model.element(0, 0, 0).getAttribute('aria-label');
  await page.keyboard.press('Control+\\');
  const beside = page.getByTestId('beside');
  const chooser = page.waitForEvent('filechooser');
  await beside.getByRole('button', { name: 'A file beside…' }).press('Enter');
  await (await chooser).setFiles(file);
  await expect(beside.getByTestId('beside-what')).toContainText('tiles.json: to be read, not edited');
  const theirs = beside.getByRole('gridcell', { name: /^tmm0\[0\]\[0\] / });
  await expect(theirs).toHaveAccessibleName(new RegExp(`^tmm0\\[0\\]\\[0\\] ${valueIn(file, 'tmm0:i32[0][0]')}`));
  await theirs.click();
  await page.keyboard.type('5');
  await page.keyboard.press('Enter');
  await expect(model.staged()).toHaveCount(0);
  // A step of the model goes on in front, and leaves what stands beside as it is.
  await page.keyboard.press('F10');
  await expect(beside.getByTestId('beside-what')).toContainText('tiles.json');
  await expect(page.getByTestId('centre').getByRole('gridcell', { name: /^tmm0\[0\]\[0\] / })).toHaveAccessibleName(
    own ?? '',
  );
});
