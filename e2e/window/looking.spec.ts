import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, type Page, test as plain } from 'playwright/test';
import { captureAfter, stageAssignments } from '../../app/edit/assign.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { captureText } from '../../app/session/document.ts';
import { axeViolations } from '../models/axe.ts';
import { test } from '../models/host.ts';
import { resizeTo } from '../models/resize.ts';
import { amxCaptureFile, TilesWindow, valueIn } from '../models/tiles-window.ts';
import { Window } from '../models/window.ts';

// Nothing here is this machine's own.
test.use({ machine: 'stories' });

/** A capture with all 32 vector registers in use. */
const wideFile = (): string => {
  const capture = sampleCapture();
  const rows = Array.from({ length: 32 }, (_, index) => ({
    path: `zmm${index}:f32[${index % 16}]`,
    value: `${index}.5`,
  }));
  const write = stageAssignments(capture, [...rows, { path: 'zmm9:i16[3]', value: '-2' }]);
  if (!write.ok) throw new Error('the sample takes no edits');
  const path = plain.info().outputPath('wide.json');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, captureText(captureAfter(capture, write.value)));
  return path;
};

const registers = async (open: (...words: string[]) => Promise<Page>): Promise<Window> => {
  const page = await open();
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open file…' }).first().click();
  await (await chooser).setFiles(wideFile());
  await page.getByRole('tab', { name: 'Registers', exact: true }).waitFor();
  await page.keyboard.press('Alt+2');
  return new Window(page);
};

test('[U27] with 32 registers in use RFLAGS and MXCSR are seen beside them, and the last register is a key away', async ({
  open,
}) => {
  const window = await registers(open);
  const { page } = window;
  for (const [width, height] of [
    [1440, 900],
    [1100, 700],
  ] as const) {
    await resizeTo(page, width, height);
    await expect(page.getByLabel(/^mxcsr\.IE/)).toBeInViewport({ ratio: 1 });
    await expect(page.getByLabel(/^rflags\.CF/)).toBeInViewport({ ratio: 1 });
  }
  await resizeTo(page, 1440, 900);
  await window.jump('zmm31:f32[15]');
  await expect(window.cell('zmm31:f32[15]')).toBeFocused();
  await expect(window.cell('zmm31:f32[15]')).toBeInViewport({ ratio: 1 });
  await page.keyboard.press('Control+Home');
  await expect(window.cell('zmm0:f32[15]')).toBeInViewport({ ratio: 1 });
  expect.soft(await axeViolations(page)).toEqual([]);
});

test('[U13] Find begins with any type, and says each place once', async ({ open }) => {
  const { page } = await registers(open);
  await page.keyboard.press('Control+f');
  await expect(page.getByRole('searchbox', { name: 'Value or bytes to find' })).toBeFocused();
  const found = page.getByRole('listbox', { name: 'Places found' }).getByRole('option');
  await page.keyboard.type('17.5');
  await expect(found).toHaveText(['zmm17:f32[1]']);
  await page.keyboard.press('Control+a');
  await page.keyboard.type('00 00 8c 41');
  await expect(found).toHaveText(['zmm17:u8[4]']);
});

test('[V7] what is typed into st0 is shown as the bits that it becomes', async ({ open }) => {
  const { page } = await registers(open);
  await page.getByRole('radio', { name: 'x87' }).click();
  await page.locator('[data-cell-of="st0:f80[0]"]').getByRole('button').first().click();
  await page.keyboard.type('3.25');
  await expect(page.getByTestId('editor-meaning')).toHaveText('4000_d000000000000000');
  await page.keyboard.press('Escape');
});

test('[U15] X writes one value in another base, in its cell and in Watch, and the menu of a watched value is about it', async ({
  open,
}) => {
  const window = await registers(open);
  const { page } = window;
  await window.jump('k1');
  const k1 = window.register('k1');
  await page.keyboard.press('Shift+F9');
  await k1.focus();
  const hex = (await k1.textContent()) ?? '';
  const number = BigInt(`0x${hex.replaceAll('_', '')}`);
  await page.keyboard.press('x');
  await expect(k1).toHaveText(String(number));
  const watched = page.locator('[data-watch="k1"]');
  await expect(watched).toHaveText(String(number));
  // The cursor is elsewhere: the menu is about what it was opened on.
  await page.getByRole('radio', { name: 'Vector' }).click();
  await watched.click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Show in hex' }).click();
  await expect(watched).toHaveText(/^0x/);
  // A cell of an element takes it where all digits fit.
  await page.getByRole('radio', { name: 'i16' }).click();
  await window.jump('zmm9:i16[3]');
  await expect(window.cell('zmm9:i16[3]')).toHaveText('−2');
  await window.cell('zmm9:i16[3]').press('x');
  await expect(window.cell('zmm9:i16[3]')).toHaveText('0xfffe');
});

