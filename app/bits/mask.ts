/**
 * Masks and 64-bit registers are bigint throughout: a shift on a number wraps at bit 32, and XCOMP_BV uses bit 63.
 */

export const MAX_U64 = (1n << 64n) - 1n;

export const hasBit = (mask: bigint, bit: number): boolean => ((mask >> BigInt(bit)) & 1n) === 1n;

/** The numbers of the bits that are set, lowest first. */
export const bitsOf = (mask: bigint): number[] => {
  const bits: number[] = [];
  for (let bit = 0, rest = mask; rest > 0n; bit += 1, rest >>= 1n) {
    if ((rest & 1n) === 1n) bits.push(bit);
  }
  return bits;
};

export const withBit = (mask: bigint, bit: number, on: boolean): bigint =>
  on ? mask | (1n << BigInt(bit)) : mask & ~(1n << BigInt(bit));

export const maskOf = (bits: readonly number[]): bigint => bits.reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);

/** All sixteen digits, without a prefix: "00000000000602e7". */
export const hex64 = (mask: bigint): string => BigInt.asUintN(64, mask).toString(16).padStart(16, '0');

/** As few digits as needed, with prefix: "0x602e7". */
export const hexShort = (mask: bigint): string => `0x${BigInt.asUintN(64, mask).toString(16)}`;
