import { concat } from '../bits/bytes.ts';

/** The guest's memory: one range, its addresses as the guest sees them. Outside of it nothing is mapped. */
export interface Memory {
  /** A copy; null where a byte lies outside. */
  read(address: bigint, countBytes: number): Uint8Array | null;
  /** False where a byte lies outside; then nothing is written. */
  write(address: bigint, bytes: Uint8Array): boolean;
}

/** Bytes that a program finds at an address. */
export interface MemoryContent {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** The lowest address of the model's memory, linear and physical alike. */
export const MEMORY_BASE = 0x400000n;
const MEMORY_BYTES = 0x10000;

export const createMemory = (contents: readonly MemoryContent[]): Memory => {
  const bytes = new Uint8Array(MEMORY_BYTES);
  const placeOf = (address: bigint, countBytes: number): number | null => {
    const offset = address - MEMORY_BASE;
    return offset >= 0n && offset + BigInt(countBytes) <= BigInt(MEMORY_BYTES) ? Number(offset) : null;
  };
  const write = (address: bigint, written: Uint8Array): boolean => {
    const offset = placeOf(address, written.length);
    if (offset === null) return false;
    bytes.set(written, offset);
    return true;
  };
  for (const content of contents) write(content.address, content.bytes);
  return {
    read: (address, countBytes) => {
      const offset = placeOf(address, countBytes);
      return offset === null ? null : bytes.slice(offset, offset + countBytes);
    },
    write,
  };
};

/** "c4 e2 78 49 07" as bytes. */
export const bytesOfHex = (text: string): Uint8Array =>
  Uint8Array.from(text.split(' '), (digits) => Number.parseInt(digits, 16));

export const joined = (parts: readonly string[]): Uint8Array => concat(parts.map(bytesOfHex));
