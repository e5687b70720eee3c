import { expect, test } from 'vitest';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { selectWithEdits } from '../select/attached.ts';
import { selectLeaving, wouldLose } from './leaving.ts';

const written = async (freeze: boolean): Promise<DebuggerStore> => {
  const store = createDebuggerStore(createFakeBridge());
  await store.getState().start();
  await store.getState().attach(freeze);
  store.getState().stageAll([
    { path: 'zmm3:f32[1]', value: '2' },
    { path: 'rax', value: '5' },
  ]);
  await store.getState().apply();
  return store;
};

test('what giving back would write is listed, general registers apart', async () => {
  const [row] = selectLeaving((await written(true)).getState());
  expect(row?.general.map(({ path }) => path)).toEqual(['rax']);
  expect(row?.changes.map(({ path }) => path)).toContain('xmm3:f32[1]');
  expect(row?.hasRun).toBe(false);
});

test('a write that was undone is none that stands, and one that was written again is', async () => {
  const store = await written(true);
  const standing = (): readonly number[] => selectWithEdits(store.getState()).map(({ writes }) => writes);
  store.getState().stage('k1', '0x77');
  await store.getState().apply();
  expect(standing()).toEqual([2]);
  store.getState().undo();
  await expect.poll(standing).toEqual([1]);
  expect(selectLeaving(store.getState())[0]?.changes.map(({ path }) => path)).not.toContain('k1');
  store.getState().undo();
  await expect.poll(standing).toEqual([]);
  expect(selectLeaving(store.getState())).toEqual([]);
  store.getState().redo();
  await expect.poll(standing).toEqual([1]);
  await store.getState().restore({ kind: 'all' });
  expect(standing()).toEqual([]);
  store.getState().undo();
  await expect.poll(standing).toEqual([1]);
});

test('a guest that has run since says so', async () => {
  const store = await written(true);
  await store.getState().resume();
  expect(selectLeaving(store.getState())[0]?.hasRun).toBe(true);
  expect(selectLeaving((await written(false)).getState())[0]?.hasRun).toBe(true);
});

test('without the general registers these stay as the guest has them', async () => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().attach(true);
  store.getState().stage('rax', '5');
  await store.getState().apply();
  const held = bridge.held.facts.general?.rax;
  await store.getState().detach('without-general');
  expect(bridge.held.facts.general?.rax).toBe(held);
  expect(store.getState().session).toBeNull();
  expect(bridge.calls.filter((call) => call === 'restore' || call === 'detach')).toEqual(['restore', 'detach']);
});

test('a page asks before it goes with stops that nobody has kept, and lets a file go', async () => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  expect(wouldLose(store.getState())).toBe(false);
  await store.getState().start();
  await store.getState().attach(true);
  expect(wouldLose(store.getState())).toBe(false);
  await store.getState().capture();
  expect(wouldLose(store.getState())).toBe(true);
  store.getState().noteSaved({ fileName: 'a', stops: 2, sizeBytes: 1, tooLarge: false });
  expect(wouldLose(store.getState())).toBe(false);
  store.getState().stage('zmm3:f32[1]', '9');
  expect(wouldLose(store.getState())).toBe(true);
  await store.getState().detach('keep');
  expect(wouldLose(store.getState())).toBe(false);
});
