import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeU16, writeU64 } from '../bits/bytes.ts';
import { makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { BITFIELDS, fieldMaximum, fieldWord, readField, writeField } from './bitfields.ts';
import { compactedLayout } from './layout.ts';
import { fcw, mxcsr, physicalOf, stIsEmpty, stTag, top, x87Stack } from './legacy.ts';

const layout = presetLayout('zen4');
const area = new Uint8Array(160);
writeU16(area, 0, 0x027f);
writeU16(area, 2, 6 << 11);
area[4] = 0b1100_0001;
// ST(0), physical 6: 1.0; ST(1), physical 7: zero; ST(2), physical 0: infinity; the others are empty.
writeU64(area, 32, 1n << 63n);
writeU16(area, 40, 0x3fff);
writeU64(area, 64, 1n << 63n);
writeU16(area, 72, 0x7fff);
const image = makeImage(layout, new Map([[0, area]]));

test('[X9] stack slots are in stack order, FTW in physical order, TOP between them', () => {
  expect(top(image)).toBe(6);
  expect(x87Stack(image).map((row) => [row.stack, row.physical, row.tag])).toEqual([
    [0, 6, 'valid'],
    [1, 7, 'zero'],
    [2, 0, 'special'],
    [3, 1, 'empty'],
    [4, 2, 'empty'],
    [5, 3, 'empty'],
    [6, 4, 'empty'],
    [7, 5, 'empty'],
  ]);
  expect(physicalOf(image, 3)).toBe(1);
  expect(stIsEmpty(image, 2)).toBe(false);
});

test('[X9] a denormal is special', () => {
  const tiny = area.slice();
  writeU64(tiny, 32, 1n);
  writeU16(tiny, 40, 0);
  expect(stTag(makeImage(layout, new Map([[0, tiny]])), 0)).toBe('special');
});

test('[X10] x87 in init reads FCW 037FH, whatever lies in its bytes', () => {
  const stale = makeImage(layout, new Map());
  stale.bytes.fill(0xee, 0, 24);
  expect(fcw(stale)).toBe(0x037f);
  expect(fcw(image)).toBe(0x027f);
});

test('[X11] MXCSR of a standard image is its stored value, whatever XSTATE_BV says', () => {
  expect(mxcsr(makeImage(layout, new Map(), 0x3f80))).toBe(0x3f80);
});

test('[X11] MXCSR of a compacted image without SSE is 1F80H', () => {
  const compacted = compactedLayout(layout, (1n << 63n) | 7n);
  if (!compacted.ok) throw new Error('no layout');
  const stale = { ...makeImage(layout, new Map(), 0x3f80), layout: compacted.value };
  expect(mxcsr(stale)).toBe(0x1f80);
  const used = makeImage(layout, new Map([[1, new Uint8Array(256)]]), 0x3f80);
  expect(mxcsr({ ...used, layout: compacted.value })).toBe(0x3f80);
});

test('[X12] fields of a register do not overlap and fit an exact number', () => {
  for (const rows of Object.values(BITFIELDS)) {
    const bits = rows.flatMap((row) => Array.from({ length: row.hi - row.lo + 1 }, (_, at) => row.lo + at));
    expect(new Set(bits).size).toBe(bits.length);
    expect(rows.every((row) => row.hi >= row.lo && row.hi < 64 && row.hi - row.lo < 53)).toBe(true);
    expect(new Set(rows.map((row) => row.name.toLowerCase())).size).toBe(rows.length);
  }
  expect(BITFIELDS.pkru).toHaveLength(32);
});

test('[X12] a field written reads back, and the other bits stay', () => {
  const rows = Object.values(BITFIELDS).flatMap((table) => [...table]);
  const values = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
  fc.assert(
    fc.property(fc.constantFrom(...rows), values, fc.double({ min: 0, max: 1, noNaN: true }), (row, value, share) => {
      const field = Math.floor(share * fieldMaximum(row));
      const written = writeField(value, row, field);
      const mask = ((1n << BigInt(row.hi - row.lo + 1)) - 1n) << BigInt(row.lo);
      expect(readField(written, row)).toBe(field);
      expect(written & ~mask).toBe(value & ~mask);
    }),
    { seed: 1 },
  );
});

test('[X12] words stand for values that have one', () => {
  const rc = BITFIELDS.mxcsr.find((row) => row.name === 'RC');
  if (rc === undefined) throw new Error('no RC');
  expect([0x1f80, 0x3f80, 0x5f80, 0x7f80].map((value) => fieldWord(value, rc))).toEqual([
    'nearest',
    'down',
    'up',
    'zero',
  ]);
});
