import { expect, test } from 'vitest';
import type { CodeView } from '../../../app/bridge.ts';
import { codeStart, functionStart, holdsNext } from './code-start.ts';

/** Instructions of two bytes each. */
const view = (from: number, count: number, rip: number, symbolBase: number | null = null): CodeView => ({
  ...{ rip: `0x${rip.toString(16)}`, who: '', uses: [], tile: null, tileConfig: null, area: null, translations: 1 },
  lines: Array.from({ length: count }, (_, at) => {
    const address = from + 2 * at;
    const symbol = symbolBase === null ? null : `f+0x${(address - symbolBase).toString(16)}`;
    return {
      ...{ address: `0x${address.toString(16)}`, bytes: '90 90', text: 'nop', next: address === rip, symbol },
      ...{ target: null, reads: [], writes: [] },
    };
  }),
});

test('[DA5] the list stands still while its instructions are executed, and goes on before the next one leaves it', () => {
  const shown = view(0x1000, 48, 0x1000);
  expect(codeStart(shown, 0x1002n)).toBe('0x1000');
  expect(codeStart(shown, 0x1030n)).toBe('0x1000');
  // The 26th line: eight stay above it.
  expect(codeStart(shown, 0x1032n)).toBe('0x1022');
  // Elsewhere, between two instructions, or nothing known: from RIP on.
  for (const rip of [0x2000n, 0x1003n, null]) expect(codeStart(shown, rip)).toBe('');
  expect(codeStart(null, 0x1000n)).toBe('');
});

test('[DA5] it begins with the function where a symbol says so, unless that is far back', () => {
  expect(functionStart(view(0x1010, 4, 0x1010, 0x1000))).toBe('0x1000');
  expect(functionStart(view(0x1000, 4, 0x1000, 0x1000))).toBeNull();
  expect(functionStart(view(0x1010, 4, 0x1010))).toBeNull();
  expect(functionStart(view(0x2000, 4, 0x2000, 0x1000))).toBeNull();
});

test('[DA5] bytes read from elsewhere may be read as other instructions, and then the next one is none of them', () => {
  expect(holdsNext(view(0x1000, 4, 0x1002))).toBe(true);
  expect(holdsNext(view(0x1000, 4, 0x1003))).toBe(false);
});
