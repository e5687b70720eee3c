import { expect, test } from 'vitest';
import { writeU64 } from '../bits/bytes.ts';
import { describeProblem } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { sampleAmxCapture } from '../fixtures/samples.ts';
import { parsePath } from '../register/path.ts';
import { showJson } from '../register/read.ts';
import { firstRefusal, preflight } from '../xsave/preflight.ts';
import { stageAssignments } from './assign.ts';

// What the guest's program computed: TDPBSSD of tmm1 and tmm2 into tmm0, TDPBF16PS of tmm4 and tmm5 into tmm3.
const capture = sampleAmxCapture();
const json = (text: string, of: Capture = capture): unknown => {
  const path = parsePath(text);
  if (!path.ok) throw new Error(describeProblem(path.problem));
  return showJson(of, path.value);
};

test('[R5] a recorded guest: TILECFG as it was loaded', () => {
  const sizes = [
    [8, 48],
    [8, 16],
    [4, 48],
    [8, 48],
    [8, 16],
    [4, 48],
    [0, 0],
    [16, 64],
  ];
  expect(json('tilecfg')).toEqual({
    palette_id: 1,
    start_row: 0,
    tiles: sizes.map(([rows, colsb]) => ({ rows, colsb })),
  });
  expect(json('xstate_bv')).toBe('0x0000000000060200');
});

test('[R5] a recorded guest: the product of int8 tiles, every row', () => {
  expect(json('tmm0:i32')).toEqual([
    [39740, 39900, 40060, 40220, 40380, 40540, 40700, 25244, -35268, -87076, -148100, -35812],
    [50204, 45564, 40924, 36284, 31644, 27004, 22364, -2244, -80612, -145924, -89380, 700],
    [55548, 46108, 36668, 27228, 17788, 8348, -1092, -34852, -131076, -78820, -35780, 32092],
    [50140, 35900, 21660, 7420, -6820, -21060, -35300, -78212, -61220, -22468, 7068, 52732],
    [39612, 20572, 1532, -17508, -36548, -55588, -74628, -61156, 3516, 28764, 44796, 68252],
    [21660, 8060, -5540, -19140, -32740, -46340, -59940, -45380, 11676, 33660, 46428, 57916],
    [3708, -4452, -12612, -20772, -28932, -37092, -45252, -29604, 19836, 38556, 48060, 47580],
    [-14244, -16964, -19684, -22404, -25124, -27844, -30564, -13828, 27996, 43452, 49692, 37244],
  ]);
  expect(json('tmm1:i8[0]')).toEqual([-60, -69, -78, -87, -96, -105, -114, -123, 124, 115, 106, 97, 88, 79, 70, 61]);
  expect(json('tmm2:i8[3][17]')).toBe(58);
});

test('[R5] a recorded guest: the int8 product is what its inputs give', () => {
  const a = json('tmm1:i8') as number[][];
  const b = json('tmm2:i8') as number[][];
  const product = a.map((row) =>
    Array.from({ length: 12 }, (_, n) =>
      // B is interleaved by fours: row r, column n holds logical rows 4 r to 4 r + 3 of column n.
      row.reduce((sum, value, k) => sum + value * (b[k >> 2]?.[4 * n + (k & 3)] ?? Number.NaN), 0),
    ),
  );
  expect(json('tmm0:i32')).toEqual(product);
});

test('[R5] a recorded guest: the product of bf16 tiles', () => {
  expect((json('tmm3:f32') as number[][])[7]).toEqual([
    -317.75, -225.75, -133.75, -41.75, 50.25, 142.25, 234.25, 326.25, 418.25, 510.25, 602.25, 694.25,
  ]);
  expect(json('tmm4:bf16[0]')).toEqual([-3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5]);
  expect(json('tmm4:u16[7][7]')).toBe(16624);
  expect(json('tmm6:i8')).toEqual([]);
  expect(json('tmm7:u8')).toEqual(Array.from({ length: 16 }, () => new Array(64).fill(0)));
});

test('[R6] once TILEDATA is in init its elements are, too', () => {
  const bytes = capture.image.bytes.slice();
  writeU64(bytes, 512, 0x20200n);
  const released = { ...capture, image: { ...capture.image, bytes } };
  expect(json('tmm0:i32[1][2]', released)).toEqual({ state: 'init' });
  writeU64(bytes, 512, 0x200n);
  expect(json('tmm0:i32[1][2]', released)).toEqual({ state: 'init' });
});

// KVM was given 5eed5eedH in tmm0 row 2 dword 3, at 2816 + 2 * 64 + 3 * 4, and gave back that one change.
test('[E4] an element of a recorded tile changes its four bytes and nothing else', () => {
  const staged = stageAssignments(capture, [{ path: 'tmm0:u32[2][3]', value: '0x5eed5eed' }]);
  if (!staged.ok) throw new Error(describeProblem(staged.problem));
  const expected = capture.image.bytes.slice();
  expected.set([0xed, 0x5e, 0xed, 0x5e], 2816 + 2 * 64 + 3 * 4);
  expect(staged.value.image.bytes).toEqual(expected);
  expect(staged.value).toMatchObject({ touchedBits: [18], writtenBytes: 4 });
  expect(firstRefusal(preflight(staged.value.image, capture.facts))).toBeNull();
});
