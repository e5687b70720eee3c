import { expect, test, vi } from 'vitest';
import { sampleAmxCapture } from '../../../app/fixtures/samples.ts';
import { action } from '../../actions/registry.ts';
import { createFakeBridge, type FakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { hasHalted } from '../select/run.ts';
import { stoppedWhy } from '../select/stopped-why.ts';
import { selectBreakpoints } from './drive-slice.ts';
import { executedAt, lastProduct, productsOfProgram } from './executed.ts';

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
  expect(store.getState()).toMatchObject({ run: { state: 'stopped', why: 'halted' } });
  expect(store.getState().position?.at).toBe(steps);
  expect(action('step').refused(store.getState())).toBe('the program has halted');
});

test('Continue of a model runs to a breakpoint, goes on from it, and counts its hits', async () => {
  const { store } = await opened();
  const line = store.getState().position?.disassembly[7];
  if (line === undefined) throw new Error('the program is shorter');
  store.getState().toggleBreakpoint(line.address);
  await store.getState().runToEnd();
  expect(store.getState().stops.at(-1)?.capture.facts.general?.rip).toBe(BigInt(line.address));
  expect(stoppedWhy(store.getState())).toBe('at breakpoint 1');
  expect(selectBreakpoints(store.getState())).toMatchObject([{ hits: 1 }]);
  await store.getState().step(1);
  expect(stoppedWhy(store.getState())).toBe('after 1 step');
  await store.getState().runToEnd();
  expect(hasHalted(store.getState())).toBe(true);
  expect(stoppedWhy(store.getState())).toBe('halted');
});

test('[RC6] Continue of a model passes a breakpoint whose condition does not hold', async () => {
  const { store } = await opened();
  const line = store.getState().position?.disassembly[7];
  if (line === undefined) throw new Error('the program is shorter');
  const breakpoint = { address: line.address, on: 'execute', bytes: 1 } as const;
  store.getState().addBreakpoint({ ...breakpoint, when: 'rip == 0' });
  await store.getState().runToEnd();
  expect(hasHalted(store.getState())).toBe(true);
  expect(selectBreakpoints(store.getState())).toMatchObject([{ hits: 0 }]);
});

test('an exception stands at its stop, and is gone with the model', async () => {
  const { store } = await opened();
  await store.getState().detach('keep');
  const xfd = store.getState().models?.find(({ title }) => title.includes('XFD'));
  await store.getState().openModel(xfd?.id ?? '');
  while (store.getState().modelEvents.length === 0 && !hasHalted(store.getState())) await store.getState().step(1);
  const { modelEvents, stops } = store.getState();
  expect(modelEvents).toMatchObject([{ kind: 'nm', stop: stops.length }]);
  await store.getState().detach('keep');
  expect(store.getState().modelEvents).toEqual([]);
});

test('a refused step keeps the stop and says why', async () => {
  const { store, bridge } = await opened();
  bridge.refuseNext('step', { code: 'model-stands-still', what: 'the model does not step' });
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

test('steps asked for while one is under way are all made, in turn', async () => {
  const { store, bridge } = await opened();
  const plain = bridge.step;
  let inFlight = 0;
  bridge.step = async (session, count) => {
    inFlight += 1;
    expect(inFlight).toBe(1);
    await Promise.resolve();
    inFlight -= 1;
    return plain(session, count, null);
  };
  const step = action('step');
  const presses: (string | null)[] = [];
  for (let press = 0; press < 12; press += 1) {
    presses.push(step.refused(store.getState()));
    step.run(store);
  }
  expect(presses).toEqual(presses.map(() => null));
  await vi.waitFor(() => expect(store.getState()).toMatchObject({ busy: null, position: { at: 12 } }));
  expect(store.getState().stops).toHaveLength(13);
});

test('steps that wait are bounded, and gone after a refusal, a pause and the halt', async () => {
  const { store, bridge } = await opened();
  const { step } = store.getState();
  bridge.refuseNext('step', { code: 'model-stands-still', what: 'the model does not step' });
  await Promise.all([step(1), step(1), step(1)]);
  expect(store.getState()).toMatchObject({ position: { at: 0 }, refusal: { what: 'the model does not step' } });
  const first = step(1);
  void step(1);
  store.getState().pauseModel();
  await first;
  expect(store.getState().position?.at).toBe(1);
  let made = 0;
  const plain = bridge.step;
  bridge.step = async (session, count) => {
    made += 1;
    const answer = await plain(session, count, null);
    if (!answer.ok || !('whole' in answer.value) || made >= 200) return answer;
    return { ok: true, value: { ...answer.value, whole: { ...answer.value.whole, ended: false } } };
  };
  await Promise.all(Array.from({ length: 1000 }, () => step(1)));
  // One under way, and 64 that wait.
  expect(made).toBe(65);
  made = 199;
  await Promise.all([step(1), step(1), step(1)]);
  expect(hasHalted(store.getState())).toBe(true);
  expect(made).toBe(200);
});

test('a product check begins with the product executed last, and with C of the stop before it', async () => {
  const { store } = await opened();
  while (lastProduct(store.getState()) === null) await store.getState().step(1);
  const { stops, at } = store.getState();
  expect(executedAt(store.getState(), at)?.text).toMatch(/^tdp/);
  expect(lastProduct(store.getState())?.accumulator).toEqual({ kind: 'previous' });
  const product = lastProduct(store.getState());
  await store.getState().capture();
  expect(lastProduct(store.getState())).toEqual({
    ...product,
    accumulator: { kind: 'stop', number: stops[at - 1]?.number },
  });
  store.getState().goToStop(0);
  expect(lastProduct(store.getState())).toBeNull();
});

test('[C59] a run to the end is taken back: the model stands where it began, with what was written there, and goes on', async () => {
  const { getState } = createDebuggerStore(createFakeBridge());
  await getState().start();
  await getState().loadModels();
  await getState().openModel('int8-product');
  await getState().step(5);
  getState().stageAll([{ path: 'zmm3:f32[1]', value: '2.5' }]);
  await getState().apply();
  const [position, stops] = [getState().position, getState().stops];
  await getState().runToEnd();
  expect(hasHalted(getState())).toBe(true);
  getState().labelStop(stops.length + 3, 'of the run');
  await getState().takeRunBack();
  expect(getState()).toMatchObject({
    run: { state: 'stopped', why: 'still' },
    at: stops.length - 1,
    refusal: null,
    lastRun: null,
  });
  expect(getState().position).toEqual(position);
  expect(getState().stops).toEqual(stops);
  expect(getState().labels.size).toBe(0);
  // What was written before the run is still there, and can be undone.
  await getState().capture();
  expect(getState().stops.at(-1)?.capture.image.bytes).toEqual(stops.at(-1)?.capture.image.bytes);
  getState().undo();
  await expect.poll(() => getState().stops.at(-1)?.cause).toBe('undo');
  await getState().step(1);
  expect(getState().position?.at).toBe((position?.at ?? 0) + 1);
});
