import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Answer, CaptureDocument, Told } from '../../../app/bridge.ts';
import { action } from '../../actions/registry.ts';
import { createFakeBridge, type FakeBridge, guestWrites } from '../../testing/fake-bridge.ts';
import type { Remembered } from '../base/remembered.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { MOST_LIVE_STOPS } from './live-slice.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const memory = (): Remembered & { readonly kept: Map<string, string> } => {
  const kept = new Map<string, string>();
  return { kept, get: (key) => kept.get(key) ?? null, set: (key, value) => void kept.set(key, value) };
};

interface Live {
  readonly store: DebuggerStore;
  readonly bridge: FakeBridge;
  /** How many captures were asked for. */
  readonly asked: () => number;
  readonly stops: () => number;
}

/** A vCPU that runs, with its page on screen. `slowMs`: how long an answer takes. */
const attached = async (remembered: Remembered = memory(), slowMs = 0): Promise<Live> => {
  const bridge = createFakeBridge();
  const plain = bridge.look;
  let asked = 0;
  bridge.look = async (session, have) => {
    asked += 1;
    if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
    return plain(session, have);
  };
  const store = createDebuggerStore(bridge, remembered);
  await store.getState().start();
  await store.getState().attach(false);
  store.getState().notePage(true);
  return { store, bridge, asked: () => asked, stops: () => store.getState().stops.length };
};

let value = 0;
const guestRuns = (bridge: FakeBridge): void => {
  value += 1;
  guestWrites(bridge, { path: 'k1', value: String(value) });
};

test('[L1] live refresh is off at first, and the rate chosen is remembered', async () => {
  const remembered = memory();
  const { store, asked } = await attached(remembered);
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked()).toBe(0);
  store.getState().setLive(5);
  const next = createDebuggerStore(createFakeBridge(), remembered);
  expect(next.getState().liveHz).toBe(5);
  next.getState().toggleLive();
  expect(next.getState().liveHz).toBe(0);
  next.getState().toggleLive();
  expect(next.getState().liveHz).toBe(5);
});

test('[L2] a vCPU that runs is read at the rate chosen; frozen, ended or detached it is left alone', async () => {
  const { store, bridge, asked } = await attached();
  store.getState().setLive(10);
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked()).toBeGreaterThanOrEqual(20);
  expect(asked()).toBeLessThanOrEqual(21);
  expect(store.getState().livePace).toEqual({ hz: 10, backsOffMs: null });
  await store.getState().freeze();
  let before = asked();
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked()).toBe(before);
  await store.getState().resume();
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked()).toBeGreaterThanOrEqual(before + 10);
  bridge.emit({
    kind: 'gone',
    session: store.getState().session?.id ?? '',
    refusal: { code: 'target-gone', what: 'the target has ended', where: null, remedy: null, call: null, errno: null },
  });
  await vi.advanceTimersByTimeAsync(100);
  before = asked();
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked()).toBe(before);
});

test('[L2] another rate counts at once, not after the pause of the previous one', async () => {
  const { store, asked } = await attached();
  store.getState().setLive(1);
  await vi.advanceTimersByTimeAsync(100);
  const before = asked();
  store.getState().setLive(30);
  await vi.advanceTimersByTimeAsync(500);
  expect(asked() - before).toBeGreaterThanOrEqual(14);
});

test('[L3] a refresh that differs in nothing adds no stop, any other adds one', async () => {
  const { store, bridge, stops } = await attached();
  store.getState().setLive(10);
  await vi.advanceTimersByTimeAsync(1000);
  expect(stops()).toBe(1);
  guestRuns(bridge);
  await vi.advanceTimersByTimeAsync(1000);
  expect(stops()).toBe(2);
  bridge.held = { ...bridge.held, facts: { ...bridge.held.facts, takenAtMs: bridge.held.facts.takenAtMs + 1 } };
  await vi.advanceTimersByTimeAsync(1000);
  expect(stops()).toBe(2);
  const general = bridge.held.facts.general;
  if (general === null) throw new Error('the sample has general registers');
  bridge.held = { ...bridge.held, facts: { ...bridge.held.facts, general: { ...general, rip: general.rip + 1n } } };
  await vi.advanceTimersByTimeAsync(1000);
  expect(stops()).toBe(3);
});

