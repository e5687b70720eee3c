import { expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { placeOf } from '../xsave/layout.ts';
import { stepChanges } from './step-change.ts';

const sample = sampleCapture();
const amx = sampleAmxCapture();
/** Tiles of one, general registers of the other. */
const before: Capture = { ...amx, facts: { ...amx.facts, general: sample.facts.general } };
const after = (change: (bytes: Uint8Array) => void, general: Record<string, bigint> = {}): Capture => {
  const bytes = before.image.bytes.slice();
  change(bytes);
  const { general: was } = before.facts;
  if (was === null) throw new Error('the sample has general registers');
  return { image: { ...before.image, bytes }, facts: { ...before.facts, general: { ...was, ...general } } };
};
const placeBytes = (bit: number): number => placeOf(before.image.layout, bit)?.offsetBytes ?? 0;
const words = (now: Capture, ...bits: number[]): readonly string[] =>
  stepChanges(before, now, new Set(bits)).map((one) => one.words);

test('[RC9] general registers say by how much, flags that they changed, RIP nothing', () => {
  const was = before.facts.general;
  if (was === null) throw new Error('the sample has general registers');
  const now = after(() => undefined, {
    ...{ rsi: BigInt.asUintN(64, was.rsi + 0x40n), rsp: BigInt.asUintN(64, was.rsp - 8n) },
    ...{ rip: was.rip + 4n, rflags: was.rflags ^ 1n, rbx: was.rbx ^ (1n << 63n) },
  });
  expect(words(now)).toEqual(['rbx', 'rsi +40', 'rsp -8', 'flags']);
});

test('[RC9] a tile says which and how much of it, a vector register its number, another component its name', () => {
  const tile = after((bytes) => {
    bytes[placeBytes(18) + 1024 * 3 + 64] = (bytes[placeBytes(18) + 1024 * 3 + 64] ?? 0) ^ 1;
    bytes[placeBytes(18) + 1024 * 3 + 70] = (bytes[placeBytes(18) + 1024 * 3 + 70] ?? 0) ^ 1;
  });
  expect(words(tile, 18)).toEqual(['tmm3, 8 bytes']);
  const vector = after((bytes) => {
    bytes[512] = (bytes[512] ?? 0) | 2;
    bytes[160 + 16 * 5] = (bytes[160 + 16 * 5] ?? 0) ^ 1;
  });
  expect(words(vector, 1)).toEqual(['zmm5']);
  expect(words(before, 17)).toEqual(['TILECFG']);
});

test('[RC9] what changes outside the image is named', () => {
  const msrs = before.facts.msrs.map((row) => (row.index === 0x1c4 ? { ...row, value: 0x40000n } : row));
  const now = { ...before, facts: { ...before.facts, xcr0: 3n, msrs } };
  expect(words(now)).toEqual(['XCR0', 'IA32_XFD']);
});
