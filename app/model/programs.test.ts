import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readI32, readU16, readU32 } from '../bits/bytes.ts';
import { hexShort } from '../bits/mask.ts';
import { bf16Value, f32Bits, f32Value } from '../tile/float-bits.ts';
import { expectedProduct } from '../tile/product.ts';
import { xstateBv } from '../xsave/header.ts';
import { decodeInstruction } from './decode.ts';
import { createModelGuest, type ModelGuest, modelSummaries } from './guest.ts';
import { bytesOfHex, joined } from './memory.ts';
import { addressesOf } from './program.ts';
import { AVX512_COUNT, AVX512_NUMBERS, AVX512_SUM_ADDRESS } from './programs/avx512-sum.ts';
import { BF16_A, BF16_B, BF16_BIAS, BF16_C_ADDRESS, BF16_SHAPE } from './programs/bf16-product.ts';
import { INT8_A, INT8_B, INT8_C_ADDRESS, INT8_SHAPE } from './programs/int8-product.ts';
import { PROGRAMS } from './programs.ts';
import { FORMS } from './run.ts';

const guestOf = (id: string): ModelGuest => {
  const guest = createModelGuest(id);
  if (guest === undefined) throw new Error(`no program ${id}`);
  return guest;
};

const memoryOf = (guest: ModelGuest, address: bigint, countBytes: number): Uint8Array => {
  const bytes = guest.kvm.machine.memory.read(address, countBytes);
  if (bytes === null) throw new Error('outside memory');
  return bytes;
};

const bv = (guest: ModelGuest): bigint => xstateBv(guest.capture(0).image);

/** XSTATE_BV after each step, runs of the same value told once. */
const story = (guest: ModelGuest): string[] => {
  const values: string[] = [];
  for (let ended = false; !ended; ) {
    ({ ended } = guest.step(1));
    const value = hexShort(bv(guest));
    if (values.at(-1) !== value) values.push(value);
  }
  return values;
};

