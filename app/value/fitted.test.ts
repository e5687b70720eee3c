import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOfUint } from '../bits/bytes.ts';
import { describeProblem } from '../bits/decoded.ts';
import { ELEMENT_TYPES, type ElementType, elementBytes } from './element-type.ts';
import { parseElement } from './parse.ts';
import { DOES_NOT_FIT, printElement, printFitted } from './print.ts';

const fitted = (type: ElementType, text: string, maxCharacters: number): string => {
  const parsed = parseElement(type, text);
  if (!parsed.ok) throw new Error(describeProblem(parsed.problem));
  return printFitted(type, parsed.value, 0, maxCharacters);
};

describe('cells', () => {
  test('[V9] exact where it fits, with U+2212 as minus', () => {
    expect(fitted('i32', '-35812', 6)).toBe('−35812');
    expect(fitted('f32', '-47.25', 6)).toBe('−47.25');
    expect(fitted('f32', '0.1', 5)).toBe('0.1');
    expect(fitted('f64', '-0', 4)).toBe('−0');
    expect(fitted('f32', '-inf', 4)).toBe('−Inf');
  });

  test('[V9] else fewer digits, rounded from the exact value', () => {
    expect(fitted('f64', '3.14159265', 5)).toBe('3.142');
    expect(fitted('f64', '0.009123', 5)).toBe('0.009');
    expect(fitted('f64', '0.009', 4)).toBe('9e-3');
    expect(fitted('f64', '999.96', 4)).toBe('1000');
    expect(fitted('f64', '1234567.8', 5)).toBe('1.2e6');
    expect(fitted('f64', '-0.0000123', 5)).toBe('−1e-5');
    expect(fitted('f32', 'nan(0x1)', 4)).toBe('NaN');
    expect(fitted('f32', '1e-30', 3)).toBe(DOES_NOT_FIT);
  });

  test('[V9] an integer never loses digits in plain form', () => {
    expect(fitted('i32', '1234567890', 6)).toBe('1.23e9');
    expect(fitted('i32', '1234567890', 5)).toBe('1.2e9');
    expect(fitted('u32', '4000000000', 4)).toBe('4e9');
    expect(fitted('i16', '-12345', 4)).toBe('−1e4');
    expect(fitted('i16', '-12345', 3)).toBe(DOES_NOT_FIT);
  });

  test('[V9] never wider than the cell; what is exact reads back, and what is not is near', () => {
    const any = fc
      .constantFrom(...ELEMENT_TYPES.map((row) => row.name))
      .chain((type) =>
        fc.tuple(
          fc.constant(type),
          fc.bigInt(0n, (1n << BigInt(elementBytes(type) * 8)) - 1n),
          fc.integer({ min: 1, max: 24 }),
        ),
      );
    fc.assert(
      fc.property(any, ([type, pattern, maxCharacters]) => {
        const bytes = bytesOfUint(pattern, elementBytes(type));
        const text = printFitted(type, bytes, 0, maxCharacters);
        expect(text.length).toBeLessThanOrEqual(maxCharacters);
        expect(text).not.toContain('-N');
        const [shown, exact] = [Number(text.replace('−', '-')), Number(printElement(type, bytes, 0))];
        if (Number.isFinite(shown) && Number.isFinite(exact)) {
          // One digit is the least that is ever shown: within half of the first digit's place.
          expect(Math.abs(shown - exact)).toBeLessThanOrEqual(Math.abs(exact) * 0.51 + Number.MIN_VALUE);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
