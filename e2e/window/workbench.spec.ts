import { expect, type Locator, type Page } from 'playwright/test';
import { axeViolations } from '../models/axe.ts';
import { test } from '../models/host.ts';
import { resizeTo } from '../models/resize.ts';
import { TilesWindow } from '../models/tiles-window.ts';

test.use({ machine: 'stories' });

const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true });

/** A model in a window of the usual size, its Program in a column of its own. */
const opened = async (open: () => Promise<Page>, widthPx = 1440, heightPx = 900): Promise<TilesWindow> => {
  const page = await open();
  await resizeTo(page, widthPx, heightPx);
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

test('[U1] a splitter is moved by keys and by the mouse, gives its default back, and folds the dock beside it', async ({
  open,
}) => {
  const { page } = await opened(open);
  const dock = (name: string) => page.locator('[data-tabset]').filter({ has: page.locator(`[data-tab-id="${name}"]`) });
  const width = async (): Promise<number> => Math.round((await dock('program').boundingBox())?.width ?? 0);
  const [left, right, bottom] = await page.getByRole('separator').all();
  if (left === undefined || right === undefined || bottom === undefined) throw new Error('three splitters are missing');
  const first = await width();
  await left.press('ArrowRight');
  await expect.poll(width).toBe(first + 8);
  await left.press('Shift+ArrowRight');
  await expect.poll(width).toBe(first + 40);
  await left.press('Shift+ArrowLeft');
  await expect.poll(width).toBe(first + 8);
  const box = await left.boundingBox();
  const [x, y] = [(box?.x ?? 0) + 2, (box?.y ?? 0) + 200];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 30, y, { steps: 3 });
  await page.mouse.move(x + 52, y, { steps: 3 });
  await page.mouse.up();
  await expect.poll(async () => Math.abs((await width()) - first - 60)).toBeLessThanOrEqual(1);
  await page.reload();
  await expect(tab(page, 'Tiles')).toBeVisible();
  await expect.poll(async () => Math.abs((await width()) - first - 60)).toBeLessThanOrEqual(1);
  await page
    .getByRole('separator')
    .first()
    .dblclick({ position: { x: 2, y: 200 } });
  await expect.poll(width).toBe(first);
  const splitters = page.getByRole('separator');
  for (const [at, name] of [
    [1, 'inspector'],
    [2, 'history'],
    [0, 'program'],
  ] as const) {
    await splitters.nth(at).press('Enter');
    await expect(dock(name)).toHaveAttribute('data-tabset-collapsed', /.*/);
    await splitters.nth(at).press('Enter');
    await expect(dock(name)).not.toHaveAttribute('data-tabset-collapsed', /.*/);
  }
  // F6 leads on from it as from anywhere.
  await splitters.first().focus();
  await page.keyboard.press('F6');
  await expect(page.locator('[role="separator"]:focus')).toHaveCount(0);
  await expect(page.locator('[data-region]:focus, [data-region] :focus, [role="tab"]:focus')).toHaveCount(1);
});

