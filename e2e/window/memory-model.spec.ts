import { expect } from 'playwright/test';
import { test } from '../models/host.ts';
import { resizeTo } from '../models/resize.ts';
import { TilesWindow } from '../models/tiles-window.ts';

test('[DA6] memory of a model by keyboard alone: read, edited with a register, undone in one order, beside a tile', async ({
  open,
}) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  await page.keyboard.press('Alt+4');
  const memory = page.getByTestId('memory');
  await expect(memory.getByTestId('memory-proof')).toHaveText('held by the model');
  await memory.getByRole('textbox', { name: 'Base' }).focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('0x403000');
  await page.keyboard.press('Enter');
  const at = (address: string) => memory.getByRole('gridcell', { name: new RegExp(`^${address} `) });
  await expect(at('403000')).toBeVisible();
  const name = async (address: string): Promise<string> => (await at(address).getAttribute('aria-label')) ?? '';
  const found = [await name('403011'), await name('403012')];

  await at('403000').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await expect(at('403011')).toBeFocused();
  await page.keyboard.type('fe');
  await page.keyboard.press('Enter');
  await expect(at('403011')).toHaveAccessibleName('403011 fe, staged');
  await expect(at('403011')).toBeFocused();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.type('zz');
  await page.keyboard.type('aa1');
  await page.keyboard.press('Enter');
  await expect(memory.getByRole('alert').first()).toContainText('u8');
  await page.keyboard.press('Escape');
  await page.keyboard.type('a1');
  await page.keyboard.press('Tab');
  await expect(at('403012')).toHaveAccessibleName('403012 a1, staged');
  await expect(at('403013')).toBeFocused();
  await expect(model.staged()).toHaveText('2 staged');
  await page.mouse.move(0, 0);
  await model.shoot('memory-model-staged');

  await model.apply();
  await expect(at('403012')).toHaveAccessibleName('403012 a1, written and read back');
  await page.keyboard.press('Control+Z');
  await expect(at('403012')).toHaveAccessibleName(`${found[1]}, written and read back`);
  await expect(at('403011')).toHaveAccessibleName(`${found[0]}, written and read back`);
  await page.keyboard.press('Control+Shift+Z');
  await expect(at('403012')).toHaveAccessibleName(/^403012 a1/);

  // From here on beside a tile that was not loaded yet, then as it is.
  for (let step = 0; step < 20; step += 1) await model.step();
  await at('403000').focus();
  await memory.getByRole('combobox', { name: 'Compare with a tile' }).selectOption('tmm4');
  // Rows that follow one another are not those of the load.
  await expect(memory.getByTestId('memory-verdict')).toContainText(/\d+ of 1024 differ from tmm4/);
  await memory.getByRole('textbox', { name: 'Stride' }).fill('r8');
  await page.keyboard.press('Enter');
  await expect(memory.getByTestId('memory-verdict')).toContainText('memory holds what tmm4 holds');
  await resizeTo(page, 1100, 700);
  await expect(memory.getByTestId('memory-verdict')).toBeVisible();
});

test('[U15] X writes one element of memory in another base: in its name, in the line below, and in its cell where it fits', async ({
  open,
}) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  await page.keyboard.press('Alt+4');
  const memory = page.getByTestId('memory');
  await memory.getByRole('textbox', { name: 'Base' }).fill('0x403000');
  await page.keyboard.press('Enter');
  const cell = memory.locator('[data-memory="0 0"]');
  const below = memory.getByTestId('memory-based');
  const hex = async (count: number): Promise<Buffer> =>
    Buffer.from((await memory.locator('[data-memory^="0 "]').allTextContents()).slice(0, count).join(''), 'hex');
  // What was there before is shown until this was read.
  await expect(cell).toHaveAccessibleName(/^403000 /);
  await cell.focus();
  const bytes = await hex(4);
  const widthPx = async (): Promise<number> => (await memory.getByRole('grid').boundingBox())?.width ?? 0;
  const wide = await widthPx();
  const first = bytes.readUInt8(0);
  await page.keyboard.press('x');
  await expect(cell).toHaveText(String(first));
  await expect(cell).toHaveAccessibleName(`403000 ${first}`);
  expect(await widthPx()).toBe(wide);
  await page.keyboard.press('x');
  await expect(cell).toHaveAccessibleName(`403000 ${bytes.readInt8(0)}`);
  await page.keyboard.press('x');
  await expect(below).toHaveText(/^0b[01]{4}_[01]{4}$/);
  // It finds no room in the cell, and its neighbour stays as it is.
  await expect(cell).toHaveText(bytes.toString('hex').slice(0, 2));
  await page.keyboard.press('ArrowRight');
  await expect(below).toHaveCount(0);
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('x');
  await expect(cell).toHaveAccessibleName(`403000 ${bytes.toString('hex').slice(0, 2)}`);
  // As a value, and in a matrix.
  await memory.getByRole('radio', { name: 'Matrix' }).click();
  await memory.getByRole('radio', { name: 'int8', exact: true }).click();
  await expect(cell).toHaveAccessibleName(`403000 ${bytes.readInt8(0)}`);
  await cell.focus();
  await page.keyboard.press('x');
  await expect(cell).toHaveText(`0x${bytes.toString('hex').slice(0, 2)}`);
  await expect(below).toHaveText(`0x${bytes.toString('hex').slice(0, 2)}`);
});