test('[L4] one capture is in flight at most: slow answers lower the rate, and the rate told is the real one', async () => {
  const { store, asked } = await attached(memory(), 250);
  store.getState().setLive(30);
  await vi.advanceTimersByTimeAsync(4000);
  expect(asked()).toBeLessThanOrEqual(17);
  expect(asked()).toBeGreaterThanOrEqual(14);
  expect(store.getState().livePace).toEqual({ hz: 4, backsOffMs: null });
});

const pausedFor = (bridge: FakeBridge, pauseNs: bigint): void => {
  bridge.held = { ...bridge.held, facts: { ...bridge.held.facts, pauseNs } };
};

test('[L10] the vCPU stands still for 1 % of the time at most: readings that stop it for longer come less often, and that is told', async () => {
  const { store, bridge, asked } = await attached();
  pausedFor(bridge, 2_000_000n);
  store.getState().setLive(30);
  await vi.advanceTimersByTimeAsync(10_000);
  // 2 ms each, so one in 200 ms.
  expect(asked()).toBeGreaterThanOrEqual(49);
  expect(asked()).toBeLessThanOrEqual(51);
  expect(store.getState().livePace).toEqual({ hz: 5, backsOffMs: 2 });
  pausedFor(bridge, 184_000n);
  await vi.advanceTimersByTimeAsync(10_000);
  const before = asked();
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked() - before).toBeGreaterThanOrEqual(29);
  expect(store.getState().livePace).toEqual({ hz: 30, backsOffMs: null });
});

test('[L10] one reading that took long is paid for over the next ones', async () => {
  const { store, bridge, asked } = await attached();
  store.getState().setLive(10);
  await vi.advanceTimersByTimeAsync(2000);
  pausedFor(bridge, 16_000_000n);
  await vi.advanceTimersByTimeAsync(100);
  pausedFor(bridge, 0n);
  const before = asked();
  await vi.advanceTimersByTimeAsync(2000);
  // About 220 ms between two of the next eight, and not 1.6 s after the one.
  expect(asked() - before).toBeGreaterThanOrEqual(8);
  expect(asked() - before).toBeLessThanOrEqual(11);
  await vi.advanceTimersByTimeAsync(1000);
  const again = asked();
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked() - again).toBeGreaterThanOrEqual(9);
});

test('[L5] a page that is hidden refreshes nothing', async () => {
  const { store, asked } = await attached();
  store.getState().setLive(10);
  await vi.advanceTimersByTimeAsync(300);
  store.getState().notePage(false);
  await vi.advanceTimersByTimeAsync(100);
  const before = asked();
  await vi.advanceTimersByTimeAsync(3000);
  expect(asked()).toBe(before);
  store.getState().notePage(true);
  await vi.advanceTimersByTimeAsync(300);
  expect(asked()).toBeGreaterThan(before);
});

test('[L6] a refusal turns it off and says why; the rate stays remembered', async () => {
  const remembered = memory();
  const { store, bridge, asked } = await attached(remembered);
  store.getState().setLive(10);
  await vi.advanceTimersByTimeAsync(200);
  bridge.refuseNext('look', { code: 'call-failed', what: 'KVM_GET_XSAVE2 was refused' });
  await vi.advanceTimersByTimeAsync(200);
  const before = asked();
  await vi.advanceTimersByTimeAsync(2000);
  expect(asked()).toBe(before);
  expect(store.getState()).toMatchObject({
    liveHz: 0,
    liveStopped: { what: 'KVM_GET_XSAVE2 was refused' },
    refusal: { what: 'KVM_GET_XSAVE2 was refused' },
  });
  expect(remembered.kept.get('liveHz')).toBe('10');
  store.getState().setLive(10);
  expect(store.getState().liveStopped).toBeNull();
});