test('[U1] a pane is moved to another dock with what is typed in it, and stays there', async ({ open }) => {
  const { page } = await opened(open);
  const inDock = (pane: string, of: string) =>
    page
      .locator('[data-tabset]')
      .filter({ has: page.locator(`[data-tab-id="${of}"]`) })
      .locator(`[data-tab-id="${pane}"]`);
  await page.keyboard.press('Control+f');
  const field = page.getByRole('searchbox', { name: 'Value or bytes to find' });
  await field.fill('17.5');
  await expect(inDock('find', 'inspector')).toBeVisible();
  const [from, to] = [await tab(page, 'Find').boundingBox(), await tab(page, 'Breakpoints').boundingBox()];
  await page.mouse.move((from?.x ?? 0) + 12, (from?.y ?? 0) + 12);
  await page.mouse.down();
  await page.mouse.move((to?.x ?? 0) + 60, (to?.y ?? 0) + 16, { steps: 8 });
  await page.mouse.move((to?.x ?? 0) + (to?.width ?? 0) - 4, (to?.y ?? 0) + 12, { steps: 4 });
  await page.mouse.up();
  await expect(inDock('find', 'program')).toBeVisible();
  await expect(inDock('find', 'inspector')).toHaveCount(0);
  await expect(field).toHaveValue('17.5');
  await page.reload();
  await expect(tab(page, 'Tiles')).toBeVisible();
  await expect(inDock('find', 'program')).toBeVisible();
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
  // The head of the rail does the same, and what is kept open is so after a reload.
  await page.getByTestId('components').getByRole('button').first().click();
  await page.getByRole('button', { name: 'Keep the components open' }).click();
  await page.keyboard.press('Alt+3');
  await expect(list).toBeVisible();
  await page.reload();
  await expect(tab(page, 'Tiles')).toBeVisible();
  await expect(list).toBeVisible();
  await page.getByRole('button', { name: 'Fold the components to the rail' }).click();
  await expect(rail).toBeVisible();
  // Of the row of tiles a digit chooses one, arrows go round.
  const tiles = page.getByRole('tablist', { name: 'Tiles' });
  await tiles.getByRole('tab', { name: /^tmm0\b/ }).focus();
  for (const [key, tile] of [
    ['3', 2],
    ['ArrowRight', 3],
    ['End', 7],
    ['ArrowRight', 0],
  ] as const) {
    await page.keyboard.press(key);
    await expect(tiles.getByRole('tab', { name: new RegExp(`^tmm${tile}\\b`) })).toBeFocused();
    await expect(page.getByTestId(`tile-${tile}`)).toBeVisible();
  }
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
    await resizeTo(page, width, height);
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
  await page.getByRole('radio', { name: 'Opmask', exact: true }).click();
  await expect(inspector).toContainText('k0');
});

test('[U27] the table of registers stands first, then what is selected of it, then flags and MXCSR decoded', async ({
  open,
}) => {
  const window = await opened(open);
  const { page } = window;
  await page.keyboard.press('Alt+2');
  const top = async (locator: Locator): Promise<number> => (await locator.boundingBox())?.y ?? 0;
  const grid = page.getByRole('grid', { name: /^zmm registers/ });
  const bar = page.getByTestId('vector-block');
  const mxcsr = page.getByRole('region', { name: 'MXCSR' });
  // Of one element that is selected the line is about its register, and stays where it is for a block.
  await expect(bar).toContainText('zmm0');
  const places = [await top(grid), await top(bar), await top(mxcsr)];
  expect(places.toSorted((a, b) => a - b)).toEqual(places);
  await window.cell('zmm2:f32[5]').click();
  await window.cell('zmm4:f32[3]').click({ modifiers: ['Shift'] });
  await expect(bar).toContainText('zmm2–zmm4, elements 3–5');
  expect(await top(bar)).toBe(places[1]);
  // A jump to a field of MXCSR takes the keyboard there.
  await window.jump('mxcsr');
  await expect(window.register('mxcsr')).toBeFocused();
  await expect(window.register('mxcsr')).toBeInViewport();
  await window.jump('mxcsr.RC');
  await expect(page.locator('[data-field-of="mxcsr.RC"]')).toBeFocused();
  await expect(page.getByTestId('inspector')).toContainText(/mxcsr/i);
  // A bit of a mask is large enough to hit, and says which it is.
  await page.getByRole('radio', { name: 'Opmask', exact: true }).click();
  for (const bits of ['16 lanes of f32', 'All 64']) {
    await page.getByRole('radio', { name: bits }).click();
    const bit = page.getByTitle('k1 bit 3 is 0');
    await expect(bit).toHaveText('3');
    const box = await bit.boundingBox();
    expect([box?.width, box?.height]).toEqual([24, 24]);
  }
});