test('[DA5] what the next instruction of a model does: registers underlined, its tile beside memory, and an XSAVE area', async ({
  open,
}) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  await page.getByRole('tab', { name: 'General' }).click();
  const next = (what: string) => page.getByTitle(`the next instruction ${what} it`);
  const uses = page.locator('[aria-current="step"] .program-uses');
  await expect(next('writes')).toHaveText(['rdi']);
  await model.step();
  await expect(uses).toContainText('64 at 0x402000');
  await expect(uses.getByTestId('tile-config')).toBeVisible();
  await expect(next('reads')).toHaveText(['rdi']);
  while (!(await page.locator('[aria-current="step"]').textContent())?.includes('tileloadd tmm4')) await model.step();
  await expect(next('writes')).toHaveText(['tmm4']);
  await expect(next('reads')).toHaveText(['rsi', 'r8']);
  await uses.getByRole('button', { name: 'memory beside tmm4' }).press('Enter');
  const memory = page.getByTestId('memory');
  await expect(memory.getByTestId('memory-verdict')).toContainText(/\d+ of \d+ differ from tmm4/);
  // At an earlier stop nothing is next.
  await page.keyboard.press('Alt+ArrowLeft');
  await expect(next('reads')).toHaveCount(0);
  await expect(uses).toHaveCount(0);
  await page.keyboard.press('Alt+ArrowRight');
  await expect(next('reads')).toHaveText(['rsi', 'r8']);

  // No program of its own saves its state: one is put there, XSAVE [RSI].
  await memory.getByRole('radio', { name: 'Hex' }).click();
  const base = memory.getByRole('textbox', { name: 'Base' });
  await base.fill('rip');
  await page.keyboard.press('Enter');
  await memory.locator('[data-memory="0 0"]').focus();
  for (const byte of ['0f', 'ae', '26']) {
    await page.keyboard.type(byte);
    await page.keyboard.press('Tab');
  }
  await model.apply();
  await uses.getByRole('button', { name: 'XSAVE area at 0x403000' }).press('Enter');
  await expect(page.getByRole('alert')).toContainText('0x403000');
});

test('[DA6] a base that names a register goes along with it; a block dragged with the mouse is set beside a tile', async ({
  open,
}) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  await page.keyboard.press('Alt+4');
  const memory = page.getByTestId('memory');
  const base = memory.getByRole('textbox', { name: 'Base' });
  await base.fill('rsi');
  await page.keyboard.press('Enter');
  const rows = memory
    .getByRole('grid', { name: 'Bytes' })
    .getByRole('row')
    .filter({ has: page.locator('[data-memory]') });
  // mov esi,0x403000 is the third instruction, add rsi,0x40 the twentieth.
  for (let step = 0; step < 3; step += 1) await model.step();
  await expect(rows.first()).toContainText('0000000000403000');
  for (let step = 3; step < 20; step += 1) await model.step();
  await expect(rows.first()).toContainText('0000000000403040');
  await expect(base).toHaveValue('rsi');

  const at = (address: string) => memory.getByRole('gridcell', { name: new RegExp(`^${address} `) });
  await at('403075').hover();
  await page.mouse.down();
  await at('403060').hover();
  await at('403050').hover();
  await page.mouse.up();
  await expect(memory.getByTestId('memory-bar')).toContainText('0x4030503×6, 18 bytes');
  await memory.getByRole('combobox', { name: 'Compare with a tile' }).selectOption('tmm4');
  await expect(base).toHaveValue('0x403050');
  await expect(memory.getByTestId('memory-verdict')).toContainText(/\d+ of 1024 differ from tmm4/);
  // From where it was loaded on, its first rows are those of memory.
  await base.fill('rsi-0x40');
  await memory.getByRole('textbox', { name: 'Stride' }).fill('r8');
  await page.keyboard.press('Enter');
  await expect(memory.getByTestId('memory-verdict')).toContainText('memory holds what tmm4 holds');
});