test('[L7] a new stop leaves the open editor, what is staged and what is selected as they are', async () => {
  const { store, bridge, stops } = await attached();
  store.getState().setLive(10);
  store.getState().stage('k2', '5');
  store.getState().select({ kind: 'register', path: 'k3' });
  store.getState().openEditor('k3', '0x12', true);
  guestRuns(bridge);
  await vi.advanceTimersByTimeAsync(1000);
  expect(stops()).toBe(2);
  expect(store.getState()).toMatchObject({
    editor: { path: 'k3', text: '0x12' },
    staged: [{ path: 'k2', value: '5' }],
    selection: { kind: 'register', path: 'k3' },
    at: 1,
  });
  expect(store.getState().commitEditor()).toBe(true);
  const busy: (string | null)[] = [];
  store.subscribe((state) => busy.push(state.busy));
  await store.getState().apply();
  expect(store.getState().stops.at(-1)).toMatchObject({ cause: 'apply', write: { over: 1 } });
  expect(store.getState().staged).toEqual([]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(new Set(busy)).toEqual(new Set(['apply', null]));
});

test('[L7] a reading that comes back while edits are being written adds no stop', async () => {
  const { store, bridge, stops } = await attached(memory(), 50);
  let written: (() => void) | null = null;
  const plain = bridge.apply;
  bridge.apply = async (session, assignments) => {
    await new Promise<void>((resolve) => {
      written = resolve;
    });
    return plain(session, assignments);
  };
  store.getState().stage('k2', '5');
  store.getState().setLive(30);
  await vi.advanceTimersByTimeAsync(1);
  guestRuns(bridge);
  const applied = store.getState().apply();
  await vi.advanceTimersByTimeAsync(200);
  expect(stops()).toBe(1);
  (written as (() => void) | null)?.();
  await applied;
  expect(store.getState().stops.at(-1)).toMatchObject({ number: 2, cause: 'apply', write: { over: 0 } });
});

test('[L8] live stops are followed from the newest stop alone', async () => {
  const { store, bridge, stops } = await attached();
  store.getState().setLive(10);
  guestRuns(bridge);
  await vi.advanceTimersByTimeAsync(200);
  expect(store.getState().at).toBe(1);
  store.getState().goToStop(0);
  guestRuns(bridge);
  await vi.advanceTimersByTimeAsync(200);
  expect(stops()).toBe(3);
  expect(store.getState().at).toBe(0);
});

test('[L8] a reading of the vCPU that was left does not come to the one on screen', async () => {
  const { store, bridge } = await attached(memory(), 100);
  store.getState().setLive(30);
  await vi.advanceTimersByTimeAsync(10);
  await store.getState().switchVcpu(1);
  guestRuns(bridge);
  await vi.advanceTimersByTimeAsync(95);
  expect(store.getState().session?.vcpu).toBe(1);
  expect(store.getState().stops).toHaveLength(1);
});

test('[L9] the History does not grow without end', async () => {
  const { store, bridge } = await attached();
  const stop = store.getState().stops[0];
  if (stop === undefined) throw new Error('attach makes a stop');
  store.put({ stops: Array.from({ length: MOST_LIVE_STOPS }, () => stop), at: MOST_LIVE_STOPS - 1 });
  store.getState().setLive(10);
  guestRuns(bridge);
  await vi.advanceTimersByTimeAsync(500);
  expect(store.getState().stops).toHaveLength(MOST_LIVE_STOPS);
  expect(store.getState().liveStopped?.code).toBe('too-many-stops');
});

test('only a live vCPU has a live refresh', async () => {
  const { store } = await attached();
  expect(action('live').refused(store.getState())).toBeNull();
  await store.getState().detach('keep');
  expect(action('live').refused(store.getState())).toBe('no target is attached');
  const file = createDebuggerStore(createFakeBridge());
  await file.getState().openFile('capture.json', '');
  expect(action('live').refused(file.getState())).toBe('only a live vCPU runs by itself');
});

test('a host that is gone ends it as any refusal does', async () => {
  const { store, bridge } = await attached();
  bridge.look = (): Promise<Answer<Told<CaptureDocument>>> => Promise.reject(new Error('closed'));
  store.getState().setLive(10);
  await vi.advanceTimersByTimeAsync(500);
  expect(store.getState()).toMatchObject({ liveHz: 0, liveStopped: { code: 'host-gone' } });
});
