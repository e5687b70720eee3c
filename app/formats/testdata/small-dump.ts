import { writeU16, writeU32, writeU64 } from '../../bits/bytes.ts';

const [HEADER, SEGMENT] = [64, 56];
const NOTE_AT = HEADER + 3 * SEGMENT;
const CPU_BYTES = 440;
const NOTE_BYTES = 12 + 8 + CPU_BYTES;
const MEMORY_AT = NOTE_AT + NOTE_BYTES;

/** What each of the two parts of memory holds: its own number, so many times. */
export const DUMP_PART_BYTES = 64;

/**
 * A guest as QEMU's dump-guest-memory writes it, as small as one can be: one CPU with paging on and RSP 0x1020, and memory at
 * physical 0x1000 (ones) and 0x1040 (twos), that have the linear addresses 0x5000 and 0x9000.
 */
export const smallDump = (): Uint8Array => {
  const file = new Uint8Array(MEMORY_AT + 2 * DUMP_PART_BYTES);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  writeU16(file, 16, 4);
  writeU16(file, 18, 62);
  writeU64(file, 32, BigInt(HEADER));
  writeU16(file, 54, SEGMENT);
  writeU16(file, 56, 3);
  const segment = (
    index: number,
    type: number,
    offset: number,
    bytes: number,
    linear: bigint,
    physical: bigint,
  ): void => {
    const at = HEADER + index * SEGMENT;
    writeU32(file, at, type);
    writeU64(file, at + 8, BigInt(offset));
    writeU64(file, at + 16, linear);
    writeU64(file, at + 24, physical);
    writeU64(file, at + 32, BigInt(bytes));
  };
  segment(0, 4, NOTE_AT, NOTE_BYTES, 0n, 0n);
  segment(1, 1, MEMORY_AT, DUMP_PART_BYTES, 0x5000n, 0x1000n);
  segment(2, 1, MEMORY_AT + DUMP_PART_BYTES, DUMP_PART_BYTES, 0x9000n, 0x1040n);
  writeU32(file, NOTE_AT, 5);
  writeU32(file, NOTE_AT + 4, CPU_BYTES);
  file.set([0x51, 0x45, 0x4d, 0x55], NOTE_AT + 12);
  const state = NOTE_AT + 20;
  writeU64(file, state + 8 + 6 * 8, 0x1020n);
  writeU64(file, state + 392, 0x80000001n);
  writeU64(file, state + 392 + 3 * 8, 0x1000n);
  file.fill(1, MEMORY_AT, MEMORY_AT + DUMP_PART_BYTES);
  file.fill(2, MEMORY_AT + DUMP_PART_BYTES);
  return file;
};
