import { equalBytes } from '../../../app/bits/bytes.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import {
  brokenTileRules,
  rawTileConfig,
  TILECFG_BYTES,
  type TileConfig,
  type TileRule,
  tileUseWarnings,
} from '../../../app/tile/config.ts';
import { bytesOutside, TILE_STRIDE_BYTES } from '../../../app/tile/geometry.ts';
import {
  type MatrixStatistics,
  matrixStatistics,
  matrixValues,
  type TileMatrix,
  tileMatrix,
} from '../../../app/tile/matrix.ts';
import { tileTypeRow } from '../../../app/tile/tile-type.ts';
import { type Extent, elementOffset } from '../../../app/tile/vnni.ts';
import { BIT, componentLabel } from '../../../app/xsave/components.ts';
import { placeOf } from '../../../app/xsave/layout.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { memoizeByIdentity, memoizeKeyed } from '../base/memoize.ts';
import { markedPart, type Provenance, registerBytes, type ShownMark, shownMark } from '../select/provenance.ts';
import { selectProvenance } from '../select/selectors.ts';
import type { State } from '../state/state.ts';
import type { TileReading } from '../state/tiles.ts';

/** A component of AMX in one capture: its state, and where there is none, why. */
export interface AmxState {
  readonly state: 'inUse' | 'init' | 'absent';
  /** One sentence for init and absent; null in use. */
  readonly sentence: string | null;
}

const amxState = (capture: Capture, bit: number): AmxState => {
  const { image, facts } = capture;
  const label = componentLabel(bit);
  const view = viewComponent(image, bit);
  if (view.state === 'inUse') return { state: 'inUse', sentence: null };
  if (view.state === 'init') {
    const what = bit === BIT.XTILECFG ? 'no tile is configured' : 'every tile is zero by definition';
    return { state: 'init', sentence: `${label} is in init: ${what}, stored bytes are not shown.` };
  }
  const place = placeOf(image.layout, bit);
  if (place === undefined) {
    return {
      state: 'absent',
      sentence: `${label} is absent: the CPU of this image has no AMX (${image.layout.source}).`,
    };
  }
  const end = place.offsetBytes + place.sizeBytes;
  const why = `it ends at ${end} and the image has ${image.bytes.length} bytes, as ${facts.imageCall} gave it`;
  return { state: 'absent', sentence: `${label} is lost: ${why}.` };
};

const amxStates = memoizeByIdentity((capture: Capture) => ({
  config: amxState(capture, BIT.XTILECFG),
  data: amxState(capture, BIT.XTILEDATA),
}));
export const tileDataState = (capture: Capture): AmxState => amxStates(capture).data;

const RULES = [
  { id: 'palette', label: 'palette known', kinds: ['palette', 'palette-0-not-zero'], below16: null },
  { id: 'reserved-low', label: 'bytes 2 to 15 zero', kinds: ['reserved'], below16: true },
  { id: 'reserved-tiles', label: 'tiles 8 to 15 zero', kinds: ['reserved'], below16: false },
  { id: 'rows', label: 'rows at most 16', kinds: ['rows'], below16: null },
  { id: 'colsb', label: 'colsb at most 64', kinds: ['colsb'], below16: null },
  { id: 'half', label: 'rows and colsb zero together', kinds: ['half-configured'], below16: null },
] as const satisfies readonly { kinds: readonly TileRule['rule'][]; [key: string]: unknown }[];

export interface ConfigRule {
  readonly id: string;
  readonly label: string;
  readonly outcome: 'holds' | 'broken' | 'not-reached';
  readonly sentence: string | null;
  /** Tiles that break it. */
  readonly tiles: readonly number[];
}

export interface TileConfigView extends AmxState {
  /** As it stands or is staged, valid or not. */
  readonly config: TileConfig;
  readonly rules: readonly ConfigRule[];
  readonly warnings: readonly TileRule[];
  readonly offsetBytes: number | null;
}

const rulesOf = (bytes: Uint8Array): readonly ConfigRule[] => {
  const broken = brokenTileRules(bytes);
  const stopped = broken.some(({ rule }) => rule === 'palette' || rule === 'palette-0-not-zero');
  return RULES.map(({ id, label, kinds, below16 }) => {
    const own = broken.filter(
      ({ rule, offsetBytes }) =>
        kinds.some((kind) => kind === rule) && (below16 === null || below16 === offsetBytes < 16),
    );
    const outcome = own.length > 0 ? 'broken' : stopped ? 'not-reached' : 'holds';
    const tiles = own.flatMap(({ tile }) => (tile === null ? [] : [tile]));
    return { id, label, outcome, sentence: own[0]?.sentence ?? null, tiles };
  });
};

