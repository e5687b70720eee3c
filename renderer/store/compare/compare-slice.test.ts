import { describe, expect, test } from 'vitest';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { action } from '../../actions/registry.ts';
import { createFakeBridge, type FakeBridge, guestWrites } from '../../testing/fake-bridge.ts';
import { createFakeMachine } from '../../testing/fake-machine.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { selectCaptureA, selectTitleA, selectValueA, stopsToList } from './compare-sides.ts';
import { pinnedIndex } from './compare-slice.ts';

const attached = async (): Promise<{ store: DebuggerStore; bridge: FakeBridge }> => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().attach(true);
  return { store, bridge };
};

describe('[H1] stops share what is equal', () => {
  test('a stop that changed nothing costs nothing, and each gives back its own bytes', async () => {
    const { store, bridge } = await attached();
    const { keptBytes } = store.getState();
    await store.getState().capture();
    expect(store.getState().keptBytes).toBe(keptBytes);
    guestWrites(bridge, { path: 'k1', value: '0x77' });
    await store.getState().capture();
    const { stops } = store.getState();
    expect(store.getState().keptBytes - keptBytes).toBe(64);
    expect(stops.map((stop) => [...stop.changed])).toEqual([[], [], [5]]);
    expect(stops[0]?.capture.image.bytes).toEqual(sampleCapture().image.bytes);
    expect(stops[2]?.capture.image.bytes).toEqual(bridge.held.image.bytes);
    expect(stops[2]?.capture).toBe(stops[2]?.capture);
  });
});

describe('[H3] any two stops are compared', () => {
  test('A is the first stop until one is pinned; swapped, each takes the other’s place', async () => {
    const { store } = await attached();
    await store.getState().capture();
    await store.getState().capture();
    const { stops } = store.getState();
    expect(pinnedIndex(stops, store.getState().pinned)).toBe(0);
    store.getState().pinStop(2);
    expect(pinnedIndex(stops, store.getState().pinned)).toBe(1);
    store.getState().swapStops();
    expect(store.getState()).toMatchObject({ pinned: 3, at: 1 });
  });

  test('labels stay with their stop, and end with the session', async () => {
    const { store } = await attached();
    store.getState().labelStop(1, '  before the crash ');
    expect(store.getState().labels.get(1)).toBe('before the crash');
    store.getState().labelStop(1, '');
    expect(store.getState().labels.size).toBe(0);
    store.getState().labelStop(1, 'x'.repeat(99));
    expect(store.getState().labels.get(1)).toHaveLength(60);
    store.getState().pinStop(1);
    await store.getState().detach('keep');
    expect(store.getState()).toMatchObject({ pinned: null, keptBytes: 0 });
    expect(store.getState().labels.size).toBe(0);
  });
});

