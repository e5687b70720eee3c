import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readU64, writeU32, writeU64 } from '../bits/bytes.ts';
import { hasBit } from '../bits/mask.ts';
import type { Image, Layout } from '../capture/image.ts';
import { makeCapture, makeImage, presetCpuid, presetLayout } from '../fixtures/preset-captures.ts';
import { bitMatrix } from './bitmatrix.ts';
import { type Converted, convertImage, restrictLayout } from './convert.ts';
import { xcompBv, xstateBv } from './header.ts';
import { compactedLayout, layoutFromCpuid, placeOf } from './layout.ts';
import { mxcsr } from './legacy.ts';
import { findPreset, PRESETS } from './presets.ts';
import { componentBytesOrInit, viewComponent } from './view.ts';

const convert = (image: Image, to: Layout): Converted => {
  const result = convertImage(image, to);
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  return result.value;
};

const packed = (preset: string, mask: bigint): Layout => {
  const layout = compactedLayout(presetLayout(preset), mask | (1n << 63n));
  if (!layout.ok) throw new Error(JSON.stringify(layout.problem));
  return layout.value;
};

const filled = (layout: Layout, bits: readonly number[]): Image =>
  makeImage(
    layout,
    new Map(
      bits.map((bit) => [bit, new Uint8Array(placeOf(layout, bit)?.sizeBytes ?? 0).map((_, at) => at * 3 + bit)]),
    ),
  );

