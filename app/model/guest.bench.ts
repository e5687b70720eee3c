import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { createHistory } from '../session/history.ts';
import { createModelGuest } from './guest.ts';

const STEPS = 10_000;

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

const memoryBytes = async (): Promise<number> => {
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    collect();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

/** Runs the int8 program again and again, and hands over the capture of every step. */
const run = async (keep: (capture: Capture) => void): Promise<number> => {
  let steps = 0;
  while (steps < STEPS) {
    const guest = createModelGuest('int8-product');
    if (guest === undefined) throw new Error('there is no int8-product');
    for (let ended = false; steps < STEPS && !ended; steps += 1) {
      ({ ended } = guest.step(1));
      keep(guest.capture(0));
      if (steps % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return steps;
};

test('memory per 10,000 model steps, every capture kept', async () => {
  const before = await memoryBytes();
  const history = createHistory();
  const stops: unknown[] = [];
  const from = performance.now();
  const steps = await run((capture) => stops.push(history.add(capture)));
  const ms = (performance.now() - from) / steps;
  const kept = (await memoryBytes()) - before;
  expect(stops).toHaveLength(STEPS);
  const whole = STEPS * 11_008;
  console.log(
    `bench: ${STEPS} model steps kept: ${(kept / 2 ** 20).toFixed(1)} MiB, ${((kept / whole) * 100).toFixed(0)} % of their images; ${ms.toFixed(3)} ms a step`,
  );
});
