import { readFileSync } from 'node:fs';
import { expect, type Page } from 'playwright/test';
import { axeViolations } from '../models/axe.ts';
import { test } from '../models/host.ts';
import { lostContent } from '../models/lost.ts';
import { TilesWindow } from '../models/tiles-window.ts';

test.use({ machine: 'stories' });

/** What a button of the pane hands to the browser's download. */
const saved = async (
  page: Page,
  button: string,
  pane = 'plot',
): Promise<{ readonly name: string; readonly bytes: Buffer }> => {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.locator(`[data-pane="${pane}"]`).getByRole('button', { name: button }).press('Enter'),
  ]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
};

interface Drawn {
  readonly width: number;
  readonly height: number;
  /** How many pixels are of each colour, the commonest first. */
  readonly colours: readonly (readonly [string, number])[];
}

/** A picture as a program would see it that knows nothing of the page. */
const drawn = (page: Page, bytes: Buffer, type: string): Promise<Drawn> =>
  page.evaluate(
    async ([base64, mime]) => {
      const image = new Image();
      image.src = `data:${mime};base64,${base64}`;
      await image.decode();
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
      const brush = canvas.getContext('2d');
      brush?.drawImage(image, 0, 0);
      const counts = new Map<string, number>();
      const { data } = brush?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
      for (let at = 0; at < data.length; at += 4) {
        const colour = `${data[at]},${data[at + 1]},${data[at + 2]},${data[at + 3]}`;
        counts.set(colour, (counts.get(colour) ?? 0) + 1);
      }
      const colours = [...counts].sort((a, b) => b[1] - a[1]);
      return { width: canvas.width, height: canvas.height, colours };
    },
    [bytes.toString('base64'), type] as const,
  );

const rgba = (page: Page, token: string): Promise<string> =>
  page.evaluate((name) => {
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.color = `var(${name})`;
    const parts = getComputedStyle(probe).color.match(/[\d.]+/g) ?? [];
    probe.remove();
    return [...parts.slice(0, 3), parts[3] ?? '255'].join(',');
  }, token);

test('[U14] a plot is saved as data and as pictures that hold what is on screen, in both themes', async ({ open }) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  for (let step = 0; step < 18; step += 1) await model.step();
  await page.keyboard.press('Alt+3');
  await model.element(0, 2, 3).click();
  const shown = async (column: number): Promise<string> => {
    const name = (await model.element(0, 2, column).getAttribute('aria-label')) ?? '';
    return /\] (-?\d+)/.exec(name)?.[1] ?? '';
  };
  await page.keyboard.press('Alt+g');
  await page.getByRole('radio', { name: 'Row', exact: true }).click();
  const row = await Promise.all(Array.from({ length: 16 }, (_, column) => shown(column)));
  expect(new Set(row).size).toBeGreaterThan(1);

  const csv = await saved(page, 'Save CSV');
  expect(csv.name).toBe('tmm0-row-2.csv');
  expect(csv.bytes.toString()).toBe(`column,"tmm0, row 2"\n${row.map((value, at) => `${at},${value}\n`).join('')}`);

  const onScreen = await page.locator('.plot').boundingBox();
  for (const theme of ['dark', 'light'] as const) {
    await page.evaluate((value) => document.documentElement.setAttribute('data-theme', value), theme);
    const svg = await saved(page, 'Save SVG');
    const text = svg.bytes.toString();
    expect(text).not.toMatch(/currentColor|var\(|class=/);
    // A bar for each value that is not zero, and the ends of the axes in words.
    const bars = await page.locator('.plot-bars rect').count();
    expect(bars).toBeGreaterThan(1);
    expect(text.match(/<rect/g)?.length).toBe(bars + 2);
    expect(text).toMatch(/>0<\/text>.*>column<\/text>.*>15<\/text>/s);
    const png = await saved(page, 'Save PNG');
    const pictures = {
      svg: await drawn(page, svg.bytes, 'image/svg+xml'),
      png: await drawn(page, png.bytes, 'image/png'),
    };
    const ground = await rgba(page, '--bg-1');
    const ink = await rgba(page, '--text-2');
    for (const [kind, { width, height, colours }] of Object.entries(pictures)) {
      const scale = kind === 'png' ? 2 : 1;
      expect([width, height], kind).toEqual([
        Math.round(onScreen?.width ?? 0) * scale,
        Math.round(onScreen?.height ?? 0) * scale,
      ]);
      expect(colours[0]?.[0], `${kind}, ${theme}`).toBe(ground);
      expect(colours.find(([colour]) => colour === ink)?.[1], `${kind}, ${theme}`).toBeGreaterThan(200 * scale);
    }
  }

  await page.getByRole('radio', { name: 'Over stops', exact: true }).click();
  const over = await saved(page, 'Save CSV');
  const lines = over.bytes.toString().split('\n');
  expect(lines[0]).toBe('stop,"tmm0:i32[2][3]"');
  expect(lines).toHaveLength(21);
  expect(lines.at(-2)).toBe(`19,${row[3]}`);
});

test('[U14] a tile minus itself at A, full size from Compare, and the components over the stops: with numbers, and saved', async ({
  open,
}) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  for (let step = 0; step < 18; step += 1) await model.step();
  await page.keyboard.press('Alt+6');
  // In use from init on: the component and its tiles are marked as the guest's.
  const tiles = page.getByTestId('differs-TILEDATA');
  await expect(tiles.locator('.differences-head .is-changed')).toBeVisible();
  await tiles.getByRole('button', { name: 'tmm0 full size' }).click();
  const pane = page.locator('[data-pane="difference"]');
  const picture = pane.getByRole('img', { name: /^tmm0 minus that of stop 1, attach/ });
  await expect(picture).toHaveAccessibleName(/16 rows, 16 columns, \d+ elements differ/);
  const csv = await saved(page, 'Save CSV', 'difference');
  const numbers = csv.bytes
    .toString()
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').slice(1));
  const texts = await picture.locator('g > rect + text').allTextContents();
  expect(numbers.flat().map(Number)).toEqual(texts.map((text) => Number(text.replace('\u2212', '-'))));
  const svg = (await saved(page, 'Save SVG', 'difference')).bytes.toString();
  expect(svg).not.toMatch(/currentColor|var\(|class=/);
  expect(svg.match(/<rect/g)?.length).toBe(256 + 2);
  const png = await drawn(page, (await saved(page, 'Save PNG', 'difference')).bytes, 'image/png');
  expect(png.colours.length).toBeGreaterThan(20);
  // From another tile of the same stop.
  await pane.getByRole('combobox', { name: 'Minus' }).selectOption('tmm1');
  await expect(pane.getByRole('img', { name: /^tmm0 minus tmm1/ })).toBeVisible();
  expect.soft(await axeViolations(page)).toEqual([]);
  expect.soft(await lostContent(page)).toEqual([]);

  await page.keyboard.press('Alt+g');
  await page.getByRole('radio', { name: 'In use', exact: true }).click();
  await expect(page.getByRole('img', { name: /^Components over 19 stops.*TILECFG, TILEDATA/ })).toBeVisible();
  const lanes = (await saved(page, 'Save CSV')).bytes.toString().trim().split('\n');
  expect(lanes[0]).toMatch(/^stop,"x87","SSE",.*"TILECFG","TILEDATA"$/);
  expect(lanes[1]).toMatch(/^1,.*init,init$/);
  expect(lanes.at(-1)).toMatch(/^19,.*in use,in use$/);
  expect((await saved(page, 'Save SVG')).bytes.toString()).not.toMatch(/currentColor|var\(/);
  expect.soft(await axeViolations(page)).toEqual([]);
});
