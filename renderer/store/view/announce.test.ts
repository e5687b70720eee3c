import { expect, test } from 'vitest';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore } from '../debugger-store.ts';
import { announcement } from './announce.ts';

test('[U16] staging, apply, undo, steps and runs are said, once each, and live refresh is not', async () => {
  const store = createDebuggerStore(createFakeBridge());
  const said: string[] = [];
  await store.getState().start();
  store.subscribe((now, previous) => {
    const words = announcement(previous, now);
    if (words !== null) said.push(words);
  });
  await store.getState().attach(true);
  store.getState().stageAll([{ path: 'zmm3:f32[1]', value: '2.5' }]);
  await store.getState().apply();
  store.getState().undo();
  await expect.poll(() => store.getState().stops.at(-1)?.cause).toBe('undo');
  store.getState().goToStop(0);
  await store.getState().resume();
  expect(said).toEqual([
    'Staged zmm3:f32[1] 2.5, 1 in all',
    expect.stringMatching(/^Written and read back, \d+ bytes, stop 2$/),
    expect.stringMatching(/^Undone and read back, \d+ bytes, stop 3$/),
    'Stop 1 of 3',
    'Running',
  ]);
});