const configOf = memoizeByIdentity((provenance: Provenance): TileConfigView => {
  const shown = provenance.staged ?? provenance.now;
  const bytes = registerBytes(shown, 'tilecfg') ?? new Uint8Array(TILECFG_BYTES);
  const { state, sentence } = amxStates(shown).config;
  const config = rawTileConfig(bytes);
  return {
    state,
    sentence,
    config,
    rules: rulesOf(bytes),
    warnings: state === 'inUse' && config.paletteId === 1 ? tileUseWarnings(config) : [],
    offsetBytes: placeOf(shown.image.layout, BIT.XTILECFG)?.offsetBytes ?? null,
  };
});
/** TILECFG with its rules; null: nothing is read. */
export const selectTileConfig = (state: State): TileConfigView | null => {
  const provenance = selectProvenance(state);
  return provenance === null ? null : configOf(provenance);
};

const NO_EXTENT: Extent = { rows: 0, colsb: 0 };

/** What is configured of a tile; nothing where the configuration breaks a rule, so that no shape is made up. */
export const tileExtent = ({ config, rules }: TileConfigView, tile: number): Extent =>
  config.paletteId !== 1 || rules.some(({ outcome }) => outcome !== 'holds')
    ? NO_EXTENT
    : (config.tiles[tile] ?? NO_EXTENT);

/** One tile as it is drawn: staged bytes where staged, and who changed each element. */
export interface TileScene {
  readonly tile: number;
  readonly reading: TileReading;
  readonly extent: Extent;
  readonly matrix: TileMatrix;
  readonly values: Float64Array;
  readonly statistics: MatrixStatistics;
  /** One for each element, row after row. */
  readonly marks: readonly ShownMark[];
  /** Offsets in the tile of bytes outside rows × colsb that are not zero. */
  readonly outside: readonly number[];
}

const NO_TILE = new Uint8Array(TILE_STRIDE_BYTES);

/** The 1024 bytes of a tile; null where the image has none. */
export const tileBytes = (capture: Capture, tile: number): Uint8Array | null => registerBytes(capture, `tmm${tile}`);

const isPlain = (provenance: Provenance, register: string): boolean => {
  const now = registerBytes(provenance.now, register);
  return [provenance.previous, provenance.staged, provenance.written?.over ?? null].every((other) => {
    const bytes = other === null ? null : registerBytes(other, register);
    return bytes === null || now === null || equalBytes(bytes, now);
  });
};

const marksOf = (provenance: Provenance, tile: number, matrix: TileMatrix): readonly ShownMark[] => {
  const { rows, columns, type, interpretation } = matrix;
  const register = `tmm${tile}`;
  const marks = Array.from({ length: rows * columns }, (): ShownMark => 'none');
  if (isPlain(provenance, register)) return marks;
  const { bytes: size } = tileTypeRow(type);
  return marks.map((_, at) => {
    const offset = elementOffset(type, interpretation, { row: Math.floor(at / columns), column: at % columns });
    return shownMark(markedPart(provenance, register, offset, size));
  });
};

const sceneOf = (provenance: Provenance, tile: number, reading: TileReading): TileScene => {
  const bytes = tileBytes(provenance.staged ?? provenance.now, tile) ?? NO_TILE;
  const extent = tileExtent(configOf(provenance), tile);
  const matrix = tileMatrix(bytes, extent, reading.type, reading.interpretation);
  let marks: readonly ShownMark[] | undefined;
  return {
    tile,
    reading,
    extent,
    matrix,
    values: matrixValues(matrix),
    statistics: matrixStatistics(matrix),
    // Thumbnails never ask for them.
    get marks() {
      marks ??= marksOf(provenance, tile, matrix);
      return marks;
    },
    outside: bytesOutside(bytes, { ...extent, columns: 0 }),
  };
};

const scenes = memoizeKeyed((provenance: Provenance, key: string): TileScene => {
  const [tile, type, interpretation] = key.split(' ');
  return sceneOf(provenance, Number(tile), { type, interpretation } as TileReading);
});

/** One tile of the stop on screen in its reading; the same object as long as nothing of it changed. */
export const selectTileScene =
  (tile: number) =>
  (state: State): TileScene | null => {
    const provenance = selectProvenance(state);
    const reading = state.readings[tile];
    if (provenance === null || reading === undefined) return null;
    return scenes(provenance, `${tile} ${reading.type} ${reading.interpretation}`);
  };

/** The greatest magnitude of what a scale must hold: of one tile, or of those that are compared. */
export const greatestMagnitude = (shown: readonly TileScene[]): number =>
  shown.reduce((most, { statistics: { least, greatest } }) => Math.max(most, Math.abs(least ?? 0), greatest ?? 0), 0);

/** With a shared scale: over every configured tile that is read with the same type. */
export const selectScaleEnd =
  (tile: number) =>
  (state: State): number => {
    const own = selectTileScene(tile)(state);
    if (own === null) return 0;
    if (state.tileScale === 'own') return greatestMagnitude([own]);
    const all = state.readings.flatMap((reading, at) => {
      const scene = reading.type === own.reading.type ? selectTileScene(at)(state) : null;
      return scene === null ? [] : [scene];
    });
    return greatestMagnitude(all);
  };
