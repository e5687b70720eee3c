import { expect } from 'playwright/test';
import { axeViolations } from '../models/axe.ts';
import { test } from '../models/host.ts';
import { TilesWindow } from '../models/tiles-window.ts';

test.use({ machine: 'stories' });

test('[U23] the list of stops is thinned out by a filter, and goes where its lines are', async ({ open }) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  for (let step = 0; step < 20; step += 1) await model.step();
  await page.keyboard.press('Alt+s');
  const pane = page.locator('[data-pane="stops"]');
  const list = pane.getByRole('listbox');
  await expect(list).toBeFocused();
  await expect(list.getByRole('option', { selected: true })).toHaveText(/^21 .*stepped|^21 /);
  await page.keyboard.press('Home');
  await expect(page.getByTestId('stepper-now')).toContainText('stop 1');
  await page.keyboard.press('ArrowDown');
  await expect(list.getByRole('option', { selected: true })).toHaveText(/^2 /);
  // Where tmm0 changed: loaded with zeros at first, then a product each pass.
  // In the dock of History its field and its count are those of the list too.
  const head = page.getByTestId('history-tools');
  await head.getByRole('searchbox').fill('tmm0');
  await expect(head.getByRole('status')).toHaveText(/^\d of 21 stops$/);
  const shown = await list.getByRole('option').count();
  expect(shown).toBeGreaterThan(0);
  expect(shown).toBeLessThan(21);
  await list.focus();
  await page.keyboard.press('End');
  await expect(page.getByTestId('stepper-now')).not.toContainText('stop 2 ');
  await expect(list.getByRole('option', { selected: true })).toHaveCount(1);
  // What happened, without the steps between: where it began, and the stop that was given a label.
  await head.getByRole('textbox', { name: /^Label of stop/ }).fill('here');
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: 'Events' }).click();
  const events = page.getByRole('listbox', { name: 'Events of this vCPU' });
  await expect(events.getByRole('option')).toHaveCount(2);
  await expect(events.getByRole('option', { selected: true })).toContainText('here');
  expect(await axeViolations(page)).toEqual([]);
  // Lanes that cannot hold what is filtered for step back.
  await page.getByRole('tab', { name: /^History/ }).click();
  const lanes = page.locator('.track-lane');
  for (const [filter, kept] of [
    ['tmm0', [2]],
    ['zmm3 changed', [0, 1]],
    ['xfd', [3]],
    ['no register', [0, 1, 2, 3]],
  ] as const) {
    await head.getByRole('searchbox').fill(filter);
    await expect(lanes).toHaveClass([0, 1, 2, 3].map((lane) => (kept.some((one) => one === lane) ? /lane *$/ : /dim/)));
  }
  await page.keyboard.press('Alt+s');
  await expect(pane).toBeVisible();
  await page.keyboard.press('Alt+s');
  await expect(pane).toHaveCount(0);
  await expect(page.getByRole('slider', { name: 'Stop' })).toBeVisible();
});
