import { describe, expect, test } from 'vitest';
import { sampleCapture } from '../../app/fixtures/samples.ts';
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
