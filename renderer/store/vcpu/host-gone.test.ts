import { expect, test } from 'vitest';
import { action } from '../../actions/registry.ts';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
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

test('a model is gone with the host as well', async () => {
  const bridge = createFakeBridge(undefined, []);
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().loadModels();
  await store.getState().openModel(store.getState().pickedModel ?? '');
  bridge.emit(GONE);
  for (const id of ['step', 'run-to-end', 'continue']) expect(action(id).refused(store.getState()), id).not.toBeNull();
});
