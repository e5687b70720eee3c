import { expect, test, vi } from 'vitest';
import { createDebuggerStore } from '../store/debugger-store.ts';
import { createFakeBridge } from '../testing/fake-bridge.ts';
import { beforeLeaving } from './leaving.ts';

const leave = (store: ReturnType<typeof createDebuggerStore>): boolean => {
  const preventDefault = vi.fn();
  beforeLeaving(store, { preventDefault });
  return preventDefault.mock.calls.length > 0;
};

test('[C85] leaving asks with staged and with written edits, and else does not', async () => {
  const store = createDebuggerStore(createFakeBridge());
  await store.getState().start();
  expect(leave(store)).toBe(false);
  await store.getState().attach(true);
  expect(leave(store)).toBe(false);
  store.getState().stageAll([{ path: 'zmm3:f32[1]', value: '2' }]);
  expect(leave(store)).toBe(true);
  expect(store.getState().overlay).toEqual({ kind: 'detach', closing: true });
  store.getState().setOverlay(null);
  await store.getState().apply();
  expect(leave(store)).toBe(true);
  await store.getState().detach('keep');
  expect(leave(store)).toBe(false);
});

test('[C85] what only a browser asks about never holds the window', async () => {
  const store = createDebuggerStore(createFakeBridge());
  await store.getState().start();
  await store.getState().attach(true);
  await store.getState().capture();
  await store.getState().capture();
  const { hostFacts } = store.getState();
  if (hostFacts === null) throw new Error('the host has said nothing');
  store.set({ hostFacts: { ...hostFacts, host: 'web' } });
  expect(leave(store)).toBe(true);
  store.set({ hostFacts: { ...hostFacts, host: 'electron' } });
  expect(leave(store)).toBe(false);
  expect(store.getState().overlay).toBeNull();
});

test('[C85] a page whose host is gone has nothing left to give back, and may leave', async () => {
  const store = createDebuggerStore(createFakeBridge());
  await store.getState().start();
  await store.getState().attach(true);
  store.getState().stageAll([{ path: 'zmm3:f32[1]', value: '2' }]);
  store.set({ hostLost: true });
  expect(leave(store)).toBe(false);
});
