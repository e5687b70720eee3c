import { expect, test } from 'vitest';
import { createDebuggerStore } from '../store/debugger-store.ts';
import type { State } from '../store/state/state.ts';
import { createFakeBridge } from '../testing/fake-bridge.ts';
import { ACTIONS, action } from './registry.ts';

test('an id is used once', () => {
  expect(new Set(ACTIONS.map(({ id }) => id)).size).toBe(ACTIONS.length);
});

test('a reason of refusal is given for what cannot be done now, and goes when it can', async () => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  const refused = (id: string): string | null => action(id).refused(store.getState());
  expect(refused('capture')).toBe('no target is attached');
  expect(refused('attach')).toBeNull();
  await store.getState().attach(true);
  expect(refused('freeze')).toBe('already stopped');
  expect(refused('capture')).toBeNull();
  expect(refused('attach')).toBe('detach first');
  expect(refused('apply')).toBe('nothing is staged');
  await store.getState().resume();
  expect(refused('continue')).toBe('already running');
  expect(refused('freeze')).toBeNull();
});

test('[U21] a file runs nowhere, and is edited in a copy', async () => {
  const store = createDebuggerStore(createFakeBridge());
  await store.getState().openFile('capture.json', '');
  expect(action('continue').refused(store.getState())).toBe('a file does not run');
  expect(action('restore').refused(store.getState())).toBe('a file does not run');
  store.getState().stage('zmm0:f32[0]', '7');
  expect(action('apply').refused(store.getState())).toBeNull();
  await store.getState().apply();
  expect(store.getState().stops.map(({ cause }) => cause)).toEqual(['file', 'apply']);
  expect(action('open-file').refused(store.getState())).toBe('save or close the edited file first');
  action('detach').run(store);
  expect(store.getState()).toMatchObject({ overlay: { kind: 'close-model' }, session: { kind: 'file' } });
  action('undo').run(store);
  await expect.poll(() => store.getState().stops.length).toBe(3);
  expect(store.getState().session?.kind).toBe('file');
});

test('detaching asks where something was written, and is done at once where nothing was', async () => {
  const store = createDebuggerStore(createFakeBridge());
  await store.getState().start();
  await store.getState().attach(true);
  store.getState().stage('zmm3:f32[5]', '2.75');
  await store.getState().apply();
  action('detach').run(store);
  expect(store.getState().overlay).toEqual({ kind: 'detach' });
  expect(store.getState().session).not.toBeNull();
});

test('what the VMM holds can be staged and not written, until a capture finds the vCPU inside KVM_RUN again', async () => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().attach(true);
  store.getState().stage('k1', '0xff');
  await store.getState().apply();
  const setInside = async (inKvmRun: boolean): Promise<void> => {
    bridge.held = { ...bridge.held, facts: { ...bridge.held.facts, inKvmRun } };
    await store.getState().capture();
  };
  await setInside(false);
  const refused = (id: string): string | null => action(id).refused(store.getState());
  for (const id of ['undo', 'restore', 'restore-selected']) expect(refused(id)).toContain('the VMM holds this vCPU');
  expect(store.getState().stage('k2', '0x5a')).toBeNull();
  expect(refused('apply')).toContain('the VMM holds this vCPU');
  await setInside(true);
  for (const id of ['apply', 'restore']) expect(refused(id)).toBeNull();
});

test('restoring to a stop is for an earlier one on screen', async () => {
  const store = createDebuggerStore(createFakeBridge());
  await store.getState().start();
  await store.getState().attach(true);
  store.getState().stage('k1', '0xff');
  await store.getState().apply();
  const restore = action('restore-to-stop');
  expect(restore.refused(store.getState())).toContain('go to an earlier one');
  store.getState().goToStop(0);
  expect(restore.refused(store.getState())).toBeNull();
  restore.run(store);
  expect(store.getState()).toMatchObject({ overlay: { kind: 'restore' }, restoreTo: { kind: 'stop', number: 1 } });
});

test('in every state an act is free or refused in words, and each has a title of its own to be found by', async () => {
  const states: State[] = [];
  const store = createDebuggerStore(createFakeBridge());
  const see = (): void => void states.push(store.getState());
  see();
  await store.getState().start();
  see();
  await store.getState().attach(true);
  store.getState().stage('mxcsr', '0x11f80');
  see();
  store.getState().discard();
  store.getState().stage('k1', '1');
  const apply = store.getState().apply();
  see();
  await apply;
  store.getState().goToStop(0);
  see();
  await store.getState().resume();
  see();
  await store.getState().detach('keep');
  await store.getState().loadModels();
  await store.getState().openModel(store.getState().pickedModel ?? '');
  see();
  await store.getState().step(10_000);
  see();
  await store.getState().detach('keep');
  await store.getState().openFile('core', '');
  see();
  expect(new Set(ACTIONS.map(({ title }) => title.toLowerCase())).size).toBe(ACTIONS.length);
  for (const row of ACTIONS) {
    const reasons = states.flatMap((state) => row.refused(state) ?? []);
    for (const reason of reasons) expect(reason, row.id).toMatch(/^[A-Za-z]\S* .*[^.]$/);
  }
});
