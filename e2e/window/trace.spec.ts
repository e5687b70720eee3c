import { writeFileSync } from 'node:fs';
import { test as base, expect } from 'playwright/test';
import { tracedLoop } from '../../app/fixtures/traced-loop.ts';
import { sessionText } from '../../app/session/session-document.ts';
import { axeViolations } from '../models/axe.ts';
import { test } from '../models/host.ts';
import { lostContent } from '../models/lost.ts';
import { resizeTo } from '../models/resize.ts';
import { TilesWindow } from '../models/tiles-window.ts';

// Nothing here is this machine's own: the same story, and the same pictures, everywhere.
test.use({ machine: 'stories' });

const ROUNDS = 400;
/** The product of this round leaves one element wrong. */
const WRONG = 77;

const traceFile = (): string => {
  const stops = tracedLoop('TDPBSSD', ROUNDS, (tiles, round) => {
    if (round === WRONG) tiles[64 * 2 + 4] = (tiles[64 * 2 + 4] ?? 0) ^ 0x10;
  });
  const path = base.info().outputPath('trace.json');
  const saved = { product: 'Tilescope 0.1.0', savedAtMs: 1_780_000_000_000, pinned: null };
  const named = stops.map((stop) => ({ ...stop, label: null, write: null }));
  writeFileSync(path, sessionText({ ...saved, stops: named }));
  return path;
};

test('[RC9] a trace is listed, filtered to what differs, and scrubbed with the keys of the history', async ({
  open,
}) => {
  const window = new TilesWindow(await open());
  const { page } = window;
  await window.openCapture(traceFile());
  await page.keyboard.press('Alt+t');
  const trace = page.getByTestId('trace');
  await expect(trace.getByTestId('trace-count')).toHaveText(`${3 * ROUNDS} instructions`);
  await expect(trace.getByTestId('trace-products')).toHaveText(`1 of ${ROUNDS} products differ`);

  // The last stop is on screen: its row is chosen. A stop back is a row up.
  const chosen = trace.getByRole('option', { selected: true });
  await expect(chosen).toContainText('jmp');
  await expect(chosen).toContainText('rip only');
  await page.keyboard.press('Alt+ArrowLeft');
  await expect(chosen).toContainText('nop');
  await page.keyboard.press('Alt+ArrowLeft');
  await expect(chosen).toContainText('tdpbssd tmm0,tmm1,tmm2');
  await expect(chosen).toContainText('tmm0, 64 bytes');
  await expect(chosen).toContainText('holds');

  await trace.getByRole('radio', { name: 'Differs' }).click();
  await expect(trace.getByTestId('trace-count')).toHaveText(`1 of ${3 * ROUNDS} instructions`);
  await trace.getByRole('option').click();
  await expect(chosen).toContainText('1 of 16 differ');
  await expect(page.getByText(`stop ${3 * WRONG + 2}`, { exact: false }).first()).toBeVisible();
  await trace.getByRole('radio', { name: 'All' }).click();
  await expect(chosen).toContainText('1 of 16 differ');
  // Beside the list: the element that is wrong over the steps, and the product itself.
  const plots = trace.getByRole('region', { name: 'Plots of the trace' });
  await expect(plots.getByRole('img', { name: /^tmm0:i32\[2\]\[1\]: / })).toBeVisible();
  await expect(plots.getByRole('table')).toContainText('2,1');
  await page.keyboard.press('Alt+ArrowRight');
  await plots.getByRole('button', { name: 'Next, F7: product that differs' }).press('Enter');
  await expect(chosen).toContainText('1 of 16 differ');
  expect(await trace.getByRole('option').count()).toBeGreaterThan(30);
  await page.mouse.move(0, 0);
  await window.shoot('trace-differs');
  expect.soft(await axeViolations(page)).toEqual([]);
  expect.soft(await lostContent(page)).toEqual([]);

  // The same steps as a strip in the dock of the history, with the product that differs marked.
  await page.getByRole('tab', { name: 'Trace', exact: true }).click();
  const steps = page.locator('[data-pane="steps"]');
  await expect(page.getByTestId('traced-step')).toHaveText(`step ${3 * WRONG + 1} of ${3 * ROUNDS}`);
  await expect(steps.locator('.track-found.is-refused')).toHaveCount(1);
  await steps.getByRole('slider', { name: 'Stop', exact: true }).press('ArrowRight');
  await expect(page.getByTestId('traced-step')).toHaveText(`step ${3 * WRONG + 2} of ${3 * ROUNDS}`);
  await steps.getByRole('slider', { name: 'Stop', exact: true }).press('ArrowLeft');
  expect.soft(await axeViolations(page)).toEqual([]);
  // The handles of the strip take a part of it for the plots, by key and by mouse; the whole stretch again at its ends.
  const plotted = plots.locator('.trace-plots-head .val');
  const all = (await plotted.textContent()) ?? '';
  const [from, to] = [
    steps.getByRole('slider', { name: 'Plots from stop' }),
    steps.getByRole('slider', { name: 'Plots to stop' }),
  ];
  await from.press('PageUp');
  await to.press('PageDown');
  await expect(plotted).not.toHaveText(all);
  await expect(plotted).toHaveText(
    new RegExp(`^${await from.getAttribute('aria-valuetext').then((text) => text?.slice(5))} … `),
  );
  const box = await to.boundingBox();
  await page.mouse.move((box?.x ?? 0) + 12, (box?.y ?? 0) + 12);
  await page.mouse.down();
  await page.mouse.move((box?.x ?? 0) - 200, (box?.y ?? 0) + 12, { steps: 3 });
  await page.mouse.up();
  await expect(plotted).toHaveText(
    new RegExp(`… ${await to.getAttribute('aria-valuetext').then((text) => text?.slice(5))}$`),
  );
  await from.press('Home');
  await to.press('End');
  await expect(plotted).toHaveText(all);
  await expect(page.getByRole('button', { name: 'Save the trace…' })).toBeVisible();
  for (const name of ['Fewer', 'More']) {
    const own = await page.getByRole('button', { name: `${name} stops in the strip` }).boundingBox();
    expect([own?.width, own?.height]).toEqual([24, 24]);
  }

  // A view comes to the front over it by its key, though it is the one that was in front before.
  await page.keyboard.press('Alt+3');
  await expect(page.getByTestId('tile-0')).toBeVisible();
  await page.keyboard.press('Alt+t');

  // By the keyboard alone: the list moves the stop, and what is typed leaves what has it.
  await trace.getByRole('listbox').focus();
  await page.keyboard.press('ArrowDown');
  await expect(chosen).toContainText('nop');
  await trace.getByRole('searchbox').fill('tdpbssd');
  await expect(trace.getByTestId('trace-count')).toHaveText(`${ROUNDS} of ${3 * ROUNDS} instructions`);
  await resizeTo(page, 1100, 700);
  await page.keyboard.press('Alt+t');
  await trace.getByRole('searchbox').fill('');
  await expect(chosen).toBeInViewport();
  expect(await trace.evaluate((node) => node.scrollWidth <= node.clientWidth)).toBe(true);
});
