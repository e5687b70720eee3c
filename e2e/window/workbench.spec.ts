import { expect, type Page } from 'playwright/test';
import { axeViolations } from '../models/axe.ts';
import { test } from '../models/host.ts';
import { TilesWindow } from '../models/tiles-window.ts';

test.use({ machine: 'stories' });

const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true });

/** A model in a window of the usual size, its Program in a column of its own. */
const opened = async (open: () => Promise<Page>, widthPx = 1440, heightPx = 900): Promise<TilesWindow> => {
  const page = await open();
  await page.setViewportSize({ width: widthPx, height: heightPx });
  const window = new TilesWindow(page);
  await window.openModel(0);
  return window;
};

test('[U1] a dock is folded and unfolded by its key, stays so over a reload, and the layout can be given back', async ({
  open,
}) => {
  const window = await opened(open);
  const { page } = window;
  await expect(page.getByTestId('program')).toBeVisible();
  // The first press goes to the pane, the next folds it.
  await page.keyboard.press('Alt+P');
  await expect(page.getByTestId('program')).toBeHidden();
  await page.reload();
  await expect(tab(page, 'Tiles')).toBeVisible();
  await expect(page.getByTestId('program')).toBeHidden();
  await page.keyboard.press('Control+Shift+P');
  await page.keyboard.type('reset layout');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('program')).toBeVisible();
});

test('[U26] a fault in one pane stays in it, and it can be shown again', async ({ open }) => {
  const { page } = await opened(open);
  await page.keyboard.press('Alt+2');
  await page.evaluate(() => {
    const whole = HTMLCanvasElement.prototype.getContext;
    Object.assign(window, { mend: () => Object.assign(HTMLCanvasElement.prototype, { getContext: whole }) });
    HTMLCanvasElement.prototype.getContext = () => {
      throw new Error('no canvas today');
    };
  });
  await page.keyboard.press('Alt+3');
  const failed = page.getByRole('alert').filter({ hasText: 'Tiles cannot be shown' });
  await expect(failed).toContainText('no canvas today');
  await expect(page.getByTestId('program')).toBeVisible();
  await page.keyboard.press('Alt+2');
  await expect(page.getByRole('radio', { name: 'Opmask' })).toBeVisible();
  await page.keyboard.press('Alt+3');
  await page.evaluate(() => (window as unknown as { mend(): void }).mend());
  await failed.getByRole('button', { name: 'Try again' }).press('Enter');
  await expect(page.getByTestId('tilecfg')).toBeVisible();
});

test('[U2] the rail selects for the whole window, and the full list opens beside it', async ({ open }) => {
  const { page } = await opened(open);
  const rail = page.getByRole('listbox', { name: 'Components, short' });
  expect((await page.getByTestId('components').boundingBox())?.width).toBe(48);
  await rail.getByRole('option', { name: /^TILECFG/ }).click();
  await expect(rail.getByRole('option', { name: /^TILECFG/ })).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Alt+0');
  const list = page.getByRole('listbox', { name: /^Components(?!, short)/ });
  await expect(list.getByRole('option', { name: /^TILECFG/ })).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Escape');
  await expect(list).toBeHidden();
});

test('[U3] all sixteen rows and columns of a tile are whole at 1440×900 and at 1100×700', async ({ open }) => {
  const window = await opened(open);
  const { page } = window;
  await page.getByTestId('program').waitFor();
  for (let step = 0; step < 18; step += 1) await window.step();
  await page.keyboard.press('Alt+3');
  for (const [width, height] of [
    [1440, 900],
    [1100, 700],
  ] as const) {
    await page.setViewportSize({ width, height });
    await page.getByRole('tab', { name: /^tmm0 / }).click();
    const [first, last] = [window.element(0, 0, 0), window.element(0, 15, 15)];
    await expect(first).toBeInViewport({ ratio: 1 });
    await expect(last).toBeInViewport({ ratio: 1 });
  }
});

test('[U6] pre-flight is one line, worst first, and green alone where nothing else is to be said', async ({ open }) => {
  const { page } = await opened(open);
  const preflight = page.getByTestId('preflight');
  await expect(preflight.getByRole('button')).toHaveText(/Pre-flight: \d+ checks pass$/);
  await expect(preflight.getByRole('listitem')).toHaveCount(0);
});

test('[U7] the inspector goes with the view in front', async ({ open }) => {
  const { page } = await opened(open);
  const inspector = page.getByTestId('inspector');
  await page.keyboard.press('Alt+3');
  await expect(inspector).toContainText(/tmm0/);
  await page.keyboard.press('Alt+2');
  await expect(inspector).not.toContainText(/tmm0/);
  await page.getByRole('radio', { name: 'MXCSR', exact: true }).click();
  await expect(inspector).toContainText(/mxcsr/i);
});

test('[U8] a wide window shows all eight tiles at once', async ({ open }) => {
  const window = await opened(open, 2560, 1440);
  const { page } = window;
  for (let step = 0; step < 18; step += 1) await window.step();
  await page.keyboard.press('Alt+3');
  for (let tile = 0; tile < 8; tile += 1)
    await expect(page.getByRole('grid', { name: new RegExp(`\\btmm${tile}\\b`) })).toBeInViewport();
});

test('[U2] in a small window a folded pane is shown over the view, which stays as it lies', async ({ open }) => {
  const { page } = await opened(open);
  await page.setViewportSize({ width: 1100, height: 700 });
  await expect(page.locator('.workbench.small-window.low-window')).toBeVisible();
  await page.keyboard.press('Alt+3');
  const width = async (): Promise<number> => (await page.getByTestId('centre').boundingBox())?.width ?? 0;
  const before = await width();
  const peek = page.getByTestId('peek');
  await page.keyboard.press('Alt+P');
  await expect(peek.getByTestId('program')).toBeVisible();
  expect(await width()).toBe(before);
  await peek.getByRole('tab', { name: 'Breakpoints' }).click();
  await expect(peek.getByTestId('breakpoints')).toBeVisible();
  expect(await axeViolations(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(peek).toHaveCount(0);
  // The strip itself, by hand and by key; a second press takes it away.
  const strip = page.getByRole('tab', { name: 'Watch' });
  await strip.click();
  await expect(peek.getByRole('tab', { name: 'Watch' })).toHaveAttribute('aria-selected', 'true');
  expect(await width()).toBe(before);
  await peek.getByRole('button', { name: 'Keep it beside the view' }).click();
  await expect(peek).toHaveCount(0);
  await expect(page.locator('[data-pane="watch"]')).toBeVisible();
  expect(await width()).toBeLessThan(before);
});
