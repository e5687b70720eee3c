import { describe, expect, test } from 'vitest';
import type { TileMove } from '../../../app/debug/tile-words.ts';
import { type ComparedRow, describeEffect, rowsOnPage } from './memory-matrix.ts';

const row = (differing: readonly number[], why: string | null = null): ComparedRow => ({
  ...{ differing, beside: new Uint8Array(4) },
  row: {
    address: 0n,
    why,
    read: new Uint8Array(),
    bytes: new Uint8Array(),
    before: null,
    written: new Map(),
    isOurs: false,
  },
});
const MOVE: TileMove = {
  ...{ tile: 4, stores: false, rows: 4, colsb: 4, startRow: 0, base: '0x0', stride: '4', pages: [] },
  ...{ faultRow: null, why: null },
};
const ROWS = [row([0]), row([]), row([1, 2]), row([3])];

describe('[DA9] what a load or store does to what is shown', () => {
  test('of no instruction that is next', () => {
    expect(describeEffect(ROWS, 4, null)).toEqual({
      ...{ isWarning: false, text: 'A load from here would change 4 elements of tmm4.' },
    });
    expect(describeEffect([row([])], 4, null).text).toBe('A load from here would change nothing.');
  });

  test('rows that an interrupted one has done are not changed again', () => {
    expect(describeEffect(ROWS, 4, { ...MOVE, startRow: 2 }).text).toBe(
      'Rows 0 to 1 are done; this load goes on at row 2 and changes 3 elements of tmm4.',
    );
    expect(describeEffect(ROWS, 4, { ...MOVE, stores: true }).text).toBe('This store changes 4 elements of memory.');
  });

  test('a row that faults ends it, and what raises #UD does nothing', () => {
    const cut = [row([0]), row([1], 'no page is mapped there')];
    expect(describeEffect(cut, 4, { ...MOVE, faultRow: 1 })).toEqual({
      isWarning: true,
      text: 'This load changes 1 element of tmm4, then faults at row 1: no page is mapped there.',
    });
    expect(describeEffect(cut, 4, null).text).toContain('would change 1 element of tmm4, then faults at row 1');
    const page = {
      linear: '0x1000',
      physical: '0x1000',
      pageBytes: 4096,
      why: 'it may not be written',
      firstRow: 2,
      lastRow: 3,
    };
    const kept = { ...MOVE, stores: true, faultRow: 2, pages: [page] };
    expect(describeEffect(ROWS, 4, kept).text).toBe(
      'This store changes 1 element of memory, then faults at row 2: it may not be written.',
    );
    expect(describeEffect(cut, 4, { ...MOVE, why: 'tmm4 is not configured: the instruction raises #UD' })).toEqual({
      isWarning: true,
      text: 'tmm4 is not configured: the instruction raises #UD.',
    });
  });
});

test('rows of a page, and how many bytes of it they touch: one that lies over its end counts on both', () => {
  const rows = [0xf80n, 0xfe0n, 0x1040n].map((address) => ({ address }));
  expect(rowsOnPage(rows, 64, 0n)).toEqual({ first: 0, last: 1, count: 2, bytes: 64 + 32 });
  expect(rowsOnPage(rows, 64, 0x1000n)).toEqual({ first: 1, last: 2, count: 2, bytes: 32 + 64 });
  expect(rowsOnPage(rows, 64, 0x2000n)).toBeNull();
});
