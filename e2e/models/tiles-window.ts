import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, type Locator, test } from 'playwright/test';
import { sampleAmxCapture } from '../../app/fixtures/samples.ts';
import { parsePath } from '../../app/register/path.ts';
import { showJson } from '../../app/register/read.ts';
import { captureText, parseCaptureText } from '../../app/session/document.ts';
import { Window } from './window.ts';

/** Where TILEDATA begins in the recorded image, as its CPUID says. */
const TILEDATA_OFFSET = 2816;

/** The recorded guest with tiles as a capture file, with bytes of its tiles changed where asked. */
export const amxCaptureFile = (changed: Readonly<Record<number, number>> = {}): string => {
  const capture = sampleAmxCapture();
  const bytes = capture.image.bytes.slice();
  for (const [offset, value] of Object.entries(changed)) bytes[TILEDATA_OFFSET + Number(offset)] = value;
  const path = test.info().outputPath('tiles.json');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, captureText({ ...capture, image: { ...capture.image, bytes } }));
  return path;
};

/** What a register holds in a capture file. */
export const valueIn = (path: string, register: string): unknown => {
  const capture = parseCaptureText(readFileSync(path, 'utf8'));
  const parsed = parsePath(register);
  if (!capture.ok || !parsed.ok) throw new Error(`${path} is no capture, or ${register} no path`);
  return showJson(capture.value, parsed.value);
};

/** What a user does in the tabs Tiles and XFD, and with a model. */
export class TilesWindow extends Window {
  async openCapture(path: string): Promise<void> {
    const chooser = this.page.waitForEvent('filechooser');
    await this.page.getByRole('button', { name: 'Open file…' }).first().click();
    await (await chooser).setFiles(path);
    await this.page.getByRole('tab', { name: 'Tiles', exact: true }).waitFor();
    await this.page.keyboard.press('Alt+3');
    await this.page.getByTestId('tilecfg').waitFor();
  }

  /** Opens a model with the keyboard alone, `down` rows below the first one. */
  async openModel(down: number): Promise<void> {
    const list = this.page.getByRole('listbox', { name: 'Models' });
    await list.waitFor();
    // Where nothing live is there the list has the keyboard already; else F6 and Tab lead to it.
    await list.focus();
    for (let row = 0; row < down; row += 1) await this.page.keyboard.press('ArrowDown');
    await this.page.keyboard.press('Enter');
    await this.page.getByTestId('program').waitFor();
  }

  async step(): Promise<void> {
    const before = Number(await this.page.getByTestId('model-step').textContent());
    await this.page.keyboard.press('F10');
    await expect(this.page.getByTestId('model-step')).toHaveText(String(before + 1));
  }

  /** Opens the table of rows, colsb and the rules over the matrix. */
  async openRules(): Promise<void> {
    await this.page.getByRole('button', { name: 'Rows and rules' }).click();
  }

  element(tile: number, row: number, column: number): Locator {
    return this.page.getByRole('gridcell', { name: new RegExp(`^tmm${tile}\\[${row}\\]\\[${column}\\] `) });
  }
}
