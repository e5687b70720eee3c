import { describe, expect, test } from 'vitest';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { action } from '../actions/registry.ts';
import { createFakeBridge, type FakeBridge, guestWrites } from '../testing/fake-bridge.ts';
import { pinnedIndex } from './compare-slice.ts';
import { createDebuggerStore, type DebuggerStore } from './debugger-store.ts';

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
    await store.getState().detach(false);
    expect(store.getState()).toMatchObject({ pinned: null, keptBytes: 0 });
    expect(store.getState().labels.size).toBe(0);
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
    expect(store.getState()).toMatchObject({ undoableWrites: 1, redoableWrites: 0 });
    expect(action('undo').refused(store.getState())).toBeNull();
    store.getState().undo();
    await expect.poll(() => store.getState().stops.length).toBe(3);
    expect(bridge.held.image.bytes).toEqual(first);
    expect(store.getState()).toMatchObject({ undoableWrites: 0, redoableWrites: 1 });
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
    expect(store.getState()).toMatchObject({ undoableWrites: 1, busy: null });
  });
});