describe('[G1] the machine code of the built-in programs', () => {
  test.each(PROGRAMS.map((program) => [program.id, program] as const))(
    '%s reads as objdump reads it',
    (_id, program) => {
      const folder = mkdtempSync(join(tmpdir(), 'tilescope-code-'));
      try {
        const file = join(folder, 'code.bin');
        writeFileSync(file, joined(program.code.map(([bytes]) => bytes)));
        const options = ['-D', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', '--insn-width=15'];
        const listing = execFileSync('objdump', [...options, '--adjust-vma=0x401000', file], { encoding: 'utf8' });
        const lines = [...listing.matchAll(/^ +([0-9a-f]+):\t([0-9a-f ]+)\t(.*)$/gm)].map(([, at, bytes, text]) => [
          `0x${at}`,
          bytes?.trim(),
          text?.replaceAll(/ +/g, ' ').trim(),
        ]);
        const addresses = addressesOf(program.code);
        expect(program.code.map(([bytes, text], index) => [hexShort(addresses[index] ?? 0n), bytes, text])).toEqual(
          lines,
        );
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );

  test('every instruction is decoded whole, under its own name', () => {
    for (const [bytes, text] of PROGRAMS.flatMap((program) => program.code)) {
      const code = new Uint8Array(15);
      code.set(bytesOfHex(bytes));
      const instruction = decodeInstruction(FORMS, code);
      expect([text, instruction?.lengthBytes]).toEqual([text, bytesOfHex(bytes).length]);
      expect(instruction?.form.name).toBe(text.split(/[ ,]/)[0]?.toUpperCase());
    }
  });

  test('steps are as many as the summary says, and the last one halts', () => {
    const summaries = modelSummaries();
    expect(summaries.map((row) => row.id)).toEqual(PROGRAMS.map((program) => program.id));
    for (const { id, steps } of summaries) {
      expect(steps).toBeGreaterThanOrEqual(14);
      expect(steps).toBeLessThanOrEqual(86);
      const guest = guestOf(id);
      for (let at = 1; at < steps; at += 1) expect(guest.step(1).ended).toBe(false);
      expect(guest.step(1)).toEqual({ event: null, ended: true });
      expect(guest.position()).toMatchObject({ at: steps, total: steps });
      expect(guest.step(5)).toEqual({ event: null, ended: true });
      expect(guest.position().at).toBe(steps);
    }
  });
});

describe('[G2] what the programs compute', () => {
  test('int8: C in memory is the plain product of the two matrices', () => {
    const guest = guestOf('int8-product');
    guest.step(1000);
    const { m, n, k } = INT8_SHAPE;
    const c = memoryOf(guest, INT8_C_ADDRESS, m * n * 4);
    const signed = (byte: number | undefined): number => ((byte ?? 0) << 24) >> 24;
    for (let row = 0; row < m; row += 1) {
      for (let column = 0; column < n; column += 1) {
        let sum = 0;
        for (let at = 0; at < k; at += 1) {
          // B lies in quads: four rows of one column side by side.
          const b = INT8_B[Math.floor(at / 4) * n * 4 + column * 4 + (at % 4)];
          sum += signed(INT8_A[row * k + at]) * signed(b);
        }
        expect(readI32(c, (row * n + column) * 4)).toBe(sum | 0);
      }
    }
  });

  test('int8: each accumulator tile is what the manual says of the tiles before its instruction', () => {
    const guest = guestOf('int8-product');
    let products = 0;
    for (let ended = false; !ended; ) {
      const line = guest.position().disassembly.find((one) => one.current)?.text ?? '';
      const [, c, a, b] = /^tdpbssd tmm(\d),tmm(\d),tmm(\d)$/.exec(line)?.map(Number) ?? [];
      const { xstate } = guest.kvm.machine;
      const before =
        c === undefined || a === undefined || b === undefined
          ? null
          : { c: xstate.tile(c), a: xstate.tile(a), b: xstate.tile(b), sizes: xstate.tileConfig().tiles };
      ({ ended } = guest.step(1));
      if (before === null || c === undefined || a === undefined || b === undefined) continue;
      const none = { rows: 0, colsb: 0 };
      const [sizeC = none, sizeA = none, sizeB = none] = [c, a, b].map((tile) => before.sizes[tile]);
      const expected = expectedProduct('TDPBSSD', before, { c: sizeC, a: sizeA, b: sizeB });
      expect(expected).toEqual({ ok: true, value: xstate.tile(c) });
      products += 1;
    }
    expect(products).toBe(8);
  });

  test('bf16: C in memory is bias plus the exact sum, rounded to fp32 once', () => {
    const guest = guestOf('bf16-product');
    guest.step(1000);
    const { m, n, k } = BF16_SHAPE;
    const c = memoryOf(guest, BF16_C_ADDRESS, m * n * 4);
    for (let row = 0; row < m; row += 1) {
      for (let column = 0; column < n; column += 1) {
        // Products of multiples of 1/8 are multiples of 1/64: their sum is exact, and only adding the bias rounds.
        let sum = 0;
        for (let at = 0; at < k; at += 1) {
          const b = readU16(BF16_B, (Math.floor(at / 2) * n * 2 + column * 2 + (at % 2)) * 2);
          sum += bf16Value(readU16(BF16_A, (row * k + at) * 2)) * bf16Value(b);
        }
        const bias = f32Value(readU32(BF16_BIAS, (row * n + column) * 4));
        expect(readU32(c, (row * n + column) * 4)).toBe(f32Bits(Math.fround(bias + sum)));
      }
    }
  });

  test('AVX-512: the sum, in memory, in EAX and in every lane of ZMM17', () => {
    const guest = guestOf('avx512-sum');
    guest.step(1000);
    let sum = 0;
    for (let index = 0; index < AVX512_COUNT; index += 1) sum += readI32(AVX512_NUMBERS, index * 4);
    expect(readI32(memoryOf(guest, AVX512_SUM_ADDRESS, 4), 0)).toBe(sum | 0);
    expect(guest.capture(0).facts.general?.rax).toBe(BigInt.asUintN(32, BigInt(sum)));
    const lanes = guest.kvm.machine.xstate.vector(17);
    for (let at = 0; at < 64; at += 4) expect(readI32(lanes, at)).toBe(sum | 0);
  });
});

describe('[G3] XSTATE_BV from step to step', () => {
  test('tiles: TILECFG, then TILEDATA with the first tile written, both gone with TILERELEASE', () => {
    expect(story(guestOf('int8-product'))).toEqual(['0x200', '0x20200', '0x60200', '0x200']);
    expect(story(guestOf('bf16-product'))).toEqual(['0x200', '0x20200', '0x60200', '0x200']);
  });

  test('AVX-512: opmask, Hi16_ZMM, the low registers; VZEROUPPER gives AVX and ZMM_Hi256 back', () => {
    expect(story(guestOf('avx512-sum'))).toEqual(['0x200', '0x220', '0x2a0', '0x2e6', '0x2a2']);
  });

  test('RIP moves with every step, and the current line with it', () => {
    const guest = guestOf('int8-product');
    for (let step = 0; step < 41; step += 1) {
      const { rip } = guest.capture(0).facts.general ?? {};
      const current = guest.position().disassembly.filter((line) => line.current);
      expect(current.map((line) => line.address)).toEqual([hexShort(rip ?? 0n)]);
      guest.step(1);
    }
  });
});
