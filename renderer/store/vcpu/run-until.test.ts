import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HALTED, STANDS_STILL } from '../../../app/debug/run-state.ts';
import { sampleAmxCapture } from '../../../app/fixtures/samples.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { action } from '../../actions/registry.ts';
import { createFakeBridge, type FakeBridge, guestWrites } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { isWaiting, runWord } from '../select/run.ts';

const model = async (program: string): Promise<{ store: DebuggerStore; bridge: FakeBridge }> => {
  const bridge = createFakeBridge(sampleAmxCapture(), []);
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().loadModels();
  const found = store.getState().models?.find(({ title }) => title.includes(program));
  await store.getState().openModel(found?.id ?? '');
  return { store, bridge };
};

describe('a model', () => {
  test('[H12] is stepped to the instruction after which a component is in use, and every step is a stop', async () => {
    const { store } = await model('XFD');
    store.getState().openRunUntil();
    store.getState().chooseRunUntil({ kind: 'in-use', bit: BIT.XTILEDATA });
    await store.getState().startRunUntil();
    const { outcome, stops, position, run, busy, overlay } = store.getState();
    expect(outcome).toMatchObject({ kind: 'held', stop: stops.length, frozenStop: null });
    expect({ busy, overlay }).toEqual({ busy: null, overlay: null });
    expect(run).toEqual(STANDS_STILL);
    expect(stops).toHaveLength((position?.at ?? 0) + 1);
    expect(stops.slice(0, -1).some(({ changed }) => changed.has(BIT.XTILEDATA))).toBe(false);
    expect(stops.at(-1)?.changed.has(BIT.XTILEDATA)).toBe(true);
  });

  test('[H12] stops at #NM, which the stop carries', async () => {
    const { store } = await model('XFD');
    store.getState().chooseRunUntil({ kind: 'exception', which: 'nm' });
    await store.getState().startRunUntil();
    const { outcome, modelEvents, stops } = store.getState();
    expect(outcome).toMatchObject({ kind: 'held', stop: stops.length, event: { kind: 'nm' } });
    expect(modelEvents).toMatchObject([{ kind: 'nm', stop: stops.length }]);
  });

  test('[H12] says that the program halted where the condition never held', async () => {
    const { store } = await model('AVX-512');
    store.getState().chooseRunUntil({ kind: 'exception', which: 'any' });
    await store.getState().startRunUntil();
    const { outcome, run, stops, position } = store.getState();
    expect(outcome).toMatchObject({ kind: 'unheld', why: 'the program halted' });
    expect(run).toEqual(HALTED);
    expect(stops).toHaveLength((position?.total ?? 0) + 1);
    expect(action('run-until').refused(store.getState())).toBe('the program has halted');
  });

  test('[H13] can be stopped at any step', async () => {
    const { store, bridge } = await model('int8');
    const plain = bridge.step;
    let made = 0;
    bridge.step = (session, count) => {
      made += 1;
      if (made === 5) action('stop-waiting').run(store);
      return plain(session, count, null);
    };
    store.getState().chooseRunUntil({ kind: 'exception', which: 'any' });
    const run = store.getState().startRunUntil();
    expect(action('step').refused(store.getState())).toBe('the program is running');
    await run;
    expect(store.getState()).toMatchObject({ outcome: null, run: STANDS_STILL, busy: null, position: { at: 5 } });
    expect(store.getState().stops).toHaveLength(6);
  });

  test('a refused step ends the run with its reason, and the steps before it stay', async () => {
    const { store, bridge } = await model('int8');
    const plain = bridge.step;
    let made = 0;
    bridge.step = (session, count) => {
      made += 1;
      if (made === 4) bridge.refuseNext('step', { code: 'model-stands-still', what: 'the model does not step' });
      return plain(session, count, null);
    };
    store.getState().chooseRunUntil({ kind: 'exception', which: 'any' });
    await store.getState().startRunUntil();
    expect(store.getState()).toMatchObject({
      outcome: { kind: 'unheld', why: 'the model does not step' },
      refusal: { what: 'the model does not step' },
      busy: null,
    });
    expect(store.getState().stops).toHaveLength(4);
  });
});

