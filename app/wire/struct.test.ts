import { describe, expect, test } from 'vitest';
import { struct, writeStruct } from './struct.ts';

describe('[W3] what is written comes out as it went in', () => {
  const shape = struct('sample', { small: 'u32', signed: 'i32', wide: 'u64' });
  const good = { small: 0, signed: 0, wide: 0n };

  test.each([{ small: 2 ** 32 - 1 }, { signed: -(2 ** 31) }, { wide: 2n ** 64n - 1n }])('%o fits', (fields) => {
    expect(() => writeStruct(shape, { ...good, ...fields })).not.toThrow();
  });

  test.each([
    { small: 2 ** 32 },
    { small: -1 },
    { small: 0.5 },
    { signed: 2 ** 31 },
    { wide: 2n ** 64n },
    { wide: -1n },
  ])('%o would come out as another number, and is refused', (fields) => {
    expect(() => writeStruct(shape, { ...good, ...fields })).toThrow('does not fit sample.');
  });
});
