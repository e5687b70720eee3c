import { describe, expect, test } from 'vitest';
import type { DifferentComponent } from '../../../app/diff/diff-elements.ts';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { differencesOf, equalComponents } from './differences-of.ts';
import { differingDigits, nextRow, offsetsOf, rowsOf, SHOWN_FIRST, windowOf } from './rows.ts';

const component = (bit: number | null, label: string, values: number): DifferentComponent => ({
  bit,
  label,
  before: 'inUse',
  after: 'inUse',
  changedBytes: values,
  sizeBytes: 256,
  values: Array.from({ length: values }, (_, at) => ({
    path: `${label}[${at}]`,
    before: '0',
    after: '1',
    minus: '+1',
    bits: 1,
  })),
});

describe('the rows of a comparison', () => {
  test('a component shows its first values, all of them when asked, none when closed', () => {
    const found = [component(2, 'AVX', 30), component(null, 'Outside', 1)];
    expect(rowsOf(found, [], new Map())).toHaveLength(1 + SHOWN_FIRST + 1 + 2);
    expect(rowsOf(found, [], new Map([['AVX', 'all']]))).toHaveLength(1 + 30 + 2);
    expect(rowsOf(found, [], new Map([['AVX', 'closed']])).map(({ kind }) => kind)).toEqual(['head', 'head', 'value']);
    const keys = rowsOf(found, [], new Map()).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('equal components stand between the others by their bit, what is outside comes last', () => {
    const equal = [{ bit: 1, label: 'SSE', words: 'equal', state: '' as const }];
    const rows = rowsOf(
      [component(0, 'x87', 0), component(null, 'Outside', 0), component(2, 'AVX', 0)],
      equal,
      new Map(),
    );
    expect(rows.map(({ label }) => label)).toEqual(['x87', 'SSE', 'AVX', 'Outside']);
  });

  test('of a long list the rows near the screen are put in, of a short one all', () => {
    const offsets = offsetsOf(rowsOf([component(2, 'AVX', 2000)], [], new Map([['AVX', 'all']])));
    expect(offsets).toHaveLength(2002);
    for (const top of [-3000, 0, 12_345, 47_000, 99_999]) {
      const { first, end } = windowOf(offsets, top, top + 600);
      expect(end - first).toBeLessThan(80);
      expect(first).toBeLessThanOrEqual(end);
      if (top >= 0 && top < 47_000) {
        expect(offsets[first]).toBeLessThanOrEqual(top);
        expect(offsets[end]).toBeGreaterThanOrEqual(top + 600);
      }
    }
    expect(windowOf(offsetsOf(rowsOf([component(2, 'AVX', 10)], [], new Map())), 5000, 5600)).toEqual({
      first: 0,
      end: 10,
    });
    expect(windowOf([0], 0, 600)).toEqual({ first: 0, end: 0 });
  });

  test.each([
    ['next', 3, 4],
    ['previous', 0, 0],
    ['last', 3, 9],
    ['page-next', 3, 8],
    ['page-previous', 3, 0],
    ['press', 3, null],
  ] as const)('%s from row %i goes to %s', (command, at, to) => {
    expect(nextRow(command, at, 10, 5)).toBe(to);
  });

  test('digits are told apart in hex of one length alone', () => {
    const parts = (a: string, b: string) => differingDigits(a, b).map(({ text, differs }) => [text, differs]);
    expect(parts('00001f80', '00001fa0')).toEqual([
      ['00001f', false],
      ['a', true],
      ['0', false],
    ]);
    expect(parts('0x0000000000000010', '0x0000000000000011').at(-1)).toEqual(['1', true]);
    expect(parts('1.5', '2.5')).toEqual([['2.5', false]]);
    expect(parts('191 bytes not 0', '192 bytes not 0')).toEqual([['192 bytes not 0', false]]);
  });
});

test('captures of different layouts are compared by component, and what is the same is named', () => {
  const [a, b] = [sampleCapture(), sampleAmxCapture()];
  const found = differencesOf(a, b, 'f32');
  expect(found.find(({ label }) => label === 'TILEDATA')).toMatchObject({ before: 'absent' });
  const bits = new Set(found.map(({ bit }) => bit));
  expect(equalComponents(a, b).every(({ bit }) => !bits.has(bit))).toBe(true);
  expect(equalComponents(a, a).map(({ words }) => words)).toContain('equal');
  expect(differencesOf(a, b, 'f32')).toBe(found);
});