test('[U28] a watched value is edited, read as another type, and given another path by the keyboard alone', async ({
  open,
}) => {
  const window = await registers(open);
  const { page } = window;
  await window.jump('zmm17:f32[1]');
  await page.keyboard.press('Shift+F9');
  const watch = page.getByRole('table', { name: 'Watched values' });
  const value = (path: string) => page.locator(`[data-watch="${path}"]`).getByRole('button');
  await expect(value('zmm17:f32[1]')).toHaveText('17.5');
  // Enter edits it here, though its cell in the table of registers is in sight too.
  await value('zmm17:f32[1]').press('Enter');
  await expect(page.getByRole('textbox', { name: 'New value of zmm17:f32[1]' })).toHaveCount(1);
  await page.keyboard.type('3e99');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toBeVisible();
  await page.keyboard.press('Control+a');
  await page.keyboard.type('-2.5');
  await page.keyboard.press('Enter');
  await expect(window.cell('zmm17:f32[1]')).toHaveText('−2.5');
  await expect(value('zmm17:f32[1]')).toHaveAccessibleName(/^zmm17:f32\[1\] -2\.5, staged/);
  await expect(value('zmm17:f32[1]')).toBeFocused();
  // T reads the same bytes as the next type.
  await page.keyboard.press('t');
  await expect(value('zmm17:f64[0]')).toBeFocused();
  await page.keyboard.press('Shift+T');
  await expect(value('zmm17:f32[0]')).toBeFocused();
  await page.keyboard.press('F2');
  const path = page.getByRole('textbox', { name: 'Path in place of zmm17:f32[0]' });
  await expect(path).toBeFocused();
  await page.keyboard.press('Control+a');
  await page.keyboard.type('zmm99');
  await page.keyboard.press('Enter');
  await expect(watch.getByRole('alert')).toContainText('zmm99');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('MXCSR.rc');
  await page.keyboard.press('Enter');
  await expect(value('mxcsr.RC')).toBeFocused();
  expect(await axeViolations(page)).toEqual([]);
  await page.keyboard.press('Delete');
  await expect(watch).toHaveCount(0);
});

test('[U15] X writes one element of a tile in another base: in its name, in the line below, and in its cell', async ({
  open,
}) => {
  const page = await open();
  const window = new TilesWindow(page);
  const file = amxCaptureFile();
  await window.openCapture(file);
  const bits = (valueIn(file, 'tmm0:u32[2][3]') as number).toString(16).padStart(8, '0');
  await window.element(0, 2, 3).click();
  await page.keyboard.press('x');
  await expect(window.element(0, 2, 3)).toHaveAccessibleName(`tmm0[2][3] 0x${bits}`);
  await expect(page.getByTestId('tile-0').locator('.tile-line')).toContainText(`0x${bits}`);
  // It is the value's own: its neighbour stays, and so does it in another type.
  await expect(window.element(0, 2, 4)).not.toHaveAccessibleName(/0x/);
  const drawn = (): Promise<string> =>
    page.locator('.tile-canvas').evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
  await page.getByTestId('tile-0').getByRole('radio', { name: 'int8' }).click();
  await window.element(0, 2, 3).click();
  // Numbers of 8 bits are seen where they are asked for.
  await page.keyboard.press('h');
  const own = await drawn();
  await page.keyboard.press('x');
  await expect(window.element(0, 2, 3)).toHaveAccessibleName(/^tmm0\[2\]\[3\] 0x[0-9a-f]{2}$/);
  await expect.poll(drawn).not.toBe(own);
  // The menu has the ways that the key has not come to yet, and what is watched is written so too.
  await window.element(0, 2, 3).click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Show in binary' }).click();
  await expect(window.element(0, 2, 3)).toHaveAccessibleName(/^tmm0\[2\]\[3\] 0b[01]{4}_[01]{4}$/);
});
