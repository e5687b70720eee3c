import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fuzz } from './fuzz.ts';
import { seedsOf } from './seeds.ts';
import { FUZZ_TARGETS } from './targets.ts';
import { startWebFuzz, type WebFuzz } from './web-frames.ts';

/** A short round of `npm run fuzz`, the same each time: as many executions, from the same seed, after what is kept. */
const SEEDS = fileURLToPath(new URL('seeds', import.meta.url));

describe('[Q5] whatever the bytes: an answer', () => {
  test.each(FUZZ_TARGETS.map((target) => [target.name, target] as const))('%s', async (name, target) => {
    const done = await fuzz(target, { seed: 1, executions: 150 }, seedsOf(SEEDS, name));
    expect(done.fault?.what ?? 'no fault').toBe('no fault');
    expect(done.executions).toBe(150);
    // An engine whose inputs all end in the same way tests nothing.
    expect(done.outcomes).toBeGreaterThan(2);
  });

  let web: WebFuzz;
  beforeAll(async () => {
    web = await startWebFuzz();
  });
  afterAll(() => web.close());

  test.each([0, 1])('the web host, client %i', async (index) => {
    const target = web.targets[index];
    if (target === undefined) throw new Error('no such target');
    const done = await fuzz(target, { seed: 1, executions: 80 }, seedsOf(SEEDS, target.name));
    expect(done.fault?.what ?? 'no fault').toBe('no fault');
    expect(done.outcomes).toBeGreaterThan(1);
  });

  test('a fault is found, told and kept', async () => {
    const target = {
      name: 'a fault',
      seeds: () => [Uint8Array.of(1, 2, 3, 4)],
      run: (bytes: Uint8Array): string => {
        if (bytes.length < 3) throw new Error('too short');
        return String(bytes.length);
      },
    };
    const [one, again] = [
      await fuzz(target, { seed: 7, executions: 500 }),
      await fuzz(target, { seed: 7, executions: 500 }),
    ];
    expect(one.fault?.what).toContain('too short');
    expect(again.fault?.bytes).toEqual(one.fault?.bytes);
  });
});
