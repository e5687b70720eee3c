import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changeOf, withChange } from './json-change.ts';

const over = (before: unknown, after: unknown): unknown =>
  // As it travels: through JSON.
  withChange(before, JSON.parse(JSON.stringify(changeOf(before, after))));

describe('[C90] what differs', () => {
  test('turns any JSON value into any other', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 4 }), (before, after) => {
        const [was, is] = JSON.parse(JSON.stringify([before, after]));
        expect(over(was, is)).toEqual(is);
        expect(changeOf(was, was)).toBeNull();
      }),
    );
  });

  test('of a text of the same length is the runs that differ', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 17, maxLength: 200 }),
        fc.array(fc.nat(199), { maxLength: 4 }),
        (text, places) => {
          const letters = [...text].map((letter, at) => (places.includes(at) ? '#' : letter)).join('');
          expect(over(text, letters)).toBe(letters);
        },
      ),
    );
    const [before, after] = ['a'.repeat(1000), `${'a'.repeat(500)}b${'a'.repeat(499)}`];
    expect(changeOf(before, after)).toEqual({ text: [[496, `${'a'.repeat(4)}b${'a'.repeat(11)}`]] });
  });

  test('of fields is those alone, and names those that are gone', () => {
    expect(changeOf({ a: 1, b: [1, 2], c: 3 }, { a: 1, b: [1, 5], d: undefined })).toEqual({
      at: { b: { at: { 1: { to: 5 } }, gone: [] } },
      gone: ['c'],
    });
    expect(over(JSON.parse('{"__proto__": 1}'), JSON.parse('{"__proto__": {"x": 2}}'))).toEqual(
      JSON.parse('{"__proto__": {"x": 2}}'),
    );
  });
});