test('[U28] what is watched stands above the inspector, and a folded dock keeps its names whole', async ({ open }) => {
  const window = await opened(open);
  const { page } = window;
  const watch = page.locator('[data-pane="watch"]');
  await window.jump('zmm2:f32[1]');
  await expect(window.cell('zmm2:f32[1]')).toBeFocused();
  await page.keyboard.press('Shift+F9');
  await expect(watch.getByRole('row', { name: /zmm2:f32\[1\]/ })).toBeVisible();
  const [above, below] = [await watch.boundingBox(), await page.getByTestId('inspector').boundingBox()];
  expect((above?.y ?? 0) + (above?.height ?? 0)).toBeLessThanOrEqual(below?.y ?? 0);
  expect(above?.x).toBe(below?.x);
  // Registers stand in that dock too, beside whatever view is in front.
  await tab(page, 'General').click();
  await expect(page.locator('[data-pane="general"]').getByRole('region', { name: 'General registers' })).toBeVisible();
  await tab(page, 'Segments').click();
  await expect(page.locator('[data-pane="segments"]').getByText('fs_base')).toBeVisible();
  expect(await axeViolations(page)).toEqual([]);
  const heads = (): Promise<readonly (readonly [number, number])[]> =>
    page
      .locator('.dock-head')
      .evaluateAll((nodes) => nodes.map((node) => [node.parentElement?.clientHeight ?? 0, node.clientHeight] as const));
  for (const key of ['F4', 'F4', 'Alt+h']) await page.keyboard.press(key);
  for (const [dock, head] of await heads()) expect(dock).toBeGreaterThanOrEqual(head);
});

test('[U1] two views beside each other keep the names of their tabs whole', async ({ open }) => {
  const { page } = await opened(open);
  await page.keyboard.press('Alt+3');
  await page.keyboard.press('Control+\\');
  await expect(page.getByTestId('beside')).toBeVisible();
  const head = await page.locator('.dock-head:has([data-tab-id="overview"])').boundingBox();
  for (const name of ['Overview', 'Registers', 'Tiles', 'Memory', 'XFD', 'Compare']) {
    const box = await page.locator('.dock-head').getByRole('tab', { name, exact: true }).boundingBox();
    expect((box?.x ?? 0) + (box?.width ?? 0), name).toBeLessThanOrEqual((head?.x ?? 0) + (head?.width ?? 0));
  }
});

test('[U4] [U7] numbers that had to be rounded are said to be, and an element is drawn over its stops', async ({
  open,
}) => {
  const window = await opened(open);
  const { page } = window;
  for (let step = 0; step < 18; step += 1) await window.step();
  await page.keyboard.press('Alt+3');
  await page.getByRole('tab', { name: /^tmm0 / }).click();
  const legend = page.getByTestId('tile-0').locator('.tile-legend');
  await expect(legend).toContainText(/rounded to \d digits/);
  const over = page.getByTestId('over-stops');
  await window.element(0, 2, 3).click();
  await expect(over).toContainText('Over the last 19 stops');
  await expect(over.getByRole('img', { name: 'tmm0:i32[2][3] over 19 stops' })).toBeVisible();
  // With a pane less beside it every digit has room; what never changed has no curve.
  await page.keyboard.press('Alt+P');
  await expect(legend).not.toContainText('rounded');
  await page.getByRole('tab', { name: /^tmm3 / }).click();
  await window.element(3, 0, 0).click();
  await expect(over).toHaveCount(0);
});

