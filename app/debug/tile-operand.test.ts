import { describe, expect, test } from 'vitest';
import { readU64, writeU32, writeU64 } from '../bits/bytes.ts';
import type { ControlRegisters, DescriptorRegisters, GeneralRegisters } from '../capture/capture.ts';
import type { Instruction, MemoryAccess } from '../disas/instruction.ts';
import { sampleAmxCapture } from '../fixtures/samples.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { encodeTileConfig, tileConfigOf } from '../tile/config.ts';
import { BIT } from '../xsave/components.ts';
import { describeTileConfig, describeTileMove, tileConfigLoad, tileMove } from './tile-operand.ts';

/** Linear is physical, and nothing is mapped from `end` on; 64 bytes of a tile configuration wherever they are read. */
const memoryTo = (end: bigint, config = new Uint8Array(64)): GuestMemory => ({
  proof: { candidate: 'test', regions: [], translations: 1 },
  translate: async (linear) =>
    linear < end
      ? {
          ...{ ok: true, physical: linear, pageBytes: 4096, writable: true, user: true, executable: false },
          ...{ accessed: true, dirty: true, global: false, cached: true, steps: [] },
        }
      : { ok: false, fault: 'not-present', level: 1, next: null, steps: [] },
  readLinear: async (linear, bytes) =>
    linear < end
      ? answer({ linear, physical: linear, bytes: config.slice(0, bytes) })
      : refuse('not-mapped', 'nothing there'),
  readPhysical: async () => refuse('memory-unknown', 'not asked for'),
  under: () => memoryTo(end, config),
  placesToWrite: async () => refuse('memory-unknown', 'not asked for'),
  writePlace: async () => refuse('memory-unknown', 'not asked for'),
});

const access: MemoryAccess = {
  ...{ segment: null, base: 'rsi', index: 'r8', scale: 1, displacement: 0n, bytes: null, reads: true, writes: false },
};
const instruction = (mnemonic: string, more: Partial<Instruction>): Instruction => ({
  ...{ address: 0x1000n, bytes: new Uint8Array(5), mnemonic, text: mnemonic, isBad: false, flow: 'next', target: null },
  ...{ reads: ['rsi', 'r8'], writes: [], memory: [access] },
  ...more,
});
const registers = (rsi: bigint, r8: bigint) => (name: string) => ({ rsi, r8 })[name] ?? null;

const capture = sampleAmxCapture();
const config = tileConfigOf(capture.image);
const [size] = config.ok ? config.value.tiles : [];

describe('[TO1] a tile load or store before it is executed', () => {
  const load = instruction('tileloadd', { writes: ['tmm0'] });

  test('its rows, and the pages that they touch', async () => {
    const found = await tileMove(load, capture, memoryTo(1n << 32n), registers(0x10_0fc0n, 0x40n));
    expect(found).toMatchObject({ tile: 0, stores: false, ...size, startRow: 0, base: '0x100fc0', stride: '64' });
    expect(found?.pages).toEqual([
      { linear: '0x100000', physical: '0x100000', pageBytes: 4096, why: null, firstRow: 0, lastRow: 0 },
      expect.objectContaining({ linear: '0x101000', firstRow: 1, lastRow: (size?.rows ?? 0) - 1 }),
    ]);
    expect(found?.faultRow).toBeNull();
  });

  test('a row that crosses into a page that is not there faults', async () => {
    const found = await tileMove(load, capture, memoryTo(0x10_1000n), registers(0x10_0fe0n, -64n & ((1n << 64n) - 1n)));
    expect(found).toMatchObject({ stride: '-64', faultRow: 0 });
    const up = await tileMove(load, capture, memoryTo(0x10_1000n), registers(0x10_0f80n, 0x40n));
    expect(up?.faultRow).toBe(2);
    expect(up === null ? '' : describeTileMove(up)).toMatch(/^loads tmm0, \d+ rows of \d+ bytes; row 2 faults$/);
    expect(up?.pages[1]?.why).toContain('not present');
  });

  test('a tile that is not configured, and what moves none', async () => {
    const bare = instruction('tilestored', { reads: ['tmm7', 'rsi', 'r8'] });
    const last = config.ok ? config.value.tiles[7] : undefined;
    const found = await tileMove(bare, capture, memoryTo(1n << 32n), registers(0x1000n, 64n));
    expect(found).toMatchObject({ tile: 7, stores: true });
    if (last?.rows === 0) expect(found?.why).toContain('#UD');
    expect(await tileMove(instruction('mov', {}), capture, memoryTo(1n << 32n), registers(0n, 0n))).toBeNull();
    expect(await tileMove(load, capture, memoryTo(1n << 32n), () => null)).toBeNull();
  });
});

