import { expect, test } from 'vitest';
import { sampleCapture } from '../../../app/fixtures/samples.ts';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore } from '../debugger-store.ts';
import { isLongPause, parsePauses, pausesOf } from './pauses.ts';

test('[U10] median and greatest pause are those of this session, and are remembered for the first screen', async () => {
  const kept = new Map<string, string>();
  const remembered = {
    get: (key: string) => kept.get(key) ?? null,
    set: (key: string, text: string) => void kept.set(key, text),
  };
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge, remembered);
  await store.getState().start();
  const paused = (ns: bigint): void => {
    const capture = sampleCapture();
    bridge.held = { ...capture, facts: { ...capture.facts, pauseNs: ns } };
  };
  paused(90_000n);
  await store.getState().attach(true);
  for (const ns of [2_000_000n, 70_000n]) {
    paused(ns);
    await store.getState().capture();
  }
  const measured = { looks: 3, medianNs: 90_000, greatestNs: 2_000_000 };
  expect(pausesOf(store.getState().stops)).toEqual(measured);
  await store.getState().detach('keep');
  expect(store.getState().measured).toEqual(measured);
  expect(createDebuggerStore(bridge, remembered).getState().measured).toEqual(measured);
});

test('what stands there and is no measurement is forgotten', () => {
  for (const text of [null, '', '{', '[]', '{"looks":"3"}', '{"looks":1,"medianNs":-1,"greatestNs":2}'])
    expect(parsePauses(text)).toBeNull();
});

test('[U10] a pause above 1 ms is told in the colour of attention, the first of a session too', () => {
  expect([900_000, 1_000_000, 1_000_001].map((greatestNs) => isLongPause({ greatestNs }))).toEqual([
    false,
    false,
    true,
  ]);
});
