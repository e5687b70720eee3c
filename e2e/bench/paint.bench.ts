import { expect } from 'playwright/test';
import { test } from '../models/host.ts';
import { resizeTo } from '../models/resize.ts';
import { TilesWindow } from '../models/tiles-window.ts';
import { fromMore } from '../models/window.ts';

const FRAME_MS = 1000 / 60;
const ROUNDS = 4;
const SIZES = [
  { width: 1440, height: 900 },
  { width: 3840, height: 2160 },
] as const;

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;

/**
 * From the press of Step to the frame that shows the stop, all eight tiles on screen: the model's step, the way over the web
 * host's socket, decoding, React, canvas. Printed beside one frame at 60 Hz; machines differ, the ratio says more.
 */
for (const size of SIZES) {
  test(`step to painted at ${size.width}×${size.height}`, async ({ open }) => {
    test.setTimeout(300_000);
    const page = await open();
    const model = new TilesWindow(page);
    await resizeTo(page, size.width, size.height);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await model.openModel(0);
      await page.keyboard.press('Alt+3');
      await expect(page.getByRole('button', { name: 'Step', exact: true })).toBeVisible();
      times.push(
        ...(await page.evaluate(async () => {
          const button = [...document.querySelectorAll('button')].find((node) => node.ariaLabel === 'Step');
          const history = document.querySelector('[data-testid="history"]');
          if (button === undefined || history === null) throw new Error('no step button or no history');
          const measured: number[] = [];
          for (let stop = 2; stop <= 40; stop += 1) {
            const shown = new Promise<void>((resolve) => {
              const look = new MutationObserver(() => {
                if (!history.textContent?.includes(`stop ${stop}`)) return;
                look.disconnect();
                resolve();
              });
              look.observe(history, { subtree: true, childList: true, characterData: true });
            });
            while (button.ariaDisabled === 'true') await new Promise((resolve) => setTimeout(resolve, 1));
            const from = performance.now();
            button.click();
            await shown;
            // The frame is painted once a task runs after the next animation frame.
            await new Promise<void>((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
            measured.push(performance.now() - from);
          }
          return measured;
        })),
      );
      await fromMore(page, 'Close');
      await page.getByRole('button', { name: 'Close without saving' }).click();
    }
    const sorted = times.sort((a, b) => a - b);
    expect(sorted.length).toBeGreaterThan(100);
    const row = (part: number): string => {
      const ms = quantile(sorted, part);
      return `${ms.toFixed(1)} ms = ${(ms / FRAME_MS).toFixed(2)} frames`;
    };
    console.log(
      `bench: step to painted, eight tiles, ${size.width}×${size.height}, ${sorted.length} steps: p50 ${row(0.5)}, p95 ${row(0.95)}`,
    );
  });
}