describe('A comes from another vCPU or a file', () => {
  const several = async (): Promise<{ store: DebuggerStore; machine: ReturnType<typeof createFakeMachine> }> => {
    const machine = createFakeMachine([sampleCapture(), sampleAmxCapture()]);
    const store = createDebuggerStore(machine.bridge);
    await store.getState().start();
    await store.getState().attach(true);
    return { store, machine };
  };

  test('a stop of another attached vCPU, by its label; swapped, that vCPU comes on screen', async () => {
    const { store } = await several();
    store.getState().labelStop(1, 'host side');
    await store.getState().capture();
    await store.getState().switchVcpu(1);
    store.getState().compareWithVcpu(0, 1);
    expect(selectTitleA(store.getState())).toBe('vCPU 0, stop 1, host side');
    expect(selectValueA(store.getState())).toBe('0:1');
    expect(selectCaptureA(store.getState())?.facts.target.vcpu).toBe(0);
    expect(selectCaptureA(store.getState())).toBe(selectCaptureA(store.getState()));
    store.getState().swapStops();
    await expect.poll(() => store.getState().session?.vcpu).toBe(0);
    expect(store.getState()).toMatchObject({ at: 0, source: { kind: 'vcpu', vcpu: 1, number: 1 } });
    expect(selectTitleA(store.getState())).toBe('vCPU 1, stop 1, attach');
  });

  test('a vCPU that is gone leaves the first stop as A', async () => {
    const { store, machine } = await several();
    await store.getState().switchVcpu(1);
    store.getState().compareWithVcpu(0, 1);
    machine.vcpus[1]?.refuseNext('detach', { code: 'busy', what: 'no' });
    await store.getState().detach('keep');
    expect(store.getState().session?.vcpu).toBe(1);
    expect(selectTitleA(store.getState())).toBe('stop 1, attach');
    expect(selectValueA(store.getState())).toBe('1');
  });

  test('a file is read without being opened, another of its states as well, and every vCPU has it', async () => {
    const { store, machine } = await several();
    machine.bridge.inFile = new Map([[1, sampleAmxCapture()]]);
    await store.getState().compareWithFile('guest.core', 'AA==', null);
    expect(selectTitleA(store.getState())).toBe('thread 7 of guest.core');
    expect(selectValueA(store.getState())).toBe('file');
    expect(action('swap-stops').refused(store.getState())).toContain('A is a file');
    await store.getState().compareWithFile('guest.core', 'AA==', 1);
    expect(selectTitleA(store.getState())).toBe('thread 9 of guest.core');
    expect(store.getState().session?.kind).toBe('live');
    store.getState().pinStop(1);
    expect(selectValueA(store.getState())).toBe('1');
    await store.getState().switchVcpu(1);
    store.getState().pinFile();
    expect(selectValueA(store.getState())).toBe('file');
  });

  test('a file that is refused leaves A as it was', async () => {
    const { store, machine } = await several();
    machine.bridge.refuseNext('readState', { code: 'file', what: 'not a state' });
    await store.getState().compareWithFile('x', 'AA==', null);
    expect(store.getState()).toMatchObject({
      refusal: { code: 'file' },
      source: { kind: 'stop' },
      compareFile: null,
      compareFileBusy: false,
    });
  });

  test('of a long timeline the stops that mean something are listed, the chosen one among them', async () => {
    const { store } = await attached();
    const { capture } = store.getState().stops[0] ?? {};
    if (capture === undefined) throw new Error('no stop');
    const write = { kind: 'undo', over: 0, writtenBytes: 1 } as const;
    for (let at = 2; at <= 500; at += 1) {
      store.getState().addStop({ capture, cause: 'capture', write: at === 100 ? write : null });
    }
    store.getState().labelStop(77, 'here');
    const { stops, labels } = store.getState();
    const listed = stopsToList(stops, labels, 333).map(({ number }) => number);
    expect(listed).toEqual(expect.arrayContaining([1, 77, 100, 333, 499, 500]));
    expect(listed.length).toBeLessThan(61);
    expect(listed).toEqual([...listed].sort((a, b) => a - b));
  });
});

describe('[C42] undo and redo over what was written', () => {
  test('with nothing staged they are writes, each a stop of its own', async () => {
    const { store, bridge } = await attached();
    const first = bridge.held.image.bytes;
    expect(action('undo').refused(store.getState())).toBe('nothing to undo');
    store.getState().stage('k1', '0x77');
    await store.getState().apply();
    const written = bridge.held.image.bytes;
    expect(store.getState()).toMatchObject({ writes: { undoable: 1, redoable: 0 } });
    expect(action('undo').refused(store.getState())).toBeNull();
    store.getState().undo();
    await expect.poll(() => store.getState().stops.length).toBe(3);
    expect(bridge.held.image.bytes).toEqual(first);
    expect(store.getState()).toMatchObject({ writes: { undoable: 0, redoable: 1 } });
    store.getState().redo();
    await expect.poll(() => store.getState().stops.length).toBe(4);
    expect(bridge.held.image.bytes).toEqual(written);
    expect(store.getState().stops.map((stop) => stop.cause)).toEqual(['attach', 'apply', 'undo', 'redo']);
  });

  test('staged edits are undone first, and a write below them waits', async () => {
    const { store, bridge } = await attached();
    store.getState().stage('k1', '0x77');
    await store.getState().apply();
    store.getState().stage('k2', '0x88');
    store.getState().undo();
    expect(store.getState().staged).toEqual([]);
    store.getState().redo();
    expect(store.getState().staged).toHaveLength(1);
    expect(bridge.calls).not.toContain('undo');
  });

  test('a refused undo is shown, and counts stay', async () => {
    const { store, bridge } = await attached();
    store.getState().stage('k1', '0x77');
    await store.getState().apply();
    bridge.refuseNext('undo', { code: 'read-back', what: 'k1 differs' });
    store.getState().undo();
    await expect.poll(() => store.getState().refusal?.code).toBe('read-back');
    expect(store.getState()).toMatchObject({ writes: { undoable: 1 }, busy: null });
  });
});
