import { expect, test } from 'vitest';
import { makeImage, presetCpuid, presetLayout } from '../fixtures/preset-captures.ts';
import { COMPONENTS, componentName, componentRow } from './components.ts';
import { headerReserved, looksProtected } from './header.ts';
import { compactedLayout, holesOf, layoutDoubts, layoutFromCpuid, placeOf, supervisorPlaces } from './layout.ts';
import { PRESETS } from './presets.ts';
import { decodeImage, initBytes, viewComponent } from './view.ts';

const COMPACTED = 1n << 63n;

test('[X1] components are in the order of their offsets: APX, bit 19, lies at 960 below component 5', () => {
  const layout = presetLayout('apx');
  expect(layout.components.map((place) => place.bit)).toEqual([0, 1, 2, 19, 5, 6, 7, 9, 17, 18]);
  expect(placeOf(layout, 19)?.offsetBytes).toBe(960);
  expect(layout.totalBytes).toBe(11008);
});

test('[X1] Intel and AMD lay components 5 and following out differently', () => {
  expect(placeOf(presetLayout('ice-lake-sp'), 5)?.offsetBytes).toBe(1088);
  expect(placeOf(presetLayout('zen4'), 5)?.offsetBytes).toBe(832);
  expect(presetLayout('zen4').totalBytes).toBe(2440);
});

test('[X2] a component without a public definition keeps the size and offset of CPUID', () => {
  const cpuid = [
    { leaf: 0xd, subleaf: 0, eax: 1 << 23, ebx: 0, ecx: 640, edx: 0 },
    { leaf: 0xd, subleaf: 23, eax: 64, ebx: 576, ecx: 2, edx: 0 },
  ];
  const layout = layoutFromCpuid(cpuid, 'test');
  expect(layout.ok && placeOf(layout.value, 23)).toEqual({
    bit: 23,
    offsetBytes: 576,
    sizeBytes: 64,
    aligned64: true,
    xfdCapable: false,
    supervisor: false,
  });
  expect(componentName(23)).toBe('component 23');
  expect(layout.ok && layoutDoubts(layout.value, cpuid)).toEqual(['component 23 has no public definition']);
});

test('[X2] AMD LWP, bit 62, is told apart from a bit below 32', () => {
  expect(placeOf(presetLayout('family-15h'), 62)).toMatchObject({ offsetBytes: 832, sizeBytes: 128 });
});

test.each([
  ['overlap', 2, { ebx: 600, eax: 256 }, 3, { ebx: 700, eax: 64 }],
  ['inside the header', 2, { ebx: 512, eax: 256 }, 3, { ebx: 1000, eax: 64 }],
  ['too small', 2, { ebx: 576, eax: 255 }, 3, { ebx: 1000, eax: 64 }],
  ['size 0', 2, { ebx: 576, eax: 0 }, 3, { ebx: 1000, eax: 64 }],
])('[X3] a CPUID table that cannot be is refused: %s', (_name, bitA, a, bitB, b) => {
  const entry = (subleaf: number, of: { ebx: number; eax: number }) => ({ leaf: 0xd, subleaf, ...of, ecx: 0, edx: 0 });
  const cpuid = [entry(0, { eax: (1 << bitA) | (1 << bitB), ebx: 0 }), entry(bitA, a), entry(bitB, b)];
  expect(layoutFromCpuid(cpuid, 'test').ok).toBe(false);
});

test('[X3] no leaf 0xD, or an enumerated sub-leaf that is missing, is not a layout', () => {
  expect(layoutFromCpuid([], 'test').ok).toBe(false);
  expect(layoutFromCpuid([{ leaf: 0xd, subleaf: 0, eax: 7, ebx: 0, ecx: 0, edx: 0 }], 'test').ok).toBe(false);
});

// Totals that the CPUs themselves report in CPUID 0xD.1.EBX (InstLatx64 dumps).
test.each([
  ['sapphire-rapids', 0x602e7n, 0x100n, 0x2a80],
  ['sapphire-rapids', 0x602e7n, 0n, 0x2a00],
  ['zen4', 0xe7n, 0x800n, 0x990],
  ['zen5', 0xe7n, 0x1800n, 0x9a8],
  ['lunar-lake', 0x207n, 0x9800n, 0x698],
  ['lunar-lake', 0x7n, 0x900n, 0x3d0],
  ['ice-lake', 0xe7n, 0x100n, 0xa00],
  ['skylake-sp', 0xffn, 0x100n, 0xa80],
  ['zen3', 0x7n, 0x800n, 0x350],
])('[X4] compacted, %s with XCR0 %x and XSS %x ends where the CPU says', (name, xcr0, xss, total) => {
  const places = supervisorPlaces(presetCpuid(name));
  const layout = compactedLayout(presetLayout(name), COMPACTED | xcr0 | xss, places);
  expect(layout.ok && layout.value.totalBytes).toBe(total);
});

