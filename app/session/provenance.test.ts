import { describe, expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { drawImage } from '../fixtures/draw.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import { changedComponents, changesBetween } from './provenance.ts';

const captureOf = (drawing: string): Capture => ({ ...sampleCapture(), image: drawImage(drawing) });
const change = (capture: Capture, ...places: [number, number][]): Capture => {
  const bytes = capture.image.bytes.slice();
  for (const [at, byte] of places) bytes[at] = byte;
  return { ...capture, image: { ...capture.image, bytes } };
};
const now = captureOf(`
  standard  bv: sse avx
  avx @576
  5 @832
`);

describe('what changed between two captures', () => {
  test('[D6] ranges within components, in order', () => {
    const later = change(now, [161, 1], [162, 2], [170, 3], [831, 4]);
    expect(changesBetween(now, later)).toEqual({
      ranges: [
        { bit: 1, offsetBytes: 1, sizeBytes: 2 },
        { bit: 1, offsetBytes: 10, sizeBytes: 1 },
        { bit: 2, offsetBytes: 255, sizeBytes: 1 },
      ],
      bits: [1, 2],
      mxcsr: false,
    });
    expect(changedComponents(later, now)).toEqual([1, 2]);
  });

  test('[D6] stale bytes, holes and what the kernel puts at 464 are not looked at', () => {
    const later = change(now, [832, 0xff], [420, 1], [464, 0xe7], [511, 1], [28, 9]);
    expect(changesBetween(now, later)).toEqual({ ranges: [], bits: [], mxcsr: false });
  });

  test('[D6] a component that leaves init state is changed where it is not initial', () => {
    const later = captureOf('standard  bv: sse avx opmask\n avx @576\n 5 @832  00 07');
    expect(changesBetween(now, later).ranges).toEqual([{ bit: 5, offsetBytes: 1, sizeBytes: 1 }]);
    const initial = captureOf('standard  bv: sse avx opmask\n avx @576\n 5 @832');
    expect(changedComponents(now, initial)).toEqual([]);
  });

  test('[D6] MXCSR is a field of its own, counted to SSE and not to x87', () => {
    const later = change(captureOf('standard  bv: x87 sse avx\n avx @576\n 5 @832'), [24, 0xa0]);
    expect(changesBetween(now, later)).toEqual({ ranges: [], bits: [1], mxcsr: true });
  });

  test('[D6] a component without room in one of the two is changed', () => {
    expect(changedComponents(now, captureOf('standard  bv: sse avx\n avx @576'))).toEqual([5]);
  });

  test('[D6] without an earlier capture nothing is changed', () => {
    expect(changesBetween(null, now).bits).toEqual([]);
    expect(changedComponents(now, now)).toEqual([]);
  });
});
