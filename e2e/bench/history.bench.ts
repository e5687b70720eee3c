import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page } from 'playwright/test';
import type { Capture } from '../../app/capture/capture.ts';
import { stageAssignments } from '../../app/edit/assign.ts';
import { sampleAmxCapture } from '../../app/fixtures/samples.ts';
import { sessionText } from '../../app/session/session-document.ts';
import { test } from '../models/host.ts';

const FRAME_MS = 1000 / 60;
const COUNTS = [24, 1000, 10_000] as const;
const MOVES = 120;

/** The recorded guest with one element written; one stop in ten changes opmask as well, one in fifty was written. */
const sessionOf = (count: number): string => {
  const base = sampleAmxCapture();
  const states: Capture[] = Array.from({ length: 200 }, (_, at) => {
    const mask = at % 10 === 0 ? [{ path: `k${at % 8}`, value: String(at + 1) }] : [];
    const write = stageAssignments(base, [{ path: `zmm${at % 32}:f32[${at % 16}]`, value: String(at + 0.5) }, ...mask]);
    if (!write.ok) throw new Error(JSON.stringify(write.problem));
    return { ...base, image: write.value.image };
  });
  const stops = Array.from({ length: count }, (_, at) => {
    const { image, facts } = states[Math.floor(at / 2) % states.length] ?? base;
    const written = at > 0 && at % 50 === 0;
    return {
      number: at + 1,
      cause: written ? ('undo' as const) : ('capture' as const),
      label: at % 100 === 0 ? `mark ${at}` : null,
      write: written ? { kind: 'undo' as const, over: at - 1, writtenBytes: 4 } : null,
      capture: { image, facts: { ...facts, takenAtMs: 1_760_000_000_000 + at * 40 } },
    };
  });
  return sessionText({ product: 'Tilescope', savedAtMs: 1_760_000_500_000, pinned: 1, stops });
};

const open = async (page: Page, path: string, count: number): Promise<number> => {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open file…' }).first().click();
  const from = performance.now();
  await (await chooser).setFiles(path);
  await expect(page.getByRole('slider', { name: 'Stop' })).toHaveAttribute('aria-valuemax', String(count));
  return performance.now() - from;
};

/** From the key to the whole file in the browser's hands. */
const save = async (page: Page): Promise<number> => {
  const download = page.waitForEvent('download');
  const from = performance.now();
  await page.keyboard.press('Control+s');
  await (await download).path();
  return performance.now() - from;
};

/** Drags along the strip, one move a frame, to the frame that shows each; the stop must follow the pointer. */
const scrub = (page: Page): Promise<{ times: number[]; nodes: number; stops: number }> =>
  page.evaluate(async (moves) => {
    const strip = document.querySelector('[role="slider"][aria-label="Stop"]');
    const history = document.querySelector('[data-testid="history"]');
    if (strip === null || history === null) throw new Error('no strip');
    const box = strip.getBoundingClientRect();
    const send = (type: string, share: number): void => {
      const clientX = box.left + box.width * share;
      const init = { clientX, clientY: box.top + 30, pointerId: 1, button: 0, buttons: 1, bubbles: true };
      strip.dispatchEvent(new PointerEvent(type, init));
    };
    // A pointer that no hardware moves cannot be captured; the drag itself is the same.
    Element.prototype.setPointerCapture = () => undefined;
    send('pointerdown', 0);
    const times: number[] = [];
    const seen = new Set<string | null>();
    for (let move = 1; move <= moves; move += 1) {
      const from = performance.now();
      send('pointermove', move / moves);
      await new Promise<void>((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      times.push(performance.now() - from);
      seen.add(strip.getAttribute('aria-valuenow'));
    }
    send('pointerup', 1);
    return { times, nodes: history.querySelectorAll('*').length, stops: seen.size };
  }, MOVES);

test('scrubbing costs no more with 10,000 stops than with 24', async ({ open: start }) => {
  test.setTimeout(300_000);
  const folder = mkdtempSync(join(tmpdir(), 'tilescope-history-'));
  try {
    const medians: number[] = [];
    for (const count of COUNTS) {
      const path = join(folder, `${count}.session.json`);
      const text = sessionOf(count);
      writeFileSync(path, text);
      const page = await start();
      const openedMs = await open(page, path, count);
      const { times, nodes, stops } = await scrub(page);
      const savedMs = await save(page);
      const sorted = times.sort((a, b) => a - b);
      const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
      const frames = (ms: number): string => `${ms.toFixed(1)} ms = ${(ms / FRAME_MS).toFixed(2)} frames`;
      console.log(
        `bench: ${count} stops, ${(text.length / 1024).toFixed(0)} KiB: opened in ${openedMs.toFixed(0)} ms, saved in ${savedMs.toFixed(0)} ms; ` +
          `scrubbed, ${times.length} moves: p50 ${frames(at(0.5))}, p95 ${frames(at(0.95))}; ${nodes} nodes`,
      );
      expect(stops).toBeGreaterThanOrEqual(Math.min(count, MOVES) * 0.9);
      expect(nodes).toBeLessThan(600);
      medians.push(at(0.5));
    }
    const [few = 0, , many = 0] = medians;
    expect(many).toBeLessThan(few * 2 + FRAME_MS);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
