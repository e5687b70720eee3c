import { expect, test } from 'vitest';
import { action } from '../../actions/registry.ts';
import { modelRefusal } from '../../actions/target-actions.ts';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { HOST_LOST } from '../base/availability.ts';
import { createDebuggerStore } from '../debugger-store.ts';
import { selectApplyRefusal, selectEditRefusal } from '../select/selectors.ts';

const GONE = { kind: 'host-gone', problem: 'the Tilescope host is gone: start it again' } as const;

test('with the host gone nothing that asks it can be pressed, and what was read stays', async () => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().attach(true);
  store.getState().stage('zmm3:f32[1]', '2');
  bridge.emit(GONE);
  const state = store.getState();
  expect(state).toMatchObject({ hostLost: true, run: { state: 'ended' }, refusal: { code: 'helper-gone' } });
  expect(state.stops).toHaveLength(1);
  expect(selectApplyRefusal(state)).not.toBeNull();
  expect(selectEditRefusal(state)).not.toBeNull();
  for (const id of ['continue', 'freeze', 'capture', 'restore', 'step', 'live'])
    expect(action(id).refused(state), id).not.toBeNull();
});

test('at the first screen too nothing that asks it can be pressed', async () => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().loadModels();
  bridge.emit(GONE);
  const state = store.getState();
  expect(modelRefusal(state)).toBe(HOST_LOST);
  for (const id of ['attach', 'attach-frozen', 'open-model', 'refresh', 'demo', 'open-file'])
    expect(action(id).refused(state), id).toBe(HOST_LOST);
});

test('a model is gone with the host as well', async () => {
  const bridge = createFakeBridge(undefined, []);
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().loadModels();
  await store.getState().openModel(store.getState().pickedModel ?? '');
  bridge.emit(GONE);
  for (const id of ['step', 'run-to-end', 'continue', 'freeze'])
    expect(action(id).refused(store.getState()), id).not.toBeNull();
});
