import { describe, expect, test } from 'vitest';
import type { Capture } from '../../../app/capture/capture.ts';
import { MSR_INDEX } from '../../../app/cpu/msrs.ts';
import { draftOf, withXstateBit } from '../../../app/edit/patch.ts';
import { sampleAmxCapture } from '../../../app/fixtures/samples.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { elementLabel } from '../../panels/tiles/element-label.ts';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { selectTileScene } from '../tiles/tile-scenes.ts';
import { type Marked, markedPart, type Provenance, refusedBits } from './provenance.ts';
import { selectApplyRefusal, selectComponentMarks, selectProvenance, selectRefusedEdit } from './selectors.ts';

const attached = async (capture?: Capture): Promise<DebuggerStore> => {
  const store = createDebuggerStore(createFakeBridge(capture));
  await store.getState().start();
  await store.getState().attach(true);
  return store;
};
const provenance = (store: DebuggerStore): Provenance => {
  const found = selectProvenance(store.getState());
  if (found === null) throw new Error('no stop');
  return found;
};
const part = (store: DebuggerStore, register: string, offset: number, size: number): Marked | null =>
  markedPart(provenance(store), register, offset, size);

describe('a staged edit that pre-flight refuses', () => {
  test('is refused where it stands, and the others are staged as before', async () => {
    const store = await attached();
    store.getState().stage('zmm3:f32[1]', '-6.25');
    store.getState().stage('mxcsr', '0x11f80');
    store.getState().stage('rax', '5');
    expect(selectRefusedEdit(store.getState())).toMatchObject({ at: 1 });
    expect(selectApplyRefusal(store.getState())).toContain('reserved bit 16');
    expect(part(store, 'mxcsr', 0, 4)).toMatchObject({ mark: 'staged', isRefused: true });
    expect(part(store, 'zmm3', 4, 4)).toMatchObject({ mark: 'staged', isRefused: false });
    expect(part(store, 'rax', 0, 8)).toMatchObject({ mark: 'staged', isRefused: false });
    expect(refusedBits(provenance(store), 'mxcsr')).toBe(0x10000n);
    expect(refusedBits(provenance(store), 'rax')).toBe(0n);
  });

  test('marks its component as refused, and components of other edits as staged', async () => {
    const store = await attached();
    store.getState().stage('ymm3:u32[4]', '7');
    store.getState().stage('mxcsr', '0x11f80');
    const marks = selectComponentMarks(store.getState());
    expect([marks.get(BIT.SSE), marks.get(BIT.AVX)]).toEqual(['refused', 'staged']);
    store.getState().stage('mxcsr', '0x9fc0');
    expect(selectComponentMarks(store.getState()).get(BIT.SSE)).toBe('staged');
  });

  test('corrected, nothing is refused any more', async () => {
    const store = await attached();
    store.getState().stage('mxcsr', '0x11f80');
    store.getState().stage('mxcsr', '0x9fc0');
    expect(selectRefusedEdit(store.getState())).toBeNull();
    expect(part(store, 'mxcsr', 0, 4)).toMatchObject({ mark: 'staged', isRefused: false });
    expect(refusedBits(provenance(store), 'mxcsr')).toBe(0n);
  });

  test('a register outside the image is marked by its own bits', async () => {
    const store = await attached(sampleAmxCapture());
    store.getState().stage('xfd', '0x40000');
    expect(selectRefusedEdit(store.getState())).toMatchObject({ at: 0, step: { id: 'xfd' } });
    expect(refusedBits(provenance(store), 'xfd')).toBe(0x40000n);
    expect(refusedBits(provenance(store), 'xstate_bv')).toBe(0n);
  });

  test('an element of a tile is refused where it stands', async () => {
    const found = sampleAmxCapture();
    const { image, facts } = found;
    const msrs = facts.msrs.map((msr) => (msr.index === MSR_INDEX.IA32_XFD ? { ...msr, value: 0x40000n } : msr));
    const armed = {
      image: withXstateBit(draftOf(image), BIT.XTILEDATA, false).image,
      facts: { ...facts, msrs },
    };
    const store = await attached(armed);
    const marks = (tile: number): readonly string[] => selectTileScene(tile)(store.getState())?.marks ?? [];
    const label = (tile: number, index: number): string => {
      const scene = selectTileScene(tile)(store.getState());
      return scene === null ? '' : elementLabel(scene, index, new Map());
    };
    store.getState().stage('tmm0:i32[0][1]', '7');
    store.getState().stage('zmm3:f32[1]', '-6.25');
    expect(selectRefusedEdit(store.getState())).toMatchObject({ at: 0, step: { id: 'xfd' } });
    expect(marks(0)[1]).toBe('refused');
    expect(new Set(marks(0).filter((_, at) => at !== 1))).toEqual(new Set(['none']));
    expect(label(0, 1)).toBe('tmm0[0][1] 7, staged, refused');
    // Disarmed in the same transaction it is staged as any other.
    store.getState().stage('xfd', '0');
    expect(selectRefusedEdit(store.getState())).toBeNull();
    expect([marks(0)[1], label(0, 1)]).toEqual(['staged', 'tmm0[0][1] 7, staged']);
  });

  test('an earlier stop on screen shows nothing staged', async () => {
    const store = await attached();
    await store.getState().capture();
    store.getState().stage('mxcsr', '0x11f80');
    store.getState().goToStop(0);
    expect(provenance(store).refused).toBeNull();
  });
});

test('the first screen speaks of the list that was last used', () => {
  const store = createDebuggerStore(createFakeBridge());
  expect(store.getState().detailOf).toBe('target');
  store.getState().showDetailOf('model');
  expect(store.getState().detailOf).toBe('model');
});