describe('[TO1] rights of the pages', () => {
  const page = { user: true, writable: true, key: 0 };
  const [WP, PKE, SMAP, AC] = [1n << 16n, 1n << 22n, 1n << 21n, 1n << 18n];
  const held = (rights: typeof page): GuestMemory => ({
    ...memoryTo(1n << 32n),
    translate: async (linear) => ({
      ...{ ok: true, physical: linear, pageBytes: 4096, user: rights.user, writable: rights.writable },
      ...{ executable: false, accessed: true, dirty: true, global: false, cached: true },
      steps: [{ level: 1, address: 0n, entry: BigInt(rights.key) << 59n }],
    }),
  });
  const seen = (cpl: bigint, cr0: bigint, cr4: bigint, rflags: bigint, pkru: number) => {
    const { image, facts } = sampleAmxCapture();
    const place = image.layout.components.find(({ bit }) => bit === BIT.PKRU);
    const bytes = image.bytes.slice();
    writeU64(bytes, 512, readU64(bytes, 512) | (1n << BigInt(BIT.PKRU)));
    if (place !== undefined) writeU32(bytes, place.offsetBytes, pkru);
    const general = { ...Object.fromEntries(['rip', 'rsp'].map((name) => [name, 0n])), rflags } as GeneralRegisters;
    const control = { cr0: (1n << 31n) | 1n | cr0, cr3: 0n, cr4: (1n << 5n) | cr4, efer: 0x500n } as ControlRegisters;
    const descriptors = { cs_base: 0n, cs_l: 1n, cs_d: 0n, cpl } as DescriptorRegisters;
    return { image: { ...image, bytes }, facts: { ...facts, general, control, descriptors } };
  };
  const load = instruction('tileloadd', { writes: ['tmm0'] });
  const store = instruction('tilestored', { reads: ['tmm0', 'rsi', 'r8'] });

  test.each([
    [
      'a user’s store to a page that may not be written',
      store,
      { ...page, writable: false },
      seen(3n, 0n, 0n, 0n, 0),
      'may not be written',
    ],
    ['a user’s load of it', load, { ...page, writable: false }, seen(3n, 0n, 0n, 0n, 0), null],
    [
      'the kernel’s store to it, CR0.WP set',
      store,
      { ...page, user: false, writable: false },
      seen(0n, WP, 0n, 0n, 0),
      'may not be written',
    ],
    [
      'the kernel’s store to it, CR0.WP clear',
      store,
      { ...page, user: false, writable: false },
      seen(0n, 0n, 0n, 0n, 0),
      null,
    ],
    ['a user’s load of the kernel’s page', load, { ...page, user: false }, seen(3n, WP, 0n, 0n, 0), 'kernel’s'],
    ['the kernel’s load of a user’s page under SMAP', load, page, seen(0n, WP, SMAP, 0n, 0), 'SMAP'],
    ['that with AC set', load, page, seen(0n, WP, SMAP, AC, 0), null],
    ['a key of which access is disabled', load, { ...page, key: 2 }, seen(3n, WP, PKE, 0n, 0x10), 'protection key 2'],
    [
      'a key of which writes are, stored',
      store,
      { ...page, key: 2 },
      seen(3n, WP, PKE, 0n, 0x20),
      'write with its protection key 2',
    ],
    ['a key of which writes are, loaded', load, { ...page, key: 2 }, seen(3n, WP, PKE, 0n, 0x20), null],
    ['keys that are off', load, { ...page, key: 2 }, seen(3n, WP, 0n, 0n, 0x10), null],
  ] as const)('%s', async (_, one, rights, at, why) => {
    const found = await tileMove(one, at, held(rights), registers(0x10_0000n, 64n));
    expect(found?.faultRow).toBe(why === null ? null : 0);
    if (why === null) expect(found?.pages[0]?.why).toBeNull();
    else expect(found?.pages[0]?.why).toContain(why);
    expect(found?.pages[0]?.physical).toBe('0x100000');
  });
});

describe('[TO2] LDTILECFG before it is executed', () => {
  const ldtilecfg = instruction('ldtilecfg', { memory: [{ ...access, index: null, bytes: 64 }] });
  const judged = (bytes: Uint8Array<ArrayBuffer>) =>
    tileConfigLoad(ldtilecfg, memoryTo(1n << 32n, bytes), registers(0x2000n, 0n));

  test('the 64 bytes are decoded and judged', async () => {
    const good = encodeTileConfig({
      ...{ paletteId: 1, startRow: 0 },
      tiles: Array.from({ length: 8 }, () => ({ rows: 16, colsb: 64 })),
    });
    expect(await judged(new Uint8Array(good))).toMatchObject({ address: '0x2000', broken: [] });
    const wrong = new Uint8Array(good);
    wrong[48] = 17;
    wrong[5] = 1;
    const found = await judged(wrong);
    expect(found?.broken).toHaveLength(2);
    expect(found?.broken.join()).toContain('rows[0] is 17');
    // Palette 0 releases the tiles, whatever stands behind it.
    expect((await judged(new Uint8Array(64).fill(0xff, 1)))?.broken).toEqual([]);
  });

  test('bytes that are not there are not made up', async () => {
    const found = await tileConfigLoad(ldtilecfg, memoryTo(0x1000n), registers(0x2000n, 0n));
    expect(found).toEqual({ address: '0x2000', hex: null, broken: [] });
    expect(found === null ? '' : describeTileConfig(found)).toBe('the configuration at 0x2000 cannot be read');
  });

  test('what they are about to configure is said, broken rules or not', async () => {
    const said = async (paletteId: number, startRow: number, ...tiles: readonly (readonly [number, number])[]) => {
      const sizes = Array.from({ length: 8 }, (_, at) => ({ rows: tiles[at]?.[0] ?? 0, colsb: tiles[at]?.[1] ?? 0 }));
      const found = await judged(new Uint8Array(encodeTileConfig({ paletteId, startRow, tiles: sizes })));
      return found === null ? null : describeTileConfig(found);
    };
    expect(await said(1, 0, [16, 64], [0, 0], [5, 8])).toBe('palette 1: tmm0 16×64, tmm2 5×8');
    expect(await said(1, 3, [17, 64])).toBe('palette 1, start_row 3: tmm0 17×64');
    expect(await said(1, 0)).toBe('palette 1: no tile');
    expect(await said(0, 0, [16, 64])).toBe('palette 0: the tiles go to their initial state');
  });
});
