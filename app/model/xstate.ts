import { readU64, writeU64 } from '../bits/bytes.ts';
import { assert } from '../bits/decoded.ts';
import { hasBit, maskOf, withBit } from '../bits/mask.ts';
import { TILE_STRIDE_BYTES } from '../tile/geometry.ts';
import { BIT } from '../xsave/components.ts';
import { placeOf } from '../xsave/layout.ts';
import { rawTileConfig, TILECFG_BYTES, type TileConfig } from '../xsave/tilecfg.ts';
import { INIT_MXCSR, initBytes } from '../xsave/view.ts';
import { HOST_LAYOUT } from './cpu.ts';

/**
 * The guest's extended registers, kept as KVM keeps them between two runs: the bytes of every component in the standard
 * format, and which of them are in use. A component comes into use when something other than its initial values is
 * written to one of its registers; TILEDATA with every write to a tile. (The SDM leaves it to the CPU to track more.)
 */
export interface Xstate {
  /** XSTATE_BV as the CPU tracks it. */
  inUse: bigint;
  mxcsr: number;
  mxcsrMask: number;
  /** The bytes of a component, to be read only; meaningful where it is in use. */
  component(bit: number): Uint8Array;
  /** Stores a component and marks it in use. */
  load(bit: number, bytes: Uint8Array): void;
  putToInit(bit: number): void;
  /** A vector register 0 to 31, whole. */
  vector(register: number): Uint8Array;
  /** 16, 32 or 64 bytes; what lies above is zeroed, as by every VEX and EVEX instruction. */
  setVector(register: number, bytes: Uint8Array): void;
  /** VZEROUPPER: bits 511:128 of registers 0 to 15. */
  zeroUpper(): void;
  mask(register: number): bigint;
  setMask(register: number, value: bigint): void;
  tileConfig(): TileConfig;
  /** The 1024 bytes of a tile. */
  tile(register: number): Uint8Array;
  setTile(register: number, bytes: Uint8Array): void;
}

/** Linux saves guest state with the host's PKRU loaded, which is not zero: so PKRU is always in use. */
export const ALWAYS_SAVED = maskOf([BIT.PKRU]);

/** The fragments of a vector register: component, offset in it, bytes of the register. */
const fragmentsOf = (
  register: number,
): readonly (readonly [bit: number, offset: number, from: number, to: number])[] =>
  register < 16
    ? [
        [BIT.SSE, register * 16, 0, 16],
        [BIT.AVX, register * 16, 16, 32],
        [BIT.ZMM_Hi256, register * 32, 32, 64],
      ]
    : [[BIT.Hi16_ZMM, (register - 16) * 64, 0, 64]];

export const createXstate = (): Xstate => {
  const store = new Map(
    HOST_LAYOUT.components.map(({ bit, sizeBytes }): [number, Uint8Array] => [bit, initBytes(bit, sizeBytes)]),
  );
  const component = (bit: number): Uint8Array => {
    const bytes = store.get(bit);
    assert(bytes !== undefined && placeOf(HOST_LAYOUT, bit) !== undefined, `component ${bit} of the model CPU`);
    return bytes;
  };
  const writePart = (bit: number, offset: number, bytes: Uint8Array): void => {
    component(bit).set(bytes, offset);
    if (bytes.some((byte) => byte !== 0)) xstate.inUse = withBit(xstate.inUse, bit, true);
  };
  const xstate: Xstate = {
    inUse: ALWAYS_SAVED,
    mxcsr: INIT_MXCSR,
    mxcsrMask: 0xffff,
    component,
    load: (bit, bytes) => {
      component(bit).set(bytes);
      xstate.inUse = withBit(xstate.inUse, bit, true);
    },
    putToInit: (bit) => {
      const bytes = component(bit);
      bytes.set(initBytes(bit, bytes.length));
      xstate.inUse = withBit(xstate.inUse, bit, false);
    },
    vector: (register) => {
      const bytes = new Uint8Array(64);
      for (const [bit, offset, from, to] of fragmentsOf(register)) {
        bytes.set(component(bit).subarray(offset, offset + to - from), from);
      }
      return bytes;
    },
    setVector: (register, bytes) => {
      const whole = new Uint8Array(64);
      whole.set(bytes);
      for (const [bit, offset, from, to] of fragmentsOf(register)) writePart(bit, offset, whole.subarray(from, to));
    },
    zeroUpper: () => {
      xstate.putToInit(BIT.AVX);
      xstate.putToInit(BIT.ZMM_Hi256);
    },
    mask: (register) => readU64(component(BIT.opmask), register * 8),
    setMask: (register, value) => {
      const bytes = new Uint8Array(8);
      writeU64(bytes, 0, value);
      writePart(BIT.opmask, register * 8, bytes);
    },
    tileConfig: () =>
      rawTileConfig(hasBit(xstate.inUse, BIT.XTILECFG) ? component(BIT.XTILECFG) : new Uint8Array(TILECFG_BYTES)),
    tile: (register) =>
      component(BIT.XTILEDATA).slice(register * TILE_STRIDE_BYTES, (register + 1) * TILE_STRIDE_BYTES),
    setTile: (register, bytes) => {
      component(BIT.XTILEDATA).set(bytes, register * TILE_STRIDE_BYTES);
      xstate.inUse = withBit(xstate.inUse, BIT.XTILEDATA, true);
    },
  };
  return xstate;
};