test('[U8] a wide window shows all eight tiles at once', async ({ open }) => {
  const window = await opened(open, 2560, 1440);
  const { page } = window;
  for (let step = 0; step < 18; step += 1) await window.step();
  await page.keyboard.press('Alt+3');
  for (let tile = 0; tile < 8; tile += 1)
    await expect(page.getByRole('grid', { name: new RegExp(`\\btmm${tile}\\b`) })).toBeInViewport();
  // tmm2 += tmm5 × tmm6 was executed last: its element says whence it comes.
  await page.getByRole('button', { name: 'Check this product' }).click();
  await window.element(2, 2, 3).click();
  const along = (tile: number) => page.getByTestId(`tile-${tile}`).locator('.tile-along');
  for (const [tile, lines] of [
    [5, 1],
    [6, 1],
    [4, 0],
    [7, 0],
  ] as const)
    await expect(along(tile), `tmm${tile}`).toHaveCount(lines);
  const [row, column] = [await along(5).boundingBox(), await along(6).boundingBox()];
  const element = await window.element(2, 2, 3).boundingBox();
  const middle = (from = 0, length = 0): number => from + length / 2;
  expect(Math.abs(middle(row?.y, row?.height) - middle(element?.y, element?.height))).toBeLessThanOrEqual(2);
  expect(Math.abs(middle(column?.x, column?.width) - middle(element?.x, element?.width))).toBeLessThanOrEqual(2);
  // Each says what its colours mean; the line below is about the one that was selected.
  await expect(page.getByTestId('tile-2').locator('.heat-bar')).toHaveCount(1);
  await expect(page.locator('.tile-line')).toContainText('[2][3]');
  // Rows and columns that are folded away are named in the head.
  await expect(page.getByTestId('tile-2').locator('.small-tile-head')).toContainText(/rows \d+ to 15.* folded/);
  const corner = page.getByTestId('product-corner');
  await expect(corner).toContainText('Terms of 2,3');
  await expect(corner.getByRole('img', { name: 'sum so far, k 0 to 63' })).toBeVisible();
  expect(await axeViolations(page)).toEqual([]);
});

test('[U1] a large window has Calls and Breakpoints below Program, and from 2400×1300 on the register file beside any view', async ({
  open,
}) => {
  const { page } = await opened(open, 2560, 1440);
  const pane = (name: string) => page.locator(`[data-pane="${name}"]`);
  for (const name of ['program', 'breakpoints', 'register-file', 'watch', 'inspector'])
    await expect(pane(name), name).toBeInViewport();
  // A value that the view shows too has its editor where it was opened.
  await page.keyboard.press('Alt+2');
  await page.getByRole('radio', { name: 'General' }).click();
  const cells = page.locator('[data-cell-of="rbx"]').getByRole('button');
  await expect(cells).toHaveCount(2);
  await pane('register-file').locator('[data-cell-of="rbx"]').getByRole('button').press('Enter');
  const editor = page.getByRole('textbox', { name: 'New value of rbx' });
  await expect(editor).toHaveCount(1);
  await expect(pane('register-file').locator(editor)).toBeFocused();
  await page.keyboard.press('Control+a');
  await page.keyboard.type('0x51');
  await page.keyboard.press('Enter');
  for (const cell of await cells.all()) await expect(cell).toHaveAccessibleName(/51, staged/);
  expect(await axeViolations(page)).toEqual([]);
  await page.locator('[data-tab-id="register-file"]').focus();
  await page.keyboard.press('Delete');
  await expect(pane('register-file')).toHaveCount(0);
  await page.keyboard.press('Control+Shift+P');
  await page.keyboard.type('register file');
  await page.keyboard.press('Enter');
  await expect(pane('register-file')).toBeVisible();
});

test('[U2] in a small window a folded pane is shown over the view, which stays as it lies', async ({ open }) => {
  const { page } = await opened(open);
  await resizeTo(page, 1100, 700);
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
  // In a window that grows it stands in its dock, which is unfolded for it where it was folded.
  await page.keyboard.press('Alt+W');
  await expect(peek.getByRole('tab', { name: 'Watch' })).toHaveAttribute('aria-selected', 'true');
  await resizeTo(page, 1440, 900);
  await expect(peek).toHaveCount(0);
  await expect(page.getByRole('tab', { name: 'Watch' })).toHaveAttribute('aria-selected', 'true');
  await expect(page.getByRole('textbox', { name: 'Path to watch' })).toBeFocused();
  await resizeTo(page, 1100, 700);
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
