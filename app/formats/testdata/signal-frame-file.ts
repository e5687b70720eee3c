import { concat, writeU32, writeU64 } from '../../bits/bytes.ts';
import { makeImage, presetLayout } from '../../fixtures/preset-captures.ts';

/**
 * The floating-point part of a signal frame of a Skylake-SP, laid down by hand from uapi/asm/sigcontext.h: a 32-bit one has
 * struct fregs_state in front, 112 bytes; both have FP_XSTATE_MAGIC2 behind the image. zmm20 is 64 times 9.
 */
export const signalFrame = (bits: 32 | 64, xstateBytes = presetLayout('skylake-sp').totalBytes): Uint8Array => {
  const parts = new Map([[7, new Uint8Array(1024).fill(9)]]);
  const image = makeImage(presetLayout('skylake-sp'), parts).bytes.slice(0, xstateBytes);
  const front = new Uint8Array(bits === 32 ? 112 : 0);
  writeU32(image, 464, 0x46505853);
  writeU32(image, 468, front.length + xstateBytes + 4);
  writeU64(image, 472, 0x2e7n);
  writeU32(image, 480, xstateBytes);
  const behind = new Uint8Array(4);
  writeU32(behind, 0, 0x46505845);
  return concat([front, image, behind]);
};
