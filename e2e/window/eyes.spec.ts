import { expect, type Page } from 'playwright/test';
import { axeViolations } from '../models/axe.ts';
import { test } from '../models/host.ts';
import { lostContent } from '../models/lost.ts';
import { resizeTo } from '../models/resize.ts';
import { TilesWindow } from '../models/tiles-window.ts';

test.use({ machine: 'stories' });

const opened = async (open: () => Promise<Page>): Promise<TilesWindow> => {
  const window = new TilesWindow(await open());
  await window.openModel(0);
  for (let step = 0; step < 18; step += 1) await window.step();
  return window;
};

const VIEWS = ['Alt+1', 'Alt+2', 'Alt+3', 'Alt+4', 'Alt+5', 'Alt+6'] as const;
type Size = readonly [widthPx: number, heightPx: number];
const SIZES: readonly Size[] = [
  [1440, 900],
  [1100, 700],
];

/** Every view, in windows of these sizes. */
const losesNothing = async (page: Page, sizes: readonly Size[]): Promise<void> => {
  for (const [width, height] of sizes) {
    await resizeTo(page, width, height);
    await page.getByRole('tab', { name: 'Tiles', exact: true }).waitFor();
    for (const key of VIEWS) {
      await page.keyboard.press(key);
      await page.evaluate(() => new Promise(requestAnimationFrame));
      expect.soft(await lostContent(page), `${width}×${height}, ${key}`).toEqual([]);
    }
  }
};

test('[U22] at 200 % zoom and in a small window nothing is lost: what does not fit can be scrolled to', async ({
  open,
}) => {
  const { page } = await opened(open);
  await losesNothing(page, [...SIZES, [720, 450]]);
  // The matrix scrolls; its head, its legend and the row of columns do not.
  await page.keyboard.press('Alt+3');
  for (const key of ['Alt+0', 'Control+Shift+P', 'Shift+?', 'Control+Shift+C']) {
    await page.keyboard.press(key);
    await page.evaluate(() => new Promise(requestAnimationFrame));
    expect.soft(await lostContent(page), key).toEqual([]);
    await page.keyboard.press('Escape');
  }
});

test('[U24] with text at 150 % nothing is lost, what is pointed at is what is meant, and it is remembered', async ({
  open,
}) => {
  const { page } = await opened(open);
  for (let step = 0; step < 2; step += 1) {
    await page.keyboard.press('Control+Shift+P');
    await page.keyboard.type('larger text');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  }
  const zoom = (): Promise<number> => page.evaluate(() => document.documentElement.currentCSSZoom);
  expect(await zoom()).toBe(1.5);
  await losesNothing(page, SIZES);
  await resizeTo(page, 1440, 900);
  // The strip of stops, a right press and a canvas take the pointer and the screen in px of the window.
  const strip = page.getByRole('slider', { name: 'Stop', exact: true });
  const box = await strip.boundingBox();
  await page.mouse.click((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + (box?.height ?? 0) / 2);
  await expect(page.getByTestId('stepper-now')).toContainText('stop 10');
  await page.keyboard.press('Alt+3');
  const element = page.getByRole('gridcell').nth(3);
  const cell = await element.boundingBox();
  await element.click({ button: 'right' });
  const menu = await page.getByRole('menu', { name: 'What can be done here' }).boundingBox();
  expect(Math.abs((menu?.x ?? 0) - (cell?.x ?? 0) - (cell?.width ?? 0) / 2)).toBeLessThan(2);
  await page.keyboard.press('Escape');
  const canvas = page.locator('canvas.tile-canvas');
  expect(await canvas.evaluate((node: HTMLCanvasElement) => node.width / node.clientWidth)).toBeCloseTo(1.5, 1);
  await page.reload();
  await page.getByRole('tab', { name: 'Tiles', exact: true }).waitFor();
  expect(await zoom()).toBe(1.5);
});

test('[U22] where motion is unwanted nothing moves', async ({ open }) => {
  const { page } = await opened(open);
  // Pictures are taken without motion as well.
  await page.evaluate(() => document.documentElement.removeAttribute('data-deterministic'));
  const moving = (): Promise<number> =>
    page.evaluate(
      () =>
        [...document.querySelectorAll('*')].filter((node) => {
          const { transitionDuration, animationName } = getComputedStyle(node);
          return animationName !== 'none' || transitionDuration.split(',').some((time) => Number.parseFloat(time) > 0);
        }).length,
    );
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  expect(await moving()).toBeGreaterThan(0);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  for (const key of [...VIEWS, 'Control+Shift+P']) {
    await page.keyboard.press(key);
    expect(await moving(), key).toBe(0);
  }
});

/** Two pictures of an element differ, though only its state does. */
const looks = async (page: Page, selector: string): Promise<string> =>
  page
    .locator(selector)
    .first()
    .evaluate((node) => {
      const { outlineStyle, outlineColor, backgroundColor, color, borderColor } = getComputedStyle(node);
      return [outlineStyle, outlineColor, backgroundColor, color, borderColor].join(' ');
    });

test('[U22] in forced colours the keyboard, what is chosen and what is set are seen', async ({ open }) => {
  const window = await opened(open);
  const { page } = window;
  await page.emulateMedia({ forcedColors: 'active', colorScheme: 'dark' });
  for (const key of VIEWS) {
    await page.keyboard.press(key);
    expect.soft(await axeViolations(page), key).toEqual([]);
    for (let stop = 0; stop < 8; stop += 1) {
      await page.keyboard.press('F6');
      const focus = await page.evaluate(() => {
        const node = document.activeElement ?? document.body;
        const by = node.getAttribute('aria-activedescendant');
        const seen = (by === null ? null : document.getElementById(by)) ?? node;
        const { outlineStyle, outlineWidth } = getComputedStyle(seen);
        const own = getComputedStyle(node);
        return [outlineStyle, outlineWidth, own.outlineStyle, node.className].join(' ');
      });
      expect.soft(focus, `${key}, region ${stop}`).toMatch(/solid/);
    }
  }
  await page.keyboard.press('Alt+2');
  for (const [chosen, other] of [
    ['[role="tab"][aria-selected="true"]', '[role="tab"][aria-selected="false"]'],
    ['.centre [role="radio"][aria-checked="true"]', '.centre [role="radio"][aria-checked="false"]'],
    ['.rail [aria-selected="true"]', '.rail [aria-selected="false"]'],
  ] as const) {
    expect.soft(await looks(page, chosen), chosen).not.toBe(await looks(page, other));
  }
  await page.getByRole('radio', { name: 'Opmask', exact: true }).click();
  await window.typeRegister('k1', '0xff');
  await window.apply();
  expect(await looks(page, '.mask-bit.set')).not.toBe(await looks(page, '.mask-bit:not(.set)'));
  await page.keyboard.press('Alt+1');
  expect(await looks(page, '.bit.on')).not.toBe(await looks(page, '.bit.off'));
});
