import { describe, expect, test } from 'vitest';
import { captureAfter, stageAssignments } from '../edit/assign.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { type FindAsAny, findIn, needleOf, needlesOf } from './find.ts';

const withAll = (capture: ReturnType<typeof sampleCapture>, ...rows: readonly (readonly [string, string])[]) => {
  const write = stageAssignments(
    capture,
    rows.map(([path, value]) => ({ path, value })),
  );
  if (!write.ok) throw new Error(JSON.stringify(write.problem));
  return captureAfter(capture, write.value);
};
const found = (capture: ReturnType<typeof sampleCapture>, text: string, as: FindAsAny, most = 100) => {
  const needles = needlesOf(text, as);
  if (!needles.ok) throw new Error(JSON.stringify(needles.problem));
  return findIn(capture, needles.value, most);
};

describe('[U13] a value or a pattern of bytes is found', () => {
  const capture = withAll(
    sampleCapture(),
    ['zmm3:f32[5]', '-317.75'],
    ['zmm20:f32[1]', '-317.75'],
    ['rbx', '0x1234567'],
    ['k2', '0x1234567'],
  );

  test('as elements of vector registers, each once, and as whole scalar registers', () => {
    expect(found(capture, '-317.75', 'f32').paths).toEqual(['zmm3:f32[5]', 'zmm20:f32[1]']);
    expect([...found(capture, '0x1234567', 'u32').paths].sort()).toEqual(['k2', 'rbx']);
    expect(found(capture, '-317.75', 'f64').paths).toEqual([]);
  });

  test('as bytes anywhere, in memory order, with bytes left open', () => {
    // -317.75 is c39ee000.
    expect(found(capture, '00 e0 9e c3', 'bytes').paths).toEqual(['zmm3:u8[20]', 'zmm20:u8[4]']);
    expect(found(capture, 'e0 ?? c3', 'bytes').paths).toEqual(['zmm3:u8[21]', 'zmm20:u8[5]']);
    expect(found(capture, '67452301', 'bytes').paths.toSorted()).toEqual(['k2', 'rbx']);
  });

  test('in tiles by row and column, within their shape alone', () => {
    const amx = withAll(sampleAmxCapture(), ['tmm0:i32[1][2]', '123456789']);
    expect(found(amx, '123456789', 'i32').paths).toEqual(['tmm0:i32[1][2]']);
  });

  test('where no type is said in each that the text fits, a place once, in the widest', () => {
    expect(found(capture, '-317.75', 'any').paths).toEqual(['zmm3:f32[5]', 'zmm20:f32[1]']);
    expect(found(capture, '0x1234567', 'any').paths.toSorted()).toEqual(['k2', 'rbx']);
    expect(found(capture, 'e0 ?? c3', 'any').paths).toEqual(['zmm3:u8[21]', 'zmm20:u8[5]']);
    const ones = withAll(sampleCapture(), ['zmm7:f32[3]', '1.5'], ['zmm8:bf16[8]', '1.5'], ['zmm9:f64[2]', '1.5']);
    const of = (text: string) => found(ones, text, 'any').paths.filter((path) => /^zmm[789]:/.test(path));
    expect(of('1.5')).toEqual(['zmm7:f32[3]', 'zmm8:bf16[8]', 'zmm9:f64[2]']);
    const byte = withAll(sampleCapture(), ['zmm9:u16[4]', '0x9c41']);
    expect(found(byte, '0x9c41', 'any').paths).toContain('zmm9:u16[4]');
    expect(needlesOf('what', 'any').ok).toBe(false);
    expect(needlesOf('', 'any').ok).toBe(false);
  });

  test('so many at most, and that there are more is said', () => {
    const many = withAll(sampleCapture(), ['zmm1', `0x${'07'.repeat(64)}`]);
    const { paths, isCut } = found(many, '7', 'u8', 10);
    expect([paths.length, isCut]).toEqual([10, true]);
  });

  test.each([
    ['', 'f32'],
    ['abc', 'i32'],
    ['300', 'u8'],
    ['0xd', 'bytes'],
    ['?? ??', 'bytes'],
    ['zz', 'bytes'],
  ] as const)('%s as %s is refused with what is expected', (text, as) => {
    expect(needleOf(text, as).ok).toBe(false);
  });
});