test('[X4] compacted Sapphire Rapids: PT, PKRU, TILECFG and TILEDATA lie where measured', () => {
  const places = supervisorPlaces(presetCpuid('sapphire-rapids'));
  const layout = compactedLayout(presetLayout('sapphire-rapids'), COMPACTED | 0x603e7n, places);
  const at = [8, 9, 17, 18].map((bit) => layout.ok && placeOf(layout.value, bit)?.offsetBytes);
  expect(at).toEqual([2432, 2560, 2624, 2688]);
});

test('[X4] an XCOMP_BV bit of unknown size stops the layout, for later offsets would be guesses', () => {
  const layout = compactedLayout(presetLayout('zen4'), COMPACTED | 0x800007n);
  expect(layout).toEqual({ ok: false, problem: { kind: 'unknown-components', mask: 0x800000n } });
  expect(compactedLayout(presetLayout('zen4'), 7n).ok).toBe(false);
});

test('[X5] holes are named, in order', () => {
  expect(holesOf(presetLayout('sapphire-rapids'))).toEqual([
    { offsetBytes: 832, sizeBytes: 256 },
    { offsetBytes: 2696, sizeBytes: 56 },
  ]);
  expect(holesOf(presetLayout('lunar-lake'))).toEqual([{ offsetBytes: 832, sizeBytes: 1856 }]);
});

test('[X6] no preset contradicts the component table but Zen 2, whose dump has an odd component 9', () => {
  const odd = PRESETS.filter((row) => layoutDoubts(presetLayout(row.name), row.cpuid).length > 0);
  expect(odd.map((row) => row.name)).toEqual(['zen2']);
});

test('[X6] the table holds components 0 to 20 and 62, user and supervisor told apart', () => {
  expect(COMPONENTS.map((row) => row.bit)).toEqual([...Array.from({ length: 21 }, (_, bit) => bit), 62]);
  const supervisors = COMPONENTS.filter((row) => row.kind === 'supervisor');
  expect(supervisors.map((row) => row.name)).toEqual(['PT', 'PASID', 'CET_U', 'CET_S', 'HDC', 'UINTR', 'LBR', 'HWP']);
  expect(supervisors.every((row) => row.where !== null)).toBe(true);
  expect(componentRow(17)).toMatchObject({ name: 'XTILECFG', label: 'TILECFG' });
});

const layout = presetLayout('sapphire-rapids');
const image = makeImage(layout, new Map([[2, new Uint8Array(256).fill(7)]]));

test('[X7] a clear XSTATE_BV bit hides the stored bytes', () => {
  const stale = { bytes: image.bytes.slice(), layout };
  stale.bytes.fill(0xff, 2816, 11008);
  expect(viewComponent(stale, 18)).toEqual({ state: 'init' });
  expect(viewComponent(stale, 2)).toMatchObject({ state: 'inUse' });
  expect(viewComponent(stale, 19)).toEqual({ state: 'absent' });
  expect(viewComponent({ bytes: image.bytes.subarray(0, 4096), layout }, 18)).toEqual({ state: 'absent' });
});

test('[X7] x87 in init holds FCW 037FH', () => {
  expect([...initBytes(0, 160).subarray(0, 4)]).toEqual([0x7f, 0x03, 0, 0]);
});

test('[X8] an image cut at every length is a problem or whole in everything in use, never a throw', () => {
  const full = makeImage(presetLayout('zen4'), new Map([[7, new Uint8Array(1024).fill(1)]]));
  for (let length = 0; length <= full.bytes.length; length += 1) {
    const cut = decodeImage(full.bytes.subarray(0, length), full.layout);
    expect(cut.ok).toBe(length >= 1408 + 1024);
  }
});

test('[X8] an image in the other format than its layout is refused', () => {
  const bytes = image.bytes.slice();
  bytes[527] = 0x80;
  expect(decodeImage(bytes, layout).ok).toBe(false);
});

test('[X8] reserved header bytes are reported one by one and kept', () => {
  const bytes = image.bytes.slice();
  bytes[528] = 1;
  bytes[575] = 1;
  const decodedImage = decodeImage(bytes, layout);
  expect(decodedImage.ok && headerReserved(decodedImage.value)).toMatchObject([
    { kind: 'reserved-not-zero', offsetBytes: 528 },
    { kind: 'reserved-not-zero', offsetBytes: 575 },
  ]);
});

test('[X18] an image whose first 576 bytes are zero is that of a protected guest', () => {
  expect(looksProtected({ bytes: new Uint8Array(4096), layout })).toBe(true);
  expect(looksProtected(makeImage(layout, new Map()))).toBe(false);
  expect(looksProtected({ bytes: new Uint8Array(100), layout })).toBe(false);
});
