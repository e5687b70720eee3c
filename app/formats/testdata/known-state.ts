import { bytesOfUint } from '../../bits/bytes.ts';

/** The values that known_state.c loads, by the same formulas. Thread 0 is the one that sends itself SIGABRT. */
export const knownZmm = (thread: number, register: number): Uint8Array =>
  Uint8Array.from({ length: 64 }, (_, byte) => (thread * 97 + register * 31 + byte * 7 + 13) & 0xff);

export const knownOpmask = (thread: number, register: number): bigint =>
  BigInt.asUintN(64, 0x0123456789abcdefn * BigInt(register + 1) + BigInt(thread));

/** Six registers are pushed, the last on top: ST(0) is number 5. */
export const KNOWN_X87_DEPTH = 6;
export const knownSt = (thread: number, stack: number): number =>
  (thread === 0 ? 1 : -1) * ((KNOWN_X87_DEPTH - 1 - stack) * 1000 + 0.5);

export const KNOWN_MXCSR = [0xdf80, 0x3f80] as const;
export const KNOWN_FCW = [0x037f, 0x0f7f] as const;

/** An 80-bit float from a number that it holds exactly. */
export const extendedOf = (value: number): Uint8Array => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) - 1023n + 16383n;
  const significand = ((bits & 0xfffffffffffffn) | 0x10000000000000n) << 11n;
  return bytesOfUint(((value < 0 ? 0x8000n : 0n) | exponent) * (1n << 64n) + significand, 10);
};
