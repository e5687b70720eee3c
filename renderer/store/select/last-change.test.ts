import { expect, test } from 'vitest';
import { createFakeBridge, guestWrites } from '../../testing/fake-bridge.ts';
import { createDebuggerStore } from '../debugger-store.ts';
import { lastChange } from './last-change.ts';

test('elements, fields, components, MSRs and general registers know the stop of their last change and whose it was', async () => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().attach(true);
  store.getState().stage('zmm3:f32[5]', '2.75');
  store.getState().stage('rax', '0x1234');
  await store.getState().apply();
  guestWrites(bridge, { path: 'zmm3:f32[6]', value: '1' }, { path: 'mxcsr.FTZ', value: '1' });
  await store.getState().capture();
  guestWrites(bridge, { path: 'rbx', value: '0x77' });
  await store.getState().capture();
  const { stops, at } = store.getState();
  const last = (value: string | number, from = at) => {
    const found = lastChange(stops, from, value);
    return found === null ? null : `${found.by} ${found.stop}`;
  };
  expect([last('zmm3:f32[5]'), last('zmm3:f32[6]'), last('zmm3'), last('zmm3:f32[0]')]).toEqual([
    'edit 2',
    'guest 3',
    'guest 3',
    null,
  ]);
  expect([last('mxcsr.FTZ'), last('mxcsr.DAZ'), last('rax'), last('rbx'), last('xfd')]).toEqual([
    'guest 3',
    null,
    'edit 2',
    'guest 4',
    null,
  ]);
  // AVX by its bit; and as it was at stop 2.
  expect([last(2), last(2, 1), last('zmm3', 1), last('rbx', 2)]).toEqual(['guest 3', 'edit 2', 'edit 2', null]);
});
