import { expect, test } from 'vitest';
import { sampleAmxCapture } from '../../app/fixtures/samples.ts';
import { action } from '../actions/registry.ts';
import { createFakeBridge, type FakeBridge } from '../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from './debugger-store.ts';
import { productsOfProgram } from './model-slice.ts';

const opened = async (): Promise<{ store: DebuggerStore; bridge: FakeBridge }> => {
  const bridge = createFakeBridge(sampleAmxCapture(), []);
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().loadModels();
  await store.getState().openModel(store.getState().pickedModel ?? '');
  return { store, bridge };
};

test('the first model is picked, and opens on its tiles', async () => {
  const { store } = await opened();
  expect(store.getState()).toMatchObject({ tab: 'tiles', session: { kind: 'model' } });
  expect(store.getState().session?.name).toBe(store.getState().models?.[0]?.title);
  expect(store.getState().position?.at).toBe(0);
});

test('each step is a stop, and the last one halts the program', async () => {
  const { store } = await opened();
  const steps = store.getState().models?.[0]?.steps ?? 0;
  await store.getState().step(1);
  expect(store.getState().stops).toHaveLength(2);
  expect(store.getState().stops.at(-1)?.cause).toBe('step');
  expect(action('step').refused(store.getState())).toBeNull();
  await store.getState().runToEnd();
  expect(store.getState()).toMatchObject({ halted: true, running: false, session: { run: 'frozen' } });
  expect(store.getState().position?.at).toBe(steps);
  expect(action('step').refused(store.getState())).toBe('the program has halted');
});

test('a refused step keeps the stop and says why', async () => {
  const { store, bridge } = await opened();
  bridge.refuseNext('step', { code: 'model', what: 'the model does not step' });
  await store.getState().step(1);
  expect(store.getState().stops).toHaveLength(1);
  expect(store.getState().refusal?.what).toBe('the model does not step');
});

test('the products of a program say how its tiles are read', () => {
  const line = (text: string) => ({ address: '0x0', bytes: '', text, current: false });
  const disassembly = ['tileloadd tmm1,[rsi]', 'tdpbssd tmm0,tmm4,tmm6', 'TDPBF16PS TMM3, TMM1, TMM2'].map(line);
  expect(productsOfProgram({ at: 0, total: 3, disassembly })).toMatchObject([
    { operands: { c: 0, a: 4, b: 6 }, instruction: 'TDPBSSD' },
    { operands: { c: 3, a: 1, b: 2 }, instruction: 'TDPBF16PS' },
  ]);
});
