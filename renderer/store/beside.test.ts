import { expect, test } from 'vitest';
import { createFakeBridge, guestWrites } from '../testing/fake-bridge.ts';
import { besideKey, besideOf, createBeside } from './beside.ts';
import { createDebuggerStore } from './debugger-store.ts';
import { selectCapture, selectEditRefusal, selectProvenance } from './select/selectors.ts';

test('[U14] a view beside shows another stop, follows the window, keeps its own tab, and writes nothing', async () => {
  const bridge = createFakeBridge();
  const main = createDebuggerStore(bridge);
  const { getState } = main;
  await getState().start();
  await getState().attach(true);
  guestWrites(bridge, { path: 'zmm3:f32[1]', value: '7' });
  await getState().capture();
  getState().setTab('registers');
  const beside = createBeside(main, { kind: 'previous' });
  const end = beside.start();
  const shown = () => beside.store.getState();
  expect([shown().at, shown().tab]).toEqual([0, 'registers']);
  expect(selectCapture(shown())).toBe(getState().stops[0]?.capture);
  // A stop more: the one before it is another one now.
  await getState().capture();
  expect(selectCapture(shown())).toBe(getState().stops[1]?.capture);
  expect(selectProvenance(shown())?.previous).toBe(getState().stops[0]?.capture);
  shown().setTab('tiles');
  expect(getState().tab).toBe('registers');
  expect(selectEditRefusal(shown())).not.toBeNull();
  await shown().capture();
  expect(getState().stops).toHaveLength(3);

  await getState().switchVcpu(2);
  beside.follow({ kind: 'vcpu', vcpu: 0 });
  expect(shown().session?.vcpu).toBe(0);
  expect(shown().stops).toHaveLength(3);
  beside.follow({ kind: 'stop', number: 1 });
  expect(shown().session?.vcpu).toBe(2);
  await getState().detach('keep');
  expect([shown().session, shown().stops.length]).toEqual([null, 0]);
  end();
});

test.each(['previous', 'stop 7', 'vcpu 3', 'file', 'target'])('%s is read as it is written', (key) => {
  expect(besideKey(besideOf(key))).toBe(key);
});
