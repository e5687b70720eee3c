import type { GuestMemory } from '../memory/guest-memory.ts';

/** The longest call that compilers write: a prefix, REX, FF /2, SIB and four bytes of displacement. */
const MOST_CALL_BYTES = 9;
const PREFIXES: ReadonlySet<number> = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2]);

/** ModRM, SIB and displacement, in bytes. (SDM vol. 2, tables 2-1 to 2-3) */
const operandBytes = (code: Uint8Array, at: number, bits: 16 | 32 | 64): number => {
  const modRm = code[at] ?? 0;
  const [mod, rm] = [modRm >> 6, modRm & 7];
  if (mod === 3) return 1;
  if (bits === 16) return 1 + (mod === 0 ? (rm === 6 ? 2 : 0) : mod);
  const sib = rm === 4 ? 1 : 0;
  const base = sib === 1 ? (code[at + 1] ?? 0) & 7 : rm;
  return 1 + sib + (mod === 1 ? 1 : mod === 2 || base === 5 ? 4 : 0);
};

/** All of the code is one call: E8, FF /2 or /3, or 9A outside 64-bit code. */
const isCall = (code: Uint8Array, bits: 16 | 32 | 64): boolean => {
  let at = 0;
  while (PREFIXES.has(code[at] ?? 0)) at += 1;
  const prefixes = code.subarray(0, at);
  if (bits === 64 && ((code[at] ?? 0) & 0xf0) === 0x40) at += 1;
  // 66H and 67H change the size of operand and address; a near call of 64-bit code heeds only the second, which keeps its length.
  const [operand, address] = [0x66, 0x67].map((prefix) => {
    const other = bits === 16 ? 32 : 16;
    return bits !== 64 && prefixes.includes(prefix) ? other : bits;
  }) as [16 | 32 | 64, 16 | 32 | 64];
  const wordBytes = operand === 16 ? 2 : 4;
  const left = code.length - at - 1;
  if (code[at] === 0xe8) return left === wordBytes;
  if (code[at] === 0x9a && bits !== 64) return left === wordBytes + 2;
  const kind = ((code[at + 1] ?? 0) >> 3) & 7;
  const isMemory = (code[at + 1] ?? 0) < 0xc0;
  return code[at] === 0xff && (kind === 2 || (kind === 3 && isMemory)) && left === operandBytes(code, at + 1, address);
};

/**
 * Whether a call ends right before the address, as before every address that a function returns to. How long it is, is not
 * known, so each length is tried: bytes that happen to look like a call are one. False too where the code cannot be read.
 */
export const followsCall = async (memory: GuestMemory, address: bigint, bits: 16 | 32 | 64): Promise<boolean> => {
  const before = (bytes: number) => memory.readLinear(BigInt.asUintN(64, address - BigInt(bytes)), bytes);
  const onThePage = Number(address & 0xfffn);
  const whole = await before(MOST_CALL_BYTES);
  // The page below may be another's, or none.
  const read = whole.ok || onThePage < 2 || onThePage > MOST_CALL_BYTES ? whole : await before(onThePage);
  if (!read.ok) return false;
  const code = read.value.bytes;
  return Array.from({ length: code.length - 1 }, (_, at) => code.subarray(at)).some((tail) => isCall(tail, bits));
};
