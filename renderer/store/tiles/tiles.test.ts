import { describe, expect, test } from 'vitest';
import type { Capture } from '../../../app/capture/capture.ts';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { createFakeBridge, type FakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { jumpOf } from '../select/jump.ts';
import { selectApplyRefusal } from '../select/selectors.ts';
import { selectDifferences, selectProductCheck } from './product-check.ts';
import { selectScaleEnd, selectTileConfig, selectTileScene, tileBytes, tileDataState } from './tile-scenes.ts';

const attached = async (first: Capture = sampleAmxCapture()): Promise<{ store: DebuggerStore; bridge: FakeBridge }> => {
  const bridge = createFakeBridge(first);
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().attach(true);
  return { store, bridge };
};
const withByte = (capture: Capture, offset: number, value: number): Capture => {
  const bytes = capture.image.bytes.slice();
  bytes[offset] = value;
  return { ...capture, image: { ...capture.image, bytes } };
};
const TILECFG = 2752;
const TILEDATA = 2816;
const FIRST_PRODUCT = {
  operands: { c: 0, a: 1, b: 2 },
  instruction: 'TDPBSSD',
  accumulator: { kind: 'zero' },
} as const;

test.each([
  ['tmm2:i8:vnni[5][1]', 'vnni'],
  ['tmm2:i8[1][5]', 'stored'],
] as const)('the palette goes to %s as its indexes are meant', async (text, interpretation) => {
  const { store } = await attached();
  store.getState().setTileType(2, 'u8');
  store.getState().setInterpretation(2, interpretation === 'vnni' ? 'stored' : 'vnni');
  jumpOf(sampleAmxCapture(), text)?.go(store.getState());
  expect(store.getState().readings[2]).toEqual({ type: 'i8', interpretation });
});

test('[U8] with all eight in sight the tile of the element that is selected is the one that is spoken of, and a block is of one tile', async () => {
  const { store } = await attached();
  const { selectElement } = store.getState();
  selectElement(0, { row: 1, column: 1 }, false);
  selectElement(0, { row: 2, column: 2 }, true);
  expect(store.getState().blockFrom).toEqual({ row: 1, column: 1 });
  selectElement(3, { row: 4, column: 5 }, true);
  expect(store.getState()).toMatchObject({ tile: 3, blockFrom: null, selection: { tile: 3, row: 4, column: 5 } });
});

describe('TILECFG', () => {
  test('all six rules hold for a configuration that LDTILECFG took', async () => {
    const { store } = await attached();
    const view = selectTileConfig(store.getState());
    expect(view?.rules.map(({ outcome }) => outcome)).toEqual(Array(6).fill('holds'));
    expect(view?.config.tiles[2]).toEqual({ rows: 4, colsb: 48 });
  });

  test('a broken rule is named with its tile, and then no tile has a shape', async () => {
    const { store } = await attached(withByte(sampleAmxCapture(), TILECFG + 48, 17));
    const rules = selectTileConfig(store.getState())?.rules ?? [];
    expect(rules.filter(({ outcome }) => outcome === 'broken')).toMatchObject([{ id: 'rows', tiles: [0] }]);
    expect(selectTileScene(1)(store.getState())?.extent).toEqual({ rows: 0, colsb: 0 });
  });

  test('an unknown palette is broken, and the other rules are not reached', async () => {
    const { store } = await attached(withByte(sampleAmxCapture(), TILECFG, 2));
    expect(selectTileConfig(store.getState())?.rules.map(({ outcome }) => outcome)).toEqual([
      'broken',
      ...Array(5).fill('not-reached'),
    ]);
  });

  test('rows of a tile without a shape bring colsb with them, in one gesture that one undo takes back', async () => {
    const { store } = await attached();
    expect(store.getState().stageConfig('rows', 6, '5')).toBeNull();
    expect(selectTileScene(6)(store.getState())?.extent).toEqual({ rows: 5, colsb: 64 });
    store.getState().undo();
    expect(store.getState().staged).toEqual([]);
  });

  test('what palette 1 does not allow is refused and nothing is staged', async () => {
    const { store } = await attached();
    expect(store.getState().stageConfig('rows', 0, '17')).toContain('rows[0] is 17');
    expect(store.getState().staged).toEqual([]);
  });

  test('an image of 4096 bytes has lost TILEDATA and says so; a CPU without AMX has none', () => {
    const capture = sampleAmxCapture();
    const bytes = capture.image.bytes.slice(0, 4096);
    const short = { ...capture, image: { ...capture.image, bytes } };
    expect(tileDataState(short)).toMatchObject({ state: 'absent', sentence: expect.stringContaining('4096 bytes') });
    expect(tileDataState(sampleCapture())).toMatchObject({ sentence: expect.stringContaining('no AMX') });
  });
});

describe('tiles', () => {
  test('B of a product is shown as the matrix that the programmer means', async () => {
    const { store } = await attached();
    store.getState().setProduct(FIRST_PRODUCT);
    const b = selectTileScene(2)(store.getState());
    expect(b?.matrix).toMatchObject({ rows: 16, columns: 12, type: 'i8', interpretation: 'vnni' });
    expect(selectTileScene(1)(store.getState())?.matrix).toMatchObject({ rows: 8, columns: 16 });
  });

  test('a scene is the same object until something of it changes', async () => {
    const { store } = await attached();
    const before = selectTileScene(0)(store.getState());
    store.getState().setTileLook('heat');
    expect(selectTileScene(0)(store.getState())).toBe(before);
    store.getState().stageElement(0, { type: 'i32', interpretation: 'stored' }, { row: 0, column: 0 }, '7');
    expect(selectTileScene(0)(store.getState())).not.toBe(before);
  });

  test('an edited element is marked, and it alone', async () => {
    const { store } = await attached();
    const reading = { type: 'i8', interpretation: 'vnni' } as const;
    store.getState().setTileType(2, 'i8');
    store.getState().setInterpretation(2, 'vnni');
    expect(store.getState().stageElement(2, reading, { row: 5, column: 3 }, '-128')).toBeNull();
    const scene = selectTileScene(2)(store.getState());
    expect(scene?.marks.flatMap((mark, at) => (mark === 'none' ? [] : [[mark, at]]))).toEqual([['staged', 5 * 12 + 3]]);
    expect(store.getState().staged).toEqual([{ path: 'tmm2:i8[1][13]', value: '-128' }]);
  });

  test.each([
    ['bf8', '1.5', 'tmm1:u8[0][1]', '0x3e'],
    ['hf8', '-448', 'tmm1:u8[0][1]', '0xfe'],
    ['tf32', '1', 'tmm1:u32[0][1]', '0x3f800000'],
    ['cf16', '1-2i', 'tmm1:u32[0][1]', '0xc0003c00'],
  ] as const)('%s, which paths do not know, is staged by its bits', async (type, text, path, value) => {
    const { store } = await attached();
    const reading = { type, interpretation: 'stored' } as const;
    expect(store.getState().stageElement(1, reading, { row: 0, column: 1 }, text)).toBeNull();
    expect(store.getState().staged).toEqual([{ path, value }]);
  });

  test('text that is no value of the type is refused with the reason', async () => {
    const { store } = await attached();
    const reading = { type: 'hf8', interpretation: 'stored' } as const;
    expect(store.getState().stageElement(1, reading, { row: 0, column: 0 }, '500')).toContain('fit');
    expect(store.getState().staged).toEqual([]);
  });

  test('bytes outside rows × colsb are found, and are no element', async () => {
    const { store } = await attached(withByte(sampleAmxCapture(), TILEDATA + 12 * 64 + 8, 7));
    expect(selectTileScene(0)(store.getState())?.outside).toEqual([12 * 64 + 8]);
  });

  test('a shared scale holds every tile of the same type', async () => {
    const { store } = await attached();
    const own = [0, 7].map((tile) => selectScaleEnd(tile)(store.getState()));
    store.getState().setTileScale('shared');
    const shared = [0, 7].map((tile) => selectScaleEnd(tile)(store.getState()));
    expect(own[1]).toBe(0);
    expect(shared[0]).toBe(shared[1]);
    expect(shared[0]).toBeGreaterThanOrEqual(own[0] ?? 0);
  });
});

describe('product check', () => {
  test('a guest that executed TDPBSSD has what TDPBSSD gives', async () => {
    const { store } = await attached();
    store.getState().setProduct(FIRST_PRODUCT);
    const check = selectProductCheck(store.getState());
    expect(check?.kind === 'compared' ? check.comparison.differences : null).toEqual([]);
    expect(selectProductCheck({ ...store.getState(), componentsOpen: true })).toBe(check);
  });

  test('one wrong element is found where it is, with both values', async () => {
    const { store } = await attached(withByte(sampleAmxCapture(), TILEDATA + 3 * 64 + 5 * 4, 0x77));
    store.getState().setProduct(FIRST_PRODUCT);
    const found = selectDifferences(0)(store.getState());
    expect(found).toMatchObject([{ row: 3, column: 5 }]);
    expect((found[0]?.foundBits ?? 0) & 0xff).toBe(0x77);
    expect(selectDifferences(1)(store.getState())).toEqual([]);
  });

  test('C before may be the stop before or another tile', async () => {
    const { store } = await attached();
    store.getState().setProduct({ ...FIRST_PRODUCT, accumulator: { kind: 'previous' } });
    expect(selectProductCheck(store.getState())).toMatchObject({ kind: 'refused' });
    await store.getState().capture();
    const twice = selectProductCheck(store.getState());
    expect(twice?.kind === 'compared' ? twice.comparison.differences.length : 0).toBeGreaterThan(0);
    store.getState().setProduct({ ...FIRST_PRODUCT, accumulator: { kind: 'tile', tile: 7 } });
    const zeros = selectProductCheck(store.getState());
    expect(zeros?.kind === 'compared' ? zeros.comparison.differences : null).toEqual([]);
  });

  test('shapes that raise #UD are named instead of computed', async () => {
    const { store } = await attached();
    store.getState().setProduct({ ...FIRST_PRODUCT, operands: { c: 0, a: 0, b: 7 } });
    const check = selectProductCheck(store.getState());
    expect(check?.kind === 'refused' ? check.sentences.join('; ') : '').toContain('three different tiles');
  });

  test('a staged element makes the product differ before anything is written', async () => {
    const { store } = await attached();
    store.getState().setProduct(FIRST_PRODUCT);
    store.getState().stageElement(0, { type: 'i32', interpretation: 'stored' }, { row: 1, column: 1 }, '7');
    expect(selectDifferences(0)(store.getState())).toMatchObject([{ row: 1, column: 1, foundBits: 7 }]);
    expect(selectApplyRefusal(store.getState())).toBeNull();
    await store.getState().apply();
    expect(tileBytes(store.getState().stops.at(-1)?.capture ?? sampleAmxCapture(), 0)?.[68]).toBe(7);
  });
});
