import { describe, expect, test } from 'vitest';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { captureText } from '../../app/session/document.ts';
import { createDecoder } from './decoder.ts';
import type { Reading } from './reading.ts';

/** Readers in the place of the real one, which is a bundle of the build. */
const reader = (code: string): URL => new URL(`data:text/javascript,${encodeURIComponent(code)}`);
const HANGS = reader(
  "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { for (;;); });",
);
const ANSWERS = reader(
  "import { parentPort } from 'node:worker_threads'; parentPort.on('message', ({ name }) => parentPort.postMessage({ ok: false, refusal: { code: 'file', what: name } }));",
);
const EATS = reader(
  "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { const all = []; for (;;) all.push({ a: all.length }); });",
);
const DIES = reader('process.exit(3);');
const LARGE = new Uint8Array(512 * 1024);
const asked = (name: string) => ({ name, bytes: LARGE, wanted: null, preset: '' });

test('[F18] the thread starts whatever this process was started with, and sees nothing of its environment', async () => {
  const code =
    "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => parentPort.postMessage({ ok: false, refusal: { what: [process.execArgv, Object.keys(process.env)] } }));";
  process.execArgv.push('--input-type=module');
  try {
    const answer = await createDecoder({ worker: reader(code) }).decode(asked('a'));
    expect(answer).toMatchObject({ ok: false, refusal: { what: [[], []] } });
  } finally {
    process.execArgv.pop();
  }
});

describe('[F18] files are read away from the sessions', () => {
  test('a short one at once, a long one in a thread', async () => {
    const decoder = createDecoder({ worker: ANSWERS });
    const bytes = new TextEncoder().encode(captureText(sampleCapture()));
    expect(await decoder.decode({ ...asked('short'), bytes })).toMatchObject({ ok: true });
    expect(await decoder.decode(asked('long'))).toMatchObject({ refusal: { what: 'long' } });
  });

  test('a packed one in a thread, however short: sixty megabytes of numbers take sixty kilobytes', async () => {
    const decoder = createDecoder({ worker: ANSWERS });
    for (const magic of [
      [0x1f, 0x8b],
      [0x28, 0xb5, 0x2f, 0xfd],
      [0xfd, 0x37, 0x7a, 0x58, 0x5a],
    ]) {
      const bytes = Uint8Array.from([...magic, ...Array<number>(40).fill(0)]);
      expect(await decoder.decode({ ...asked('packed'), bytes })).toMatchObject({ refusal: { what: 'packed' } });
    }
  });

  test('what hangs is ended after its time; this thread goes on meanwhile', async () => {
    const decoder = createDecoder({ worker: HANGS, timeoutMs: 600 });
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 5);
    expect(await decoder.decode(asked('a'))).toMatchObject({
      ok: false,
      refusal: { what: expect.stringContaining('600 ms') },
    });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  test('what takes longer than a second is told, and can be called off', async () => {
    const decoder = createDecoder({ worker: HANGS });
    const told: Reading[] = [];
    const answer = await decoder.decode({
      ...asked('a'),
      onReading: (reading) => {
        told.push(reading);
        reading.cancel();
      },
    });
    expect(answer).toMatchObject({ ok: false, refusal: { what: 'reading the file was called off' } });
    expect(told).toMatchObject([{ name: 'a', sizeBytes: LARGE.length }]);
    expect(told[0]?.elapsedMs).toBeGreaterThan(900);
  });

  test('what eats memory, and what dies, is a refusal and ends nothing else', async () => {
    const eaten = await createDecoder({ worker: EATS, memoryMb: 32 }).decode(asked('a'));
    expect(eaten).toMatchObject({ ok: false, refusal: { what: expect.stringContaining('more than 32 MB') } });
    expect(await createDecoder({ worker: DIES }).decode(asked('a'))).toMatchObject({ ok: false });
  });

  test('two at once, the others wait, and more than that are refused; the end ends them all', async () => {
    const decoder = createDecoder({ worker: HANGS });
    const all = Array.from({ length: 30 }, (_, at) => decoder.decode(asked(`file ${at}`)));
    await expect.poll(() => Promise.race([all[29], 'waits'])).toMatchObject({ refusal: { code: 'busy' } });
    await decoder.close();
    const answers = await Promise.all(all);
    expect(answers.filter((answer) => !answer.ok && answer.refusal.code === 'busy').length).toBeGreaterThan(8);
    expect(answers.filter((answer) => answer.ok)).toEqual([]);
  });
});
