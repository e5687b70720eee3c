import { expect, test } from 'vitest';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore } from '../debugger-store.ts';

test('a file that takes long to read is shown with its time, until it has ended, and can be called off', async () => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  bridge.emit({ kind: 'reading', name: 'a.json', sizeBytes: 5, elapsedMs: 2_000 });
  expect(store.getState().reading).toEqual({ name: 'a.json', sizeBytes: 5, elapsedMs: 2_000 });
  await store.getState().cancelReading();
  expect(bridge.calls).toContain('cancelReading');
  bridge.emit({ kind: 'reading', name: 'a.json', sizeBytes: 5, elapsedMs: null });
  expect(store.getState().reading).toBeNull();
});
