import { expect, test } from 'vitest';
import { createDebuggerStore } from '../store/debugger-store.ts';
import { createFakeBridge } from '../testing/fake-bridge.ts';
import { ACTIONS, action } from './registry.ts';

test('ids and keys are each used once', () => {
  const ids = ACTIONS.map((row) => row.id);
  const keys = ACTIONS.flatMap((row) => row.keys);
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(keys).size).toBe(keys.length);
});

test('a reason of refusal is given for what cannot be done now, and goes when it can', async () => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  const refused = (id: string): string | null => action(id).refused(store.getState());
  expect(refused('capture')).toBe('no target is attached');
  expect(refused('attach')).toBeNull();
  await store.getState().attach(true);
  expect(refused('freeze')).toBe('already frozen');
  expect(refused('capture')).toBeNull();
  expect(refused('attach')).toBe('detach first');
  expect(refused('apply')).toBe('nothing is staged');
  await store.getState().resume();
  expect(refused('continue')).toBe('already running');
  expect(refused('freeze')).toBeNull();
});

test('a file runs nowhere and is read only', async () => {
  const store = createDebuggerStore(createFakeBridge());
  await store.getState().openFile('capture.json', '');
  expect(action('continue').refused(store.getState())).toBe('a file does not run');
  expect(action('restore').refused(store.getState())).toBe('a file does not run');
  store.getState().stage('zmm0:f32[0]', '7');
  expect(action('apply').refused(store.getState())).toBe('a file is read only');
});

test('detaching asks where something was written, and is done at once where nothing was', async () => {
  const store = createDebuggerStore(createFakeBridge());
  await store.getState().start();
  await store.getState().attach(true);
  store.getState().stage('zmm3:f32[5]', '2.75');
  await store.getState().apply();
  action('detach').run(store);
  expect(store.getState().overlay).toEqual({ kind: 'detach', thenVcpu: null });
  expect(store.getState().session).not.toBeNull();
});