describe('a live vCPU', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const live = async (freeze: boolean): Promise<{ store: DebuggerStore; bridge: FakeBridge; asked: () => number }> => {
    const bridge = createFakeBridge();
    const plain = bridge.look;
    let asked = 0;
    bridge.look = (session, have) => {
      asked += 1;
      return plain(session, have);
    };
    const store = createDebuggerStore(bridge);
    await store.getState().start();
    await store.getState().attach(freeze);
    return { store, bridge, asked: () => asked };
  };

  const until = (store: DebuggerStore, path: string): Promise<void> => {
    store.getState().chooseRunUntil({ kind: 'changes', path });
    return store.getState().startRunUntil();
  };

  test('[H14] is let go, read up to 30 times a second, and frozen at the first reading in which it holds', async () => {
    const { store, bridge, asked } = await live(true);
    await until(store, 'k1');
    expect(runWord(store.getState())).toBe('running');
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked()).toBeGreaterThanOrEqual(29);
    expect(asked()).toBeLessThanOrEqual(31);
    guestWrites(bridge, { path: 'k2', value: '77' });
    await vi.advanceTimersByTimeAsync(200);
    expect(store.getState()).toMatchObject({ run: { errand: { kind: 'until' } }, stops: { length: 1 } });
    guestWrites(bridge, { path: 'k1', value: '0x55' });
    await vi.advanceTimersByTimeAsync(200);
    // The reading before it, the one in which it holds, and the freeze.
    expect(store.getState().stops.map(({ cause }) => cause)).toEqual(['attach', 'capture', 'capture', 'freeze']);
    expect(store.getState()).toMatchObject({
      outcome: { kind: 'held', stop: 3, frozenStop: 4 },
      run: { state: 'stopped' },
      busy: null,
    });
    const [, , seen] = store.getState().stops;
    expect([...(seen?.changed ?? [])]).toEqual([BIT.opmask]);
    const before = asked();
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked()).toBe(before);
  });

  test('[H14] where it runs already, changes count from the first reading, not from the last stop', async () => {
    const { store, bridge } = await live(false);
    guestWrites(bridge, { path: 'k1', value: '0x55' });
    await until(store, 'k1');
    await vi.advanceTimersByTimeAsync(500);
    expect(isWaiting(store.getState())).toBe(true);
    guestWrites(bridge, { path: 'k1', value: '0x56' });
    await vi.advanceTimersByTimeAsync(100);
    expect(store.getState().outcome?.kind).toBe('held');
  });

  test('[H14] what is written here meanwhile does not count as a change', async () => {
    const { store, bridge } = await live(false);
    await until(store, 'k1');
    await vi.advanceTimersByTimeAsync(100);
    store.getState().stage('k1', '0x99');
    await store.getState().apply();
    await vi.advanceTimersByTimeAsync(300);
    expect(isWaiting(store.getState())).toBe(true);
    guestWrites(bridge, { path: 'k1', value: '0x9a' });
    await vi.advanceTimersByTimeAsync(100);
    expect(store.getState().outcome?.kind).toBe('held');
  });

  test('[H14] a page that is hidden goes on waiting, and live refresh shows stops meanwhile at its own rate', async () => {
    const { store, bridge } = await live(false);
    store.getState().setLive(2);
    await until(store, 'mxcsr');
    await vi.advanceTimersByTimeAsync(100);
    guestWrites(bridge, { path: 'k1', value: '0x9a' });
    await vi.advanceTimersByTimeAsync(1000);
    expect(store.getState().stops).toHaveLength(1);
    store.getState().notePage(true);
    for (let at = 0; at < 20; at += 1) {
      guestWrites(bridge, { path: 'k1', value: String(at) });
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(store.getState().stops.length).toBeGreaterThanOrEqual(4);
    expect(store.getState().stops.length).toBeLessThanOrEqual(6);
    expect(isWaiting(store.getState())).toBe(true);
  });

  test.each([
    ['the vCPU was stopped by hand', (store: DebuggerStore) => store.getState().freeze()],
    ['another vCPU came on screen', (store: DebuggerStore) => store.getState().switchVcpu(1)],
  ])('[H13] ends where %s', async (why, act) => {
    const { store, asked } = await live(false);
    await until(store, 'k1');
    await vi.advanceTimersByTimeAsync(100);
    await act(store);
    const first = [...store.getState().vcpus.values()][0];
    expect(first?.outcome).toMatchObject({ kind: 'unheld', why });
    const before = asked();
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked()).toBe(before);
  });

  test('[H13] stopped by hand it runs on; refused it says why', async () => {
    const { store, bridge, asked } = await live(false);
    await until(store, 'k1');
    await vi.advanceTimersByTimeAsync(100);
    store.getState().stopRunUntil();
    expect(store.getState()).toMatchObject({ outcome: null, run: { state: 'running', errand: null } });
    const before = asked();
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked()).toBe(before);
    await until(store, 'k1');
    bridge.refuseNext('look', { code: 'call-failed', what: 'KVM_GET_XSAVE2 was refused' });
    await vi.advanceTimersByTimeAsync(100);
    expect(store.getState()).toMatchObject({
      outcome: { kind: 'unheld', why: 'KVM_GET_XSAVE2 was refused' },
      refusal: { what: 'KVM_GET_XSAVE2 was refused' },
    });
  });

  test('a vCPU that is not let go is not waited for', async () => {
    const { store, bridge } = await live(true);
    bridge.refuseNext('resume', { code: 'call-failed', what: 'it stays' });
    await until(store, 'k1');
    expect(store.getState()).toMatchObject({
      outcome: { kind: 'unheld', why: 'the vCPU was not let go' },
      refusal: { what: 'it stays' },
      run: { state: 'stopped' },
    });
  });

  test('the dialog opens with what is selected, and takes a component that this vCPU has', async () => {
    const { store } = await live(true);
    store.getState().select({ kind: 'vector', index: 3, element: 5 });
    action('run-until').run(store);
    expect(store.getState().runUntilChoice).toMatchObject({ path: 'zmm3:f32[5]' });
    expect(store.getState().runUntilChoice.bit).not.toBe(BIT.XTILEDATA);
    store.getState().select({ kind: 'register', path: 'mxcsr', field: 'RC' });
    action('run-until').run(store);
    expect(store.getState().runUntilChoice).toMatchObject({ path: 'mxcsr.RC' });
  });
});
