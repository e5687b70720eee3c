import type { Image } from '../capture/image.ts';
import { BIT } from '../xsave/components.ts';
import { viewComponent } from '../xsave/view.ts';
import { TILE_STRIDE_BYTES, tileByteOffset } from './geometry.ts';

const ZEROS = new Uint8Array(TILE_STRIDE_BYTES);

/** The 1024 bytes of a tile, zeros where TILEDATA is in init; null: the image has no room for tiles. */
export const tileBytes = (image: Image, tile: number): Uint8Array | null => {
  const view = viewComponent(image, BIT.XTILEDATA);
  if (view.state === 'absent') return null;
  const at = tileByteOffset(tile, 0);
  return view.state === 'init' ? ZEROS : view.bytes.subarray(at, at + TILE_STRIDE_BYTES);
};