describe('[F15] presets', () => {
  // Size of the standard format as the CPU dumps give it: CPUID 0xD.0.ECX.
  test.each([
    ['skylake-sp', 0xa88],
    ['ice-lake-sp', 0xa88],
    ['sapphire-rapids', 0x2b00],
    ['granite-rapids', 0x2b00],
    ['lunar-lake', 0xa88],
    ['zen2', 0x380],
    ['zen3', 0x988],
    ['zen4', 0x988],
    ['zen5', 0x988],
    ['family-15h', 0x3c0],
  ] as const)('%s takes %i bytes in the standard format', (name, total) => {
    const layout = layoutFromCpuid(presetCpuid(name), name);
    expect(layout.ok && layout.value.totalBytes).toBe(total);
    expect(presetCpuid(name).find(({ leaf, subleaf }) => leaf === 0xd && subleaf === 0)?.ecx).toBe(total);
  });

  test('compacted totals are those of real CPUs', () => {
    // 0xD.1.EBX of Sapphire Rapids with IA32_XSS 0x100 and without (see XSAVES packing), and of Genoa with 0x800.
    expect(presetCpuid('sapphire-rapids').find(({ leaf, subleaf }) => leaf === 0xd && subleaf === 1)?.ebx).toBe(0x2a00);
    expect(packed('sapphire-rapids', 0x602e7n).totalBytes).toBe(0x2a00);
    expect(packed('zen4', 0xe7n).totalBytes).toBe(0x980);
  });

  test('APX lies at 960, below components with lower bits, and is not the end', () => {
    const layout = presetLayout('apx');
    expect(placeOf(layout, 19)).toMatchObject({ offsetBytes: 960, sizeBytes: 128 });
    expect(layout.totalBytes).toBe(0x2b00);
    expect(layout.components.map((place) => place.bit)).toEqual([0, 1, 2, 19, 5, 6, 7, 9, 17, 18]);
  });

  test('are found by name and alias, and no name stands twice', () => {
    expect(findPreset('Zen 5')).toBeUndefined();
    expect(findPreset('TURIN')?.name).toBe('zen5');
    expect(findPreset('Sapphire Rapids')?.name).toBe('sapphire-rapids');
    const names = PRESETS.flatMap((row) => [row.name, ...row.aliases]);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('[F16] conversion', () => {
  test('from AMD to Intel and back is the same image', () => {
    const zen = filled(presetLayout('zen5'), [1, 2, 5, 6, 7, 9]);
    const intel = convert(zen, presetLayout('ice-lake-sp'));
    expect(intel.lost).toEqual([]);
    expect(viewComponent(intel.image, 7)).toEqual(viewComponent(zen, 7));
    expect(placeOf(intel.image.layout, 7)?.offsetBytes).toBe(1664);
    const back = convert(intel.image, presetLayout('zen5'));
    expect(back.image.bytes).toEqual(zen.bytes.subarray(0, back.image.bytes.length));
  });

  test('what has no place is left out and named', () => {
    const spr = filled(presetLayout('sapphire-rapids'), [2, 17, 18]);
    const { image, lost } = convert(spr, presetLayout('zen5'));
    expect(lost.map(({ bit }) => bit)).toEqual([17, 18]);
    expect(lost[0]?.why).toContain('XTILECFG has no place');
    expect(xstateBv(image)).toBe(1n << 2n);
  });

  test('another size is not guessed', () => {
    const rome = filled(presetLayout('zen2'), [9]);
    expect(convert(rome, presetLayout('zen3')).lost).toEqual([
      { bit: 9, why: expect.stringContaining('64 bytes in the source and 8') },
    ]);
  });

  test('a component beyond the end of the bytes is named', () => {
    const spr = filled(presetLayout('sapphire-rapids'), [17, 18]);
    const cut = { ...spr, bytes: spr.bytes.slice(0, 4096) };
    expect(convert(cut, presetLayout('granite-rapids')).lost).toEqual([
      { bit: 18, why: 'XTILEDATA ends at 11008 and the source at 4096' },
    ]);
  });

  test('stale bytes do not go along', () => {
    const zen = filled(presetLayout('zen5'), [7]);
    const stale = { ...zen, bytes: Uint8Array.from(zen.bytes) };
    writeU64(stale.bytes, 512, 0n);
    const { image } = convert(stale, presetLayout('ice-lake-sp'));
    expect(image.bytes.subarray(576).every((byte) => byte === 0)).toBe(true);
    expect(componentBytesOrInit(image, 0)[0]).toBe(0x7f);
  });

  test('MXCSR survives every way: its bit is set over zeroed XMM where SSE is in init', () => {
    const zen = makeImage(presetLayout('zen5'), new Map(), 0x9fc0);
    const stale = { ...zen, bytes: Uint8Array.from(zen.bytes).fill(0xee, 160, 416) };
    for (const to of [presetLayout('ice-lake-sp'), packed('zen5', 0xe7n)]) {
      const { image } = convert(stale, to);
      expect(mxcsr(image)).toBe(0x9fc0);
      expect(hasBit(xstateBv(image), 1)).toBe(true);
      expect(componentBytesOrInit(image, 1).every((byte) => byte === 0)).toBe(true);
    }
  });

  test('a compacted image says so, and its stale MXCSR is not taken', () => {
    const spr = filled(presetLayout('sapphire-rapids'), [9, 18]);
    const { image } = convert(spr, packed('sapphire-rapids', 0x60207n));
    expect(xcompBv(image)).toBe((1n << 63n) | 0x60207n);
    writeU32(image.bytes, 24, 0xffff);
    expect(mxcsr(convert(image, presetLayout('granite-rapids')).image)).toBe(0x1f80);
  });

  test('the mask at byte 464 follows the layout, and none is made up', () => {
    const zen = filled(presetLayout('zen5'), [2]);
    expect(readU64(convert(zen, presetLayout('ice-lake-sp')).image.bytes, 464)).toBe(0n);
    writeU64(zen.bytes, 464, 0x2e7n);
    expect(readU64(convert(zen, presetLayout('sapphire-rapids')).image.bytes, 464)).toBe(0x602e7n);
    const avxOnly = restrictLayout(presetLayout('zen5'), 7n);
    expect(readU64(convert(zen, avxOnly).image.bytes, 464)).toBe(7n);
    expect(avxOnly.totalBytes).toBe(832);
  });

  test('an image without a whole header is refused', () => {
    expect(convertImage({ bytes: new Uint8Array(500), layout: presetLayout('zen5') }, presetLayout('zen5')).ok).toBe(
      false,
    );
  });

  test('any set of components goes through any layout that has room, in both formats, and back', () => {
    const names = ['ice-lake-sp', 'sapphire-rapids', 'granite-rapids', 'zen4', 'apx'] as const;
    fc.assert(
      fc.property(
        fc.subarray([0, 1, 2, 5, 6, 7, 9]),
        fc.constantFrom(...names),
        fc.constantFrom(...names),
        fc.boolean(),
        fc.constantFrom(0x1f80, 0x9fc0, 0x1fa1),
        (bits, from, to, compacts, control) => {
          const layout = presetLayout(from);
          const contents = new Map(
            filled(layout, bits)
              .layout.components.filter(({ bit }) => bits.includes(bit))
              .map(({ bit, sizeBytes }) => [bit, new Uint8Array(sizeBytes).map((_, at) => at + bit)]),
          );
          const source = makeImage(layout, contents, control);
          const way = convert(source, compacts ? packed(to, 0x2e7n) : presetLayout(to));
          expect(way.lost).toEqual([]);
          const back = convert(way.image, layout);
          expect(mxcsr(back.image)).toBe(control);
          for (const { bit } of layout.components) {
            if (bit !== 1 && bit !== 0) expect(viewComponent(back.image, bit)).toEqual(viewComponent(source, bit));
            else expect(legacyBytes(back.image, bit)).toEqual(legacyBytes(source, bit));
          }
        },
      ),
      { numRuns: 200, seed: 464 },
    );
  });
});

/** The registers of x87 without MXCSR and its mask, which lie among its bytes; XMM as they are. */
const legacyBytes = (image: Image, bit: number): Uint8Array => {
  const bytes = Uint8Array.from(componentBytesOrInit(image, bit));
  return bit === 0 ? bytes.fill(0, 24, 32) : bytes;
};

describe('[F16] the MXCSR that goes along', () => {
  const zen = presetLayout('zen5');
  const controlOf = (bv: bigint, stored: number): number => {
    const image = makeImage(zen, new Map(), stored);
    writeU64(image.bytes, 512, bv);
    const converted = convertImage(image, presetLayout('skylake-sp'));
    return converted.ok ? mxcsr(converted.value.image) : -1;
  };

  test.each([
    ['0 with nothing in use is what KVM makes of it', 0n, 0, 0x1f80],
    ['0 with x87 alone in use too', 1n, 0, 0x1f80],
    ['bits that no CPU has, where KVM does not look', 0n, 0xffffffff, 0x1f80],
    ['and where it looks they stay, to be refused', 1n, 0xffffffff, 0xffffffff],
    ['0 in use stays', 2n, 0, 0],
    ['what XSAVE may have written beside an SSE in init', 0n, 0x3f80, 0x3f80],
  ] as const)('%s', (_name, bv, stored, kept) => {
    expect(controlOf(bv, stored)).toBe(kept);
  });

  test('FCW and MXCSR that mask nothing are told, in use alone', () => {
    const rules = (bv: bigint): string[] => {
      const image = makeImage(zen, new Map(), 0);
      image.bytes.fill(0, 0, 2);
      writeU64(image.bytes, 512, bv);
      return bitMatrix(makeCapture('zen5', image)).contradictions.map(({ sentence }) => sentence.split(' ')[0] ?? '');
    };
    expect(rules(3n)).toEqual(['FCW', 'MXCSR']);
    expect(rules(0n)).toEqual([]);
  });
});
