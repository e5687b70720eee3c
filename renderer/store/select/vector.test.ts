import { describe, expect, test } from 'vitest';
import type { Image } from '../../../app/capture/image.ts';
import { sampleCapture } from '../../../app/fixtures/samples.ts';
import { holderOf, vectorFile } from './vector.ts';

describe('[F24] what an old gdb did not copy on an AMD CPU', () => {
  const { image } = sampleCapture();
  const WHY = 'not copied';
  const cut: Image = {
    ...image,
    layout: { ...image.layout, lost: [{ offsetBytes: 832, sizeBytes: 256, why: WHY }] },
  };
  const file = vectorFile(image);

  test('zmm0 to zmm5: their upper halves are lost, and the lower are read as ymm', () => {
    for (let index = 0; index < 6; index += 1) {
      expect(holderOf(cut, file, index, 32, 4)).toEqual({ register: `zmm${index}`, lost: WHY });
      expect(holderOf(cut, file, index, 60, 4).lost).toBe(WHY);
      expect(holderOf(cut, file, index, 28, 4)).toEqual({ register: `ymm${index}`, lost: null });
      expect(holderOf(cut, file, index, 0, 8)).toEqual({ register: `ymm${index}`, lost: null });
    }
  });

  test('every other register is read whole, and so is each of a file that has lost nothing', () => {
    for (let index = 0; index < 32; index += 1) {
      const whole = { register: `zmm${index}`, lost: null };
      if (index > 5) expect(holderOf(cut, file, index, 32, 4)).toEqual(whole);
      expect(holderOf(image, file, index, 32, 4)).toEqual(whole);
    }
  });
});
