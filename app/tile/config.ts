export {
  brokenTileRules,
  decodeTileConfig,
  encodeTileConfig,
  PALETTE_1,
  rawTileConfig,
  TILE_COUNT,
  TILECFG_BYTES,
  type TileConfig,
  type TileRule,
  type TileSize,
  tileUseWarnings,
} from '../xsave/tilecfg.ts';

import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import type { Image } from '../capture/image.ts';
import { BIT } from '../xsave/components.ts';
import { decodeTileConfig, TILE_COUNT, type TileConfig } from '../xsave/tilecfg.ts';
import { viewComponent } from '../xsave/view.ts';

/** What TILECFG holds in init state: palette 0, no tile configured. */
export const INIT_TILE_CONFIG: TileConfig = {
  paletteId: 0,
  startRow: 0,
  tiles: Array.from({ length: TILE_COUNT }, () => ({ rows: 0, colsb: 0 })),
};

/** The configuration that applies to an image's tiles; init where TILECFG is in init; a problem where it is absent. */
export const tileConfigOf = (image: Image): Decoded<TileConfig> => {
  const view = viewComponent(image, BIT.XTILECFG);
  switch (view.state) {
    case 'absent':
      return undecodable({ kind: 'not-allowed', what: 'TILECFG', why: 'this image has no room for it' });
    case 'init':
      return decoded(INIT_TILE_CONFIG);
    case 'inUse':
      return decodeTileConfig(view.bytes);
  }
};
