import { expect } from 'playwright/test';
import { test } from '../models/host.ts';
import { resizeTo } from '../models/resize.ts';
import { amxCaptureFile, TilesWindow, valueIn } from '../models/tiles-window.ts';

// Nothing here is this machine's own: the same story, and the same pictures, everywhere.
test.use({ machine: 'stories' });

test('tiles of a recorded guest are matrices that can be walked and read', async ({ open }) => {
  const page = await open();
  const tiles = new TilesWindow(page);
  await tiles.openCapture(amxCaptureFile());
  await expect(page.getByTestId('tilecfg-rules')).toHaveText('6 of 6 rules hold');
  await expect(tiles.element(0, 0, 0)).toHaveAccessibleName(/^tmm0\[0\]\[0\] 39740/);
  await tiles.element(0, 0, 0).click();
  await page.keyboard.press('End');
  await expect(tiles.element(0, 0, 11)).toBeFocused();
  await page.keyboard.press('Control+End');
  await expect(tiles.element(0, 7, 11)).toBeFocused();
  await page.keyboard.press('Control+Home');
  await expect(tiles.element(0, 0, 0)).toBeFocused();
  await tiles.shoot('tiles-int32');
});

test('the types go round with T, and the heat map comes with H', async ({ open }) => {
  const page = await open();
  const tiles = new TilesWindow(page);
  const file = amxCaptureFile();
  await tiles.openCapture(file);
  await page.getByRole('tab', { name: /^tmm3 / }).click();
  await page.getByRole('radio', { name: 'fp32', exact: true }).click();
  await expect(tiles.element(3, 0, 0)).toHaveAccessibleName(/^tmm3\[0\]\[0\] 67\.25/);
  await tiles.element(3, 0, 0).click();
  await page.keyboard.press('h');
  await page.keyboard.press('h');
  await expect(page.getByRole('radio', { name: 'Heat', exact: true })).toHaveAttribute('aria-checked', 'true');
  await tiles.shoot('tiles-heat');
  // No number is drawn: each is said where the pointer is.
  const bits = valueIn(file, 'tmm3:u32[1][2]') as number;
  const value = new Float32Array(Uint32Array.of(bits).buffer)[0];
  await tiles.element(3, 1, 2).hover();
  await expect(tiles.element(3, 1, 2)).toHaveAttribute('title', `tmm3[1][2] ${value}`);
  await tiles.element(3, 0, 0).focus();
  await page.keyboard.press('t');
  await expect(page.getByRole('grid', { name: /^tmm3 as/ })).toHaveAccessibleName(/^tmm3 as i8, 8 rows, 48 columns/);
  // A block is selected with Shift, and copied as a spreadsheet takes it.
  await tiles.element(3, 0, 0).focus();
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowDown');
  const copied = await page.evaluate(() => {
    const clipboardData = new DataTransfer();
    document.activeElement?.dispatchEvent(
      new ClipboardEvent('copy', { clipboardData, bubbles: true, cancelable: true }),
    );
    return clipboardData.getData('text/plain');
  });
  expect(copied).toMatch(/^-?\d+\t-?\d+\n-?\d+\t-?\d+\n$/);
});

test('the product check finds the one element that was planted wrong', async ({ open }) => {
  const page = await open();
  const tiles = new TilesWindow(page);
  const WRONG = 3 * 64 + 5 * 4;
  const OUTSIDE = 12 * 64 + 8;
  await tiles.openCapture(amxCaptureFile({ [WRONG]: 0xfc, [OUTSIDE]: 7 }));
  await page.getByRole('button', { name: 'Check a product' }).click();
  await expect(page.getByTestId('product-verdict')).toHaveText('1 of 96 differ');
  await expect(page.getByTestId('difference')).toHaveCount(1);
  await expect(page.getByTestId('difference')).toContainText('−20996');
  await expect(page.getByTestId('difference')).toContainText('−21060');
  await page.getByTestId('difference').getByRole('button').click();
  await expect(tiles.element(0, 3, 5)).toHaveAccessibleName(/differs from the product$/);
  await expect(page.getByTestId('outside')).toHaveText('1 byte there is not zero');
  // B is un-interleaved to the matrix that the programmer means.
  await page.getByRole('tab', { name: /^tmm2 / }).click();
  await expect(page.getByRole('grid', { name: 'tmm2 as i8, 16 rows, 12 columns' })).toBeVisible();
  await page.getByRole('tab', { name: /^tmm0 / }).click();
  await tiles.element(0, 3, 5).click();
  await tiles.shoot('tiles-product');
  await page.mouse.move(0, 0);
  await resizeTo(page, 1100, 700);
  await expect(page).toHaveScreenshot('tiles-product-1100x700.png');
});

test('[M8] a product on whose sum public texts disagree says on which it rests', async ({ open }) => {
  const page = await open();
  const tiles = new TilesWindow(page);
  await tiles.openCapture(amxCaptureFile({}));
  await page.getByRole('button', { name: 'Check a product' }).click();
  const rests = page.getByTestId('product-rests-on');
  await expect(rests).toHaveCount(0);
  await page.getByLabel('Instruction').selectOption('TDPHF8PS');
  await expect(rests).toContainText('Rests on Intel’s ISE 319433-057');
});
