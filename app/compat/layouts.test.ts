import { expect, test } from 'vitest';
import { makeCapture, makeImage, presetCpuid, presetLayout } from '../fixtures/preset-captures.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import { convertImage } from '../xsave/convert.ts';
import { compactedLayout } from '../xsave/layout.ts';
import { layoutTable } from './layouts.ts';

test('[K8] guest CPUID, host CPUID and image side by side, with holes', () => {
  const table = layoutTable(sampleCapture());
  expect(table.columns.map(({ id, totalBytes }) => [id, totalBytes])).toEqual([
    ['guest', 2432],
    ['host', 2432],
    ['file', 2432],
  ]);
  expect(table.differing).toEqual([]);
  const opmask = table.rows.find((row) => row.bit === 5);
  expect(opmask?.places.map((place) => place?.offsetBytes)).toEqual([832, 832, 832]);
  expect(opmask?.difference).toBe('same');
  // CET_U: the host's table has it, with a size and no standard offset.
  const cet = table.rows.find((row) => row.bit === 11);
  expect(cet?.places.map((place) => place && [place.offsetBytes, place.sizeBytes])).toEqual([null, [null, 16], null]);
  expect([cet?.kind, cet?.difference]).toEqual(['supervisor', 'missing']);
});

test('[K8] the rows that differ: an AMD image under an Intel host', () => {
  const image = makeImage(presetLayout('zen5'), new Map());
  const capture = { ...makeCapture('sapphire-rapids', image), image };
  const table = layoutTable(capture);
  expect(table.differing.map((row) => row.bit)).toEqual([5, 6, 7, 9]);
  expect(table.rows.find((row) => row.bit === 18)?.difference).toBe('missing');
  expect(table.columns[1]?.holes).toEqual([
    { offsetBytes: 832, sizeBytes: 256 },
    { offsetBytes: 2696, sizeBytes: 56 },
  ]);
});

test('[K8] APX lies below components with lower bits, and ends nothing', () => {
  const table = layoutTable(
    makeCapture('apx', makeImage(presetLayout('apx'), new Map())),
    presetLayout('granite-rapids'),
  );
  const apx = table.rows.find((row) => row.bit === 19);
  expect(apx?.places.map((place) => place?.offsetBytes ?? null)).toEqual([960, 960, 960, null]);
  expect(table.columns.map((column) => column.totalBytes)).toEqual([11008, 11008, 11008, 11008]);
  expect(table.columns[0]?.holes[0]).toEqual({ offsetBytes: 832, sizeBytes: 128 });
});

test('[K8] offsets of two formats are not compared, sizes are', () => {
  const packed = compactedLayout(presetLayout('zen2'), (1n << 63n) | 0x207n);
  if (!packed.ok) throw new Error('no layout');
  const image = convertImage(makeImage(presetLayout('zen2'), new Map()), packed.value);
  if (!image.ok) throw new Error('not converted');
  const capture = makeCapture('zen3', makeImage(presetLayout('zen3'), new Map()));
  const table = layoutTable({ ...capture, image: image.value.image });
  // PKRU of Zen 2's dump has 64 bytes, that of Zen 3 has 8.
  expect(table.differing.map((row) => row.bit)).toEqual([9]);
});

test('[K8] what was not read or cannot be is said, and Zen 2’s odd component is doubted', () => {
  const capture = makeCapture('zen2', makeImage(presetLayout('zen2'), new Map()), {
    hostCpuid: [],
    guestCpuid: presetCpuid('zen2'),
  });
  const [guest, host] = layoutTable(capture).columns;
  expect(host).toMatchObject({ layout: null, why: 'not read' });
  expect(guest?.doubts).toEqual(['PKRU has 64 bytes in CPUID and 8 by definition']);
  const broken = layoutTable({
    ...capture,
    facts: { ...capture.facts, guestCpuid: [{ leaf: 0xd, subleaf: 0, eax: 7, ebx: 832, ecx: 832, edx: 0 }] },
  });
  expect(broken.columns[0]?.why).toBe('sub-leaf 2 is enumerated and not in the table');
});
