import { bytesOfUint, readU8, readU16, readU32, readU64 } from '../bits/bytes.ts';
import { hasBit } from '../bits/mask.ts';
import type { Image } from '../capture/image.ts';
import { BIT } from './components.ts';
import { xstateBv } from './header.ts';
import { componentBytesOrInit, INIT_MXCSR } from './view.ts';

/*
 * The legacy region, bytes 0 to 511, as FXSAVE64 writes it (Linux struct fxregs_state):
 *     0 FCW 2    2 FSW 2    4 FTW 1 (one bit a physical register, 1: not empty)    6 FOP 2    8 FIP 8   16 FDP 8
 *    24 MXCSR 4  28 MXCSR_MASK 4
 *    32 + 16 j   ST(j), 10 bytes and 6 of padding: in stack order, while FTW is in physical order
 *   160 + 16 i   XMMi
 *   416 reserved 48    464 available to software 48; KVM writes its user feature mask at 464
 */
export const MXCSR_OFFSET_BYTES = 24;
export const MXCSR_MASK_OFFSET_BYTES = 28;
export const MXCSR_END_BYTES = 32;
export const ST_OFFSET_BYTES = 32;
export const ST_STRIDE_BYTES = 16;
export const ST_BYTES = 10;
export const SOFTWARE_OFFSET_BYTES = 464;

const x87 = (image: Image): Uint8Array => componentBytesOrInit(image, BIT.x87);

export const fcw = (image: Image): number => readU16(x87(image), 0);
export const fsw = (image: Image): number => readU16(x87(image), 2);
/** Abridged: bit i is 1 where physical register Ri is not empty. */
export const ftw = (image: Image): number => readU8(x87(image), 4);
export const fop = (image: Image): number => readU16(x87(image), 6);
export const fip = (image: Image): bigint => readU64(x87(image), 8);
export const fdp = (image: Image): bigint => readU64(x87(image), 16);

/** FSW[13:11]: the physical register that is ST(0). */
export const top = (image: Image): number => (fsw(image) >> 11) & 7;

/** The physical register behind ST(stack). */
export const physicalOf = (image: Image, stack: number): number => (top(image) + stack) & 7;

/** ST(stack) is empty; FTW counts physical registers, so TOP turns one numbering into the other. */
export const stIsEmpty = (image: Image, stack: number): boolean => ((ftw(image) >> physicalOf(image, stack)) & 1) === 0;

/** The ten bytes of a stack slot 0 to 7. */
export const stBytes = (image: Image, stack: number): Uint8Array => {
  const start = ST_OFFSET_BYTES + ST_STRIDE_BYTES * stack;
  return x87(image).subarray(start, start + ST_BYTES);
};

export type StTag = 'valid' | 'zero' | 'special' | 'empty';

/** The 2-bit tag that FSAVE would give, rebuilt from the value as the kernel does (regset.c twd_fxsr_to_i387). */
export const stTag = (image: Image, stack: number): StTag =>
  stIsEmpty(image, stack) ? 'empty' : tagOf(stBytes(image, stack));

const tagOf = (bytes: Uint8Array): StTag => {
  const significand = readU64(bytes, 0);
  const exponent = readU16(bytes, 8) & 0x7fff;
  if (exponent === 0x7fff) return 'special';
  if (exponent === 0) return significand === 0n ? 'zero' : 'special';
  return hasBit(significand, 63) ? 'valid' : 'special';
};

const TAG_BITS: Readonly<Record<StTag, number>> = { valid: 0, zero: 1, special: 2, empty: 3 };

/** The tag word as FSAVE stores it and gdb calls it ftag: two bits a physical register. @param x87 the component's bytes */
export const fullTagWord = (x87: Uint8Array): Uint8Array => {
  const [tags, firstPhysical] = [readU8(x87, 4), (readU16(x87, 2) >> 11) & 7];
  let word = 0;
  for (let physical = 0; physical < 8; physical += 1) {
    const start = ST_OFFSET_BYTES + ST_STRIDE_BYTES * ((physical - firstPhysical) & 7);
    const tag = ((tags >> physical) & 1) === 0 ? 'empty' : tagOf(x87.subarray(start, start + ST_BYTES));
    word |= TAG_BITS[tag] << (2 * physical);
  }
  return bytesOfUint(BigInt(word), 2);
};

/** A stack slot, and the physical register that TOP has put there. */
export interface StackRow {
  readonly stack: number;
  readonly physical: number;
  readonly tag: StTag;
  readonly bytes: Uint8Array;
}

/** The eight registers in stack order, each with its physical number. */
export const x87Stack = (image: Image): StackRow[] =>
  Array.from({ length: 8 }, (_, stack) => ({
    stack,
    physical: physicalOf(image, stack),
    tag: stTag(image, stack),
    bytes: stBytes(image, stack),
  }));

/**
 * MXCSR, a field of its own: a standard image always holds it, whatever XSTATE_BV says (XRSTOR reads it with SSE or
 * AVX); a compacted one only under XSTATE_BV[1], else it is 1F80H. (Intel SDM vol. 1 sections 13.7, 13.8, 13.11.)
 */
export const mxcsr = (image: Image): number =>
  image.layout.format === 'standard' || hasBit(xstateBv(image), BIT.SSE)
    ? readU32(image.bytes, MXCSR_OFFSET_BYTES)
    : INIT_MXCSR;

/** As stored; hardware writes it and never reads it, and KVM hands back what it was given. */
export const mxcsrMask = (image: Image): number => readU32(image.bytes, MXCSR_MASK_OFFSET_BYTES);

/**
 * The MXCSR that goes along when the state goes elsewhere. With neither SSE nor AVX in use KVM drops what is stored and the
 * guest has 1F80H; a 0 that nobody wrote (a buffer cleared by memset) is taken so, and so is what no CPU can hold, where
 * KVM_SET_XSAVE does not look at it. Everything else a CPU may have saved beside an SSE in init: XSAVE writes it whatever
 * XSTATE_BV says.
 */
export const mxcsrToKeep = (image: Image): number => {
  const stored = mxcsr(image);
  const bv = xstateBv(image);
  if (hasBit(bv, BIT.SSE) || hasBit(bv, BIT.AVX)) return stored;
  const isUnlooked = !hasBit(bv, BIT.x87) && (stored & ~MOST_MXCSR) !== 0;
  return stored === 0 || isUnlooked ? INIT_MXCSR : stored;
};

/** Bits that MXCSR has on some CPU: 15:0, and AMD's bit 17. */
const MOST_MXCSR = 0x2ffff;

const X87_MASKS = 0x3f;
const SSE_MASKS = 0x1f80;

/** Registers in use, by name, that mask no exception at all: no ABI starts so, and memory that was cleared looks so. */
export const unmaskedControls = (image: Image): ('FCW' | 'MXCSR')[] => {
  const bv = xstateBv(image);
  const sse = hasBit(bv, BIT.SSE) || hasBit(bv, BIT.AVX);
  return [
    ...(hasBit(bv, BIT.x87) && (fcw(image) & X87_MASKS) === 0 ? (['FCW'] as const) : []),
    ...(sse && (mxcsr(image) & SSE_MASKS) === 0 ? (['MXCSR'] as const) : []),
  ];
};
