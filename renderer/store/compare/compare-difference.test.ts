import { describe, expect, test } from 'vitest';
import { differences } from '../../../app/diff/diff-elements.ts';
import { createFakeBridge, type FakeBridge, guestWrites } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { changesSince } from '../select/last-change.ts';
import {
  componentMark,
  differenceMark,
  openRestoreToA,
  placeOfA,
  restoreToARefusal,
  selectApart,
  selectDifferingBytes,
  selectFit,
} from './compare-difference.ts';

// Outside a page there is no root that asks for fixed clocks.
Object.assign(globalThis, { document: { documentElement: { dataset: {} } } });

const worked = async (): Promise<{ store: DebuggerStore; bridge: FakeBridge }> => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().attach(true);
  for (const value of ['0x77', '0x77', '0x78']) {
    guestWrites(bridge, { path: 'k1', value });
    await store.getState().capture();
  }
  return { store, bridge };
};

describe('the difference of A and B', () => {
  test('how far apart they are', async () => {
    const { store } = await worked();
    expect(selectApart(store.getState())).toMatch(/^stop 1 to stop 4, .*3 stops apart$/);
    store.getState().goToStop(0);
    expect(selectApart(store.getState())).toBe('stop 1 to stop 1');
  });

  test('each stop at which a value changed since A; the first is where it first differs', async () => {
    const { store } = await worked();
    const { stops } = store.getState();
    expect(changesSince(stops, 0, 3, 'k1')).toEqual([2, 4]);
    expect(changesSince(stops, 1, 3, 'k1')).toEqual([4]);
    expect(changesSince(stops, 0, 3, 'k2')).toEqual([]);
    expect(changesSince(stops, 0, 3, 'no such register')).toEqual([]);
  });

  test('bytes that differ are told on the Compare tab alone', async () => {
    const { store } = await worked();
    expect(selectDifferingBytes(store.getState())).toBeNull();
    store.getState().setTab('compare');
    expect(selectDifferingBytes(store.getState())?.get(5)).toBeGreaterThan(0);
    expect(selectDifferingBytes(store.getState())?.get(2)).toBeUndefined();
  });

  test('A is judged over the vCPU as it is now, and the dialog opens with it', async () => {
    const { store } = await worked();
    const fit = selectFit(store.getState());
    expect(fit.map(({ label }) => label).slice(0, 3)).toEqual([
      'Same layout',
      'Components within XCR0',
      'XFD covers nothing in use',
    ]);
    expect(fit[0]).toMatchObject({ outcome: 'pass' });
    expect(selectFit(store.getState())).toBe(fit);
    expect(restoreToARefusal(store.getState())).toBeNull();
    openRestoreToA(store.getState());
    expect(store.getState()).toMatchObject({ restoreTo: { kind: 'attach' }, overlay: { kind: 'restore' } });
    store.getState().pinStop(2);
    openRestoreToA(store.getState());
    expect(store.getState()).toMatchObject({ restoreTo: { kind: 'stop', number: 2 }, restoreWhat: 'all' });
    store.getState().pinStop(4);
    expect(restoreToARefusal(store.getState())).toBe('A is what the vCPU holds');
  });

  test('A from a file is read again by the dialog', async () => {
    const { store } = await worked();
    await store.getState().compareWithFile('there.core', 'AA==', null);
    expect(store.getState().compareFile).not.toBeNull();
    expect(placeOfA(store.getState())).toBeNull();
    expect(selectApart(store.getState())).toMatch(/there\.core to stop 4$/);
    openRestoreToA(store.getState());
    await expect.poll(() => store.getState().restoreFile?.name).toBe('there.core');
    expect(store.getState().restoreTo).toEqual({ kind: 'file' });
  });
});

test('[N5] a difference is marked as whose it was: written here, changed by the guest, or nobody’s that can be named', async () => {
  const bridge = createFakeBridge();
  const { getState } = createDebuggerStore(bridge);
  await getState().start();
  await getState().attach(true);
  guestWrites(bridge, { path: 'rbx', value: '0x77' }, { path: 'zmm5:f32[0]', value: '8' });
  getState().stageAll([{ path: 'zmm3:f32[1]', value: '-6.25' }]);
  await getState().apply();
  const marks = () => ['xmm3:f32[1]', 'xmm5:f32[0]', 'rbx', 'rcx'].map((path) => differenceMark(getState(), path));
  // What the guest did before the write stands at the stop of the write, and is the guest's.
  expect(marks()).toEqual(['written', 'changed', 'changed', 'none']);
  const ofBit = (bit: number) => {
    const { stops } = getState();
    const [a, b] = [stops[0]?.capture, stops.at(-1)?.capture];
    const found = a === undefined || b === undefined ? [] : differences(a, b, 'f32');
    const component = found.find((one) => one.bit === bit);
    return component === undefined ? null : componentMark(getState(), component);
  };
  expect(ofBit(1)).toBe('written');
  getState().pinStop(2);
  getState().goToStop(0);
  expect(marks()).toEqual(['none', 'none', 'none', 'none']);
});

test('[N5] a component that a model’s program began to use is marked in a comparison, whatever its values are', async () => {
  const bridge = createFakeBridge(undefined, []);
  const { getState } = createDebuggerStore(bridge);
  await getState().start();
  await getState().loadModels();
  await getState().openModel(getState().models?.[0]?.id ?? '');
  const begun = { before: 'init', after: 'inUse', values: [] } as const;
  expect(componentMark(getState(), begun)).toBe('none');
  await getState().step(3);
  expect(componentMark(getState(), begun)).toBe('changed');
  expect(componentMark(getState(), { ...begun, before: 'inUse' })).toBe('none');
});
