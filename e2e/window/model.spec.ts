import { expect } from 'playwright/test';
import { test } from '../models/host.ts';
import { TilesWindow } from '../models/tiles-window.ts';
import { fromMore } from '../models/window.ts';

// Nothing here is this machine's own: the same story, and the same pictures, everywhere.
test.use({ machine: 'stories' });

test('the int8 program is stepped by keyboard alone until its tiles hold a product', async ({ open }) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  await expect(page.getByTestId('toolbar')).toContainText('model');
  for (let step = 0; step < 20; step += 1) await model.step();
  await expect(model.element(0, 0, 0)).toHaveAccessibleName(/^tmm0\[0\]\[0\] -?\d+/);
  await expect(page.locator('[aria-current="step"]')).toHaveCount(1);
  await model.shoot('tiles-model');
  // TILERELEASE ends the program: the tiles are in init, and every stop before it is still there.
  await page.keyboard.press('F5');
  await expect(page.getByText('halted', { exact: true })).toBeVisible();
  await expect(page.getByTestId('tilecfg')).toContainText('TILECFG is in init');
  await page.keyboard.press('Alt+ArrowLeft');
  await page.keyboard.press('Alt+ArrowLeft');
  await expect(page.getByTestId('tilecfg-rules')).toHaveText('6 of 6 rules hold');
  // The run is taken back, and the model goes on where it began; what it did is not lost unasked.
  await page.getByRole('button', { name: 'Take the run back' }).click();
  await expect(page.getByText('halted', { exact: true })).toHaveCount(0);
  await expect(model.element(0, 0, 0)).toHaveAccessibleName(/^tmm0\[0\]\[0\] -?\d+/);
  await fromMore(page, 'Close');
  await expect(page.getByRole('dialog', { name: 'Close int8 tile product?' })).toContainText('21 stops');
  await page.getByRole('button', { name: 'Close without saving' }).click();
  await expect(page.getByRole('listbox', { name: 'Targets' }).or(page.getByText('No process here'))).toBeVisible();
});

test('a first use under armed XFD takes #NM, and disarmed by hand it does not', async ({ open }) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(3);
  const event = page.getByTestId('model-event');
  for (let step = 0; step < 20 && !(await event.isVisible()); step += 1) await model.step();
  await expect(event).toContainText('#NM');
  await page.keyboard.press('Alt+5');
  await expect(page.getByTestId('xfd-sentence')).toContainText('raises #NM and XFD_ERR becomes 0x40000');
  await model.shoot('xfd-armed');
  const arming = page.getByRole('switch', { name: 'XFD arms TILEDATA' });
  await arming.focus();
  await page.keyboard.press('Space');
  await expect(page.getByText('Disarmed, staged')).toBeVisible();
  await page.keyboard.press('Control+Enter');
  await expect(arming).toHaveAttribute('aria-checked', 'false');
  await expect(page.getByTestId('xfd-sentence')).toContainText('it executes');
  await page.keyboard.press('Alt+3');
  await page.keyboard.press('F5');
  await expect(page.getByText('halted', { exact: true })).toBeVisible();
});

test('an element staged under armed XFD is refused in place, and staged as any other once XFD is disarmed with it', async ({
  open,
}) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(3);
  const event = page.getByTestId('model-event');
  for (let step = 0; step < 20 && !(await event.isVisible()); step += 1) await model.step();
  const element = model.element(2, 2, 3);
  await element.focus();
  await page.keyboard.type('-77');
  await page.keyboard.press('Enter');
  await expect(element).toHaveAccessibleName('tmm2[2][3] -77, staged, refused');
  await element.hover();
  await expect(element).toHaveAttribute('title', /refused: bit 18 \(TILEDATA\) of XSTATE_BV is armed by IA32_XFD/);
  await page.mouse.move(0, 0);
  await model.shoot('tiles-refused');
  await page.keyboard.press('Alt+5');
  await page.getByRole('switch', { name: 'XFD arms TILEDATA' }).focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Alt+3');
  await expect(element).toHaveAccessibleName('tmm2[2][3] -77, staged');
  await model.apply();
  await expect(element).toHaveAccessibleName('tmm2[2][3] -77, written and read back');
});

test('arming over tiles in use is refused, and put to init first it is done in one write', async ({ open }) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  for (let step = 0; step < 16; step += 1) await model.step();
  await page.keyboard.press('Alt+5');
  await page.getByRole('switch', { name: 'XFD arms TILEDATA' }).focus();
  await page.keyboard.press('Space');
  await expect(page.getByTestId('arming-guard')).toContainText('Arming over tiles in use is refused');
  await expect(page.getByRole('button', { name: 'Apply' })).toHaveAttribute('aria-disabled', 'true');
  await model.shoot('xfd-guard');
  await page.getByRole('button', { name: 'Put to init first' }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByTestId('xfd-sentence')).toContainText('raises #NM');
  await page.keyboard.press('Alt+3');
  await expect(page.getByText('TILEDATA is in init')).toBeVisible();
});

test('an element typed over and a block pasted are written once and read back', async ({ open }) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  for (let step = 0; step < 20; step += 1) await model.step();
  await model.element(0, 2, 3).focus();
  await page.keyboard.type('-77');
  await page.keyboard.press('Enter');
  await expect(model.element(0, 2, 3)).toHaveAccessibleName('tmm0[2][3] -77, staged');
  await page.keyboard.press('ArrowDown');
  await expect(model.element(0, 3, 3)).toBeFocused();
  await page.evaluate(() => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', '1\t2\n3\t-4\n');
    document.activeElement?.dispatchEvent(
      new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }),
    );
  });
  await expect(model.element(0, 4, 4)).toHaveAccessibleName('tmm0[4][4] -4, staged');
  await expect(model.staged()).toHaveText('5 staged');
  await page.mouse.move(0, 0);
  await model.shoot('tiles-staged');
  await model.apply();
  await expect(model.element(0, 4, 4)).toHaveAccessibleName('tmm0[4][4] -4, written and read back');
  await expect(model.element(0, 2, 3)).toHaveAccessibleName('tmm0[2][3] -77, written and read back');
});

test('TILECFG is edited where it stands, and what palette 1 forbids is refused in place', async ({ open }) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  for (let step = 0; step < 20; step += 1) await model.step();
  await model.openRules();
  const rows = page.getByRole('button', { name: /^tilecfg\.rows\[2\] / });
  await rows.focus();
  await page.keyboard.type('17');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('palette 1 allows 16');
  await page.keyboard.press('Escape');
  await rows.focus();
  await page.keyboard.type('9');
  await page.keyboard.press('Enter');
  await expect(rows).toHaveAccessibleName('tilecfg.rows[2] 9, staged');
  await page.keyboard.press('Control+Enter');
  await expect(rows).toHaveAccessibleName('tilecfg.rows[2] 9, written and read back');
});
