import { expect, test } from 'vitest';
import type { MemoryRowShown } from '../../store/select/memory-edits.ts';
import type { CopyFormat } from '../tiles/tile-clipboard.ts';
import { type MemoryBlock, memoryText } from './memory-text.ts';

/** Two rows of eight bytes: 1, 2, 3, 4 and −1, 0, 256, 0x7fff as int16. */
const ROWS: readonly MemoryRowShown[] = [
  [1, 0, 2, 0, 3, 0, 4, 0],
  [0xff, 0xff, 0, 0, 0, 1, 0xff, 0x7f],
].map((row, at) => {
  const bytes = Uint8Array.from(row);
  return {
    address: 0x1000n + BigInt(at * 0x40),
    why: null,
    read: bytes,
    bytes,
    before: null,
    written: new Map(),
    isOurs: false,
  };
});

const BYTES: MemoryBlock = { row: 0, column: 0, rows: 1, columns: 8, size: 1 };
/** Of both rows the second and third element. */
const MIDDLE: MemoryBlock = { row: 0, column: 1, rows: 2, columns: 2, size: 2 };
const values = { look: 'values', type: 'i16' } as const;

test('[DA6] a block of bytes is copied in hex, one of values with tabs or commas between them', () => {
  expect(memoryText(ROWS, BYTES, { look: 'hex', type: 'i16' }, 'tsv')).toBe('01 00 02 00 03 00 04 00\n');
  expect(memoryText(ROWS, MIDDLE, values, 'tsv')).toBe('2\t3\n0\t256\n');
  expect(memoryText(ROWS, MIDDLE, values, 'csv')).toBe('2,3\n0,256\n');
});

test.each<[CopyFormat, string]>([
  ['numpy', "memory_1002 = np.array([\n    [2, 3],\n    [0, 256],\n], dtype='<i2')"],
  ['c', 'static const int16_t memory_1002[2][2] = {\n\t{ 2, 3 },\n\t{ 0, 256 },\n};'],
])('[DA6] as %s it is named by the address of its first element, in rows as it is seen', (format, text) => {
  expect(memoryText(ROWS, MIDDLE, values, format)).toContain(text);
});

test('[DA6] what is staged is copied, as it is seen', () => {
  const [first, second] = ROWS as readonly [MemoryRowShown, MemoryRowShown];
  const staged = [{ ...first, bytes: Uint8Array.of(9, 0, 2, 0, 3, 0, 4, 0) }, second];
  expect(memoryText(staged, { ...MIDDLE, column: 0, rows: 1 }, values, 'tsv')).toBe('9\t2\n');
});
