import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeU64 } from '../../app/bits/bytes.ts';
import { disassemble } from '../../app/disas/disassemble.ts';
import { besideFloor, medianNs as median } from '../../app/fixtures/measured.ts';
import { sampleAmxCapture } from '../../app/fixtures/samples.ts';
import { type PagingContext, walkLater } from '../../app/memory/paging.ts';
import { walkedMemory } from '../../app/memory/walked-memory.ts';
import { refuse } from '../../app/refusals/refusal.ts';
import { changesBetween } from '../../app/session/provenance.ts';
import { BIT } from '../../app/xsave/components.ts';
import { decodeImage } from '../../app/xsave/view.ts';
import { loadDecoder } from '../disas/load-decoder.ts';

const ROUNDS = 201;
const SCREEN = 40;
const MIB = 1 << 20;

interface Floors {
  /** Nanoseconds: process_vm_readv of 8 bytes, of 1 MiB, and memcpy of 11,008 bytes. */
  readonly read8: number;
  readonly read1MiB: number;
  readonly copyImage: number;
}

const floors = (): Floors => {
  const native = join(import.meta.dirname, '../../native');
  const out = '../dist/native';
  execFileSync('make', ['-s', '-C', native, `OUT=${out}`, `${out}/bench-floor`]);
  return JSON.parse(execFileSync(join(native, out, 'bench-floor'), { encoding: 'utf8' })) as Floors;
};

const medianNs = (work: () => unknown): Promise<number> => median(ROUNDS, () => performance.now(), work);

const row = (...words: Parameters<typeof besideFloor>): void => console.log(besideFloor(...words));

/** 2 MiB of a guest: four levels of tables that map each page to itself. */
const guest = (): { readonly bytes: Uint8Array; readonly context: PagingContext } => {
  const bytes = new Uint8Array(2 * MIB);
  for (const [table, next] of [
    [0x1000, 0x2000],
    [0x2000, 0x3000],
    [0x3000, 0x4000],
  ] as const)
    writeU64(bytes, table, BigInt(next) | 0x63n);
  for (let page = 0; page < 512; page += 1) writeU64(bytes, 0x4000 + page * 8, BigInt(page * 4096) | 0x63n);
  return {
    bytes,
    context: { control: { cr0: 1n << 31n, cr3: 0x1000n, cr4: 1n << 5n, efer: 0x500n }, physicalBits: 40 },
  };
};

test('what memory, code and a capture cost beside their floors', async () => {
  const { read8, read1MiB, copyImage } = floors();
  const { bytes, context } = guest();
  const read = async (physical: bigint, count: number) => bytes.subarray(Number(physical), Number(physical) + count);
  const walk = await medianNs(() => walkLater(context, 0x12_3456n, read));
  row('walking one address, its four entries at hand,', walk, 'process_vm_readv of 8 bytes', read8);
  const memory = walkedMemory(context, read, () => refuse('memory-unknown', 'not there'));
  const whole = await medianNs(async () => expect((await memory.readLinear(0x10_0000n, MIB)).ok).toBe(true));
  row('1 MiB by linear addresses, its bytes at hand,', whole, 'process_vm_readv of 1 MiB', read1MiB);
  const code = new Uint8Array(SCREEN * 5);
  // vpdpbusd zmm, mov with a displacement, tile product, add, nop.
  const some = [
    0x62, 0xf2, 0x55, 0x48, 0x50, 0xe6, 0x48, 0x8b, 0x44, 0x24, 0x08, 0xc4, 0xe2, 0x73, 0x5e, 0xc2, 0x48, 0x01, 0xd8,
    0x90,
  ];
  for (let at = 0; at < code.length; at += 1) code[at] = some[at % some.length] ?? 0x90;
  const decoder = await loadDecoder();
  const screen = await medianNs(() =>
    expect(disassemble(decoder, code, 0x1000n, SCREEN, { bitness: 64, syntax: 'intel' })).toHaveLength(SCREEN),
  );
  row(`disassembling a screen of ${SCREEN} instructions`, screen, 'process_vm_readv of 8 bytes', read8);
  const first = sampleAmxCapture();
  expect(first.image.bytes.length).toBe(11_008);
  const other = first.image.bytes.slice();
  const tiles = first.image.layout.components.find(({ bit }) => bit === BIT.XTILEDATA)?.offsetBytes ?? 0;
  for (let at = tiles; at < tiles + 4; at += 1) other[at] = (other[at] ?? 0) ^ 0xff;
  const differing = await medianNs(() => {
    const image = decodeImage(other, first.image.layout);
    if (!image.ok) throw new Error(JSON.stringify(image.problem));
    expect(changesBetween(first, { ...first, image: image.value }).bits.length).toBeGreaterThan(0);
  });
  row('decode and diff of 11,008 bytes', differing, 'memcpy of them', copyImage);
});
