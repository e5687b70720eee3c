import { describeProblem } from '../../../app/bits/decoded.ts';
import { productRow } from '../../../app/tile/product-instruction.ts';
import { perDword, TILE_TYPES } from '../../../app/tile/tile-type.ts';
import { NOTHING_OPEN } from '../base/availability.ts';
import type { Slice } from '../state/state.ts';
import type { ProductChoice, TileLook, TileReading, TilesSlice } from '../state/tiles.ts';
import { configAssignments, elementAssignment } from './tile-edits.ts';

const FIRST_READING: TileReading = { type: 'i32', interpretation: 'stored' };

/** How a product reads its tiles: B is interleaved where its elements are narrower than a dword. */
const readingsFor = (readings: readonly TileReading[], product: ProductChoice): readonly TileReading[] => {
  const row = productRow(product.instruction);
  const { c, a, b } = product.operands;
  return readings.map((reading, tile) => {
    if (tile === c) return { type: row.c, interpretation: 'stored' };
    if (tile === a) return { type: row.a, interpretation: 'stored' };
    if (tile === b) return { type: row.b, interpretation: perDword(row.b) > 1 ? 'vnni' : 'stored' };
    return reading;
  });
};

const LOOKS: readonly TileLook[] = ['both', 'numbers', 'heat'];

export const createTilesSlice: Slice<TilesSlice> = ({ getState: get, set, put }) => {
  const read = (tile: number, change: (reading: TileReading) => TileReading): void =>
    put({ editor: null }, (state) => ({
      readings: state.readings.map((reading, at) => (at === tile ? change(reading) : reading)),
      blockFrom: null,
      // Another type has another number of elements: the first one exists in every shape.
      selection:
        state.selection?.kind === 'tile' && state.selection.tile === tile
          ? { ...state.selection, row: 0, column: 0 }
          : state.selection,
    }));
  return {
    tile: 0,
    tilesLayout: 'product',
    setTilesLayout: (tilesLayout) => set({ tilesLayout }),
    readings: Array.from({ length: 8 }, () => FIRST_READING),
    tileLook: 'both',
    tileScale: 'own',
    blockFrom: null,
    product: null,
    showTile: (tile) =>
      put({ editor: null }, { tile, blockFrom: null, selection: { kind: 'tile', tile, row: 0, column: 0 } }),
    selectElement: (tile, { row, column }, extend) =>
      set((state) => {
        const from = state.selection?.kind === 'tile' && state.selection.tile === tile ? state.selection : null;
        const corner = from === null ? null : (state.blockFrom ?? from);
        return {
          tile,
          selection: { kind: 'tile', tile, row, column },
          blockFrom: extend && corner !== null ? { row: corner.row, column: corner.column } : null,
        };
      }),
    setTileType: (tile, type) =>
      read(tile, ({ interpretation }) => ({ type, interpretation: perDword(type) > 1 ? interpretation : 'stored' })),
    nextTileType(tile, step) {
      const at = TILE_TYPES.findIndex((row) => row.name === get().readings[tile]?.type);
      const next = TILE_TYPES[(at + step + TILE_TYPES.length) % TILE_TYPES.length];
      if (next !== undefined) get().setTileType(tile, next.name);
    },
    setInterpretation: (tile, interpretation) =>
      read(tile, ({ type }) => ({ type, interpretation: perDword(type) > 1 ? interpretation : 'stored' })),
    nextTileLook: () =>
      set((state) => ({ tileLook: LOOKS[(LOOKS.indexOf(state.tileLook) + 1) % LOOKS.length] ?? 'both' })),
    setTileLook: (tileLook) => set({ tileLook }),
    setTileScale: (tileScale) => set({ tileScale }),
    setProduct: (product) =>
      set((state) => ({ product, readings: product === null ? state.readings : readingsFor(state.readings, product) })),
    stageElement(tile, reading, place, text) {
      const assignment = elementAssignment(tile, reading, place, text);
      return assignment.ok ? get().stageAll([assignment.value]) : describeProblem(assignment.problem);
    },
    stageConfig(field, tile, text) {
      const { stops, staged } = get();
      const capture = stops.at(-1)?.capture;
      if (capture === undefined) return NOTHING_OPEN;
      return get().stageAll(configAssignments(capture, staged, field, tile, text.trim()));
    },
  };
};
