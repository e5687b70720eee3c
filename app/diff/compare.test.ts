import { expect, test } from 'vitest';
import { describeProblem } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { type StagedWrite, stageAssignments } from '../edit/assign.ts';
import { makeCapture, makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { encodeTileConfig, INIT_TILE_CONFIG } from '../tile/config.ts';
import { xstateBv } from '../xsave/header.ts';
import { compareWritten, diffCaptures } from './compare.ts';

const layout = presetLayout('sapphire-rapids');
const tiles = [{ rows: 2, colsb: 12 }, ...INIT_TILE_CONFIG.tiles.slice(1)];
const captureOf = (contents: ReadonlyMap<number, Uint8Array>): Capture =>
  makeCapture('sapphire-rapids', makeImage(layout, contents));
const amx = captureOf(
  new Map([
    [1, new Uint8Array(256).fill(1)],
    [9, Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0)],
    [17, encodeTileConfig({ paletteId: 1, startRow: 0, tiles })],
    [18, new Uint8Array(8192)],
  ]),
);
const empty = captureOf(new Map());

const stage = (capture: Capture, ...assignments: readonly (readonly [string, string])[]): StagedWrite => {
  const staged = stageAssignments(
    capture,
    assignments.map(([path, value]) => ({ path, value })),
  );
  if (!staged.ok) throw new Error(describeProblem(staged.problem));
  return staged.value;
};

/** What KVM_SET_XSAVE and then KVM_GET_XSAVE2 do to an image, as far as the comparison has to bear it. */
const roundTrip = (image: Image, drop = 0n): Uint8Array => {
  const bytes = image.bytes.slice();
  const bv = xstateBv(image) & ~drop;
  for (let at = 0; at < 8; at += 1) bytes[512 + at] = Number((bv >> BigInt(8 * at)) & 0xffn);
  for (const { bit, offsetBytes, sizeBytes } of image.layout.components) {
    if (((bv >> BigInt(bit)) & 1n) === 0n && bit > 1) bytes.fill(0, offsetBytes, offsetBytes + sizeBytes);
  }
  bytes.fill(0xe7, 464, 472);
  return bytes;
};

test('[E13] after a round trip nothing differs, whatever KVM writes outside state', () => {
  expect(compareWritten(amx.image, roundTrip(amx.image))).toEqual([]);
  const stale = { ...empty.image, bytes: empty.image.bytes.slice() };
  stale.bytes.fill(0xee, 2816, 4000);
  expect(compareWritten(stale, roundTrip(stale))).toEqual([]);
});

test('[E13] a dropped component, one wrong byte and a wrong MXCSR are mismatches with a name', () => {
  const used = stage(amx, ['tmm0:u8[0][0]', '9']).image;
  expect(compareWritten(used, roundTrip(used, 1n << 18n))).toEqual([
    {
      bit: 18,
      kind: 'dropped',
      offsetBytes: 2816,
      sentence: 'TILEDATA was dropped: XSTATE_BV bit 18 reads back clear',
    },
  ]);
  const wrong = roundTrip(used);
  wrong[170] = 0x55;
  wrong[25] = 0;
  expect(compareWritten(used, wrong).map((one) => one.sentence)).toEqual([
    'SSE differs at offset 170: written 0x01, read back 0x55',
    'MXCSR differs: written 0x1f80, read back 0x80',
  ]);
  expect(compareWritten(used, wrong.subarray(0, 4096))).toMatchObject([{ kind: 'size' }]);
});

test('[E13] every byte of state in use is compared', () => {
  const image = captureOf(
    new Map(layout.components.map((place) => [place.bit, new Uint8Array(place.sizeBytes)])),
  ).image;
  for (const { bit, offsetBytes, sizeBytes } of layout.components) {
    for (const at of [offsetBytes, offsetBytes + sizeBytes - 1]) {
      const bytes = image.bytes.slice();
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      expect(compareWritten(image, bytes).map((one) => one.bit)).toEqual([bit]);
    }
  }
});

test('[E13] a read-back cut at every length is a mismatch', () => {
  const bytes = roundTrip(amx.image);
  for (let length = 0; length < bytes.length; length += 1) {
    expect(compareWritten(amx.image, bytes.subarray(0, length))).toMatchObject([{ kind: 'size' }]);
  }
});

test('[E17] a difference of captures names components and registers', () => {
  const write = stage(amx, ['xmm0:u32[0]', '9'], ['fcw', '0x27f']);
  const diff = diffCaptures(amx, { ...amx, image: write.image });
  expect(diff.components).toEqual([
    { bit: 0, before: 'init', after: 'inUse', changedBytes: 1 },
    { bit: 1, before: 'inUse', after: 'inUse', changedBytes: 4 },
  ]);
  expect(diff.registers.map((one) => one.path)).toEqual(expect.arrayContaining(['zmm0', 'fcw', 'xstate_bv']));
  expect(diffCaptures(amx, amx)).toEqual({ components: [], registers: [] });
});
