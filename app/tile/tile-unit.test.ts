import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { readU32, writeU16, writeU32 } from '../bits/bytes.ts';
import { assert } from '../bits/decoded.ts';
import { brokenTileRules, decodeTileConfig, TILECFG_BYTES, tileUseWarnings } from './config.ts';
import { expectedProduct } from './product.ts';
import type { ProductInstruction } from './product-instruction.ts';
import { brokenProductRules, productExtents } from './product-shape.ts';

/*
 * The CPU itself as the stranger who is asked: random operands, shapes and configurations, whatever the float may be, and
 * what it refuses. What is missing on a machine is said by name before the tests are skipped.
 */
const SOURCE = fileURLToPath(new URL('testdata/tile_unit.c', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tilescope-tile-unit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, 'tile_unit');

const missing = ((): string | null => {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'this is not Linux on x86-64';
  const flags = readFileSync('/proc/cpuinfo', 'utf8');
  for (const flag of ['amx_tile', 'amx_int8', 'amx_bf16']) {
    if (!new RegExp(`\\b${flag}\\b`).test(flags)) return `this CPU has no ${flag}`;
  }
  const built = spawnSync('cc', ['-O1', '-mamx-tile', '-mamx-int8', '-mamx-bf16', '-o', program, SOURCE]);
  if (built.status !== 0) return 'cc is not installed, or knows no AMX';
  return spawnSync(program, { input: '' }).status === 0 ? null : 'the kernel gives no process tiles';
})();
if (missing !== null) console.log(`Tile products are not compared with a CPU's: ${missing}`);

/** In the order of tile_unit.c. */
const INSTRUCTIONS = [
  'TDPBSSD',
  'TDPBSUD',
  'TDPBUSD',
  'TDPBUUD',
  'TDPBF16PS',
] as const satisfies readonly ProductInstruction[];
/** Cases an instruction; of one file of 3 KiB each. */
const RUNS = Number(process.env.TILESCOPE_TILE_UNIT_RUNS ?? 200);
const seed = Number(process.env.TILESCOPE_TILE_UNIT_SEED ?? 20261129);

const REFUSED = ['none', 'LDTILECFG', 'TILELOADD', 'product'] as const;
const CASE_BYTES = 64 + TILECFG_BYTES + 3 * 1024;
const ANSWER_BYTES = 64 + 1024;

interface Case {
  readonly instruction: (typeof INSTRUCTIONS)[number];
  readonly config: Uint8Array;
  readonly c: Uint8Array;
  readonly a: Uint8Array;
  readonly b: Uint8Array;
}

const randomFrom = (start: number): (() => number) => {
  let state = start;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
};

/** What the CPU did with each, and the C that it left. */
const askCpu = (cases: readonly Case[]): { readonly refused: (typeof REFUSED)[number]; readonly c: Uint8Array }[] => {
  const input = new Uint8Array(cases.length * CASE_BYTES);
  for (const [index, { instruction, config, c, a, b }] of cases.entries()) {
    const at = index * CASE_BYTES;
    input[at] = INSTRUCTIONS.indexOf(instruction);
    input.set(config, at + 64);
    for (const [tile, bytes] of [c, a, b].entries()) input.set(bytes, at + 64 + TILECFG_BYTES + tile * 1024);
  }
  const { status, stdout } = spawnSync(program, { input, maxBuffer: 1 << 30 });
  assert(status === 0 && stdout.length === cases.length * ANSWER_BYTES, `${program} ends with ${status}`);
  return cases.map((_, index) => {
    const at = index * ANSWER_BYTES;
    const refused = REFUSED[stdout[at] ?? 0];
    assert(refused !== undefined, 'a known place');
    return { refused, c: new Uint8Array(stdout.subarray(at + 64, at + ANSWER_BYTES)) };
  });
};

const configOf = (shape: { m: number; n: number; k: number }): Uint8Array => {
  const bytes = new Uint8Array(TILECFG_BYTES);
  bytes[0] = 1;
  for (const [tile, [rows, colsb]] of [
    [shape.m, 4 * shape.n],
    [shape.m, 4 * shape.k],
    [shape.k, 4 * shape.n],
  ].entries()) {
    writeU16(bytes, 16 + 2 * tile, colsb ?? 0);
    bytes[48 + tile] = rows ?? 0;
  }
  return bytes;
};

/** Exponents close together, so that sums round and cancel; and among them what has rules of its own. */
const bf16From = (random: () => number, middle: number): number => {
  const sign = (random() & 1) << 15;
  const fraction = random() & 0x7f;
  switch (random() % 40) {
    case 0:
      return sign;
    case 1:
      return sign | fraction;
    case 2:
      return sign | 0x80 | fraction;
    case 3:
      return sign | 0x7f00 | fraction;
    default:
      return sign | (Math.min(254, Math.max(0, middle + (random() % 12) - 6)) << 7) | fraction;
  }
};

/** Infinities and NaNs of both kinds, seldom: one of them decides a whole row. */
const oddBf16 = (random: () => number): number =>
  ((random() & 1) << 15) | 0x7f80 | (random() % 3 === 0 ? 0 : random() & 0x7f);

/**
 * Sums at the edge of what is flushed: each lane's first product is about 2^-126, those after it are about half a unit of
 * 24 bits below that, of either sign, or none.
 */
const edgeOfTiny = (random: () => number): Uint8Array => {
  const tile = new Uint8Array(1024);
  for (let at = 0; at < 1024; at += 2) {
    // In A an element's dword is its column, in B its row: both begin with the first.
    const isFirst = at % 64 < 4 || at < 64;
    const exponent = isFirst ? 64 : 51 + (random() % 3);
    const isNone = !isFirst && random() % 4 !== 0;
    writeU16(
      tile,
      at,
      isNone ? 0 : ((random() & 1) << 15) | (exponent << 7) | (random() % 3 === 0 ? random() & 0x7f : 0),
    );
  }
  return tile;
};

const randomCase = (random: () => number, instruction: Case['instruction']): Case => {
  const shape = { m: 1 + (random() % 16), n: 1 + (random() % 16), k: 1 + (random() % 16) };
  const bytes = (): Uint8Array => new Uint8Array(1024).map(() => random() >>> 8);
  if (instruction !== 'TDPBF16PS') return { instruction, config: configOf(shape), c: bytes(), a: bytes(), b: bytes() };
  if (random() % 4 === 0) {
    return {
      instruction,
      config: configOf(shape),
      c: new Uint8Array(1024),
      a: edgeOfTiny(random),
      b: edgeOfTiny(random),
    };
  }
  // Products near 1, near the least normal number, and near the greatest.
  const middle = [127, 64, 66, 190][random() % 4] ?? 127;
  const odd = random() % 3 === 0;
  const floats = (): Uint8Array => {
    const tile = new Uint8Array(1024);
    for (let at = 0; at < 1024; at += 2) {
      writeU16(tile, at, odd && random() % 60 === 0 ? oddBf16(random) : bf16From(random, middle));
    }
    return tile;
  };
  const c = new Uint8Array(1024);
  for (let at = 0; at < 1024; at += 4) {
    const high =
      odd && random() % 20 === 0 ? oddBf16(random) : bf16From(random, Math.min(254, Math.max(0, 2 * middle - 127)));
    writeU32(c, at, ((high << 16) | (random() & 0xffff)) >>> 0);
  }
  return { instruction, config: configOf(shape), c, a: floats(), b: floats() };
};

describe.skipIf(missing !== null)('tile products of the CPU', () => {
  test.each(INSTRUCTIONS)(
    `[M6] [M7] [M9] %s of random tiles and shapes leaves what is expected, ${RUNS} times`,
    (instruction) => {
      const random = randomFrom(seed);
      const cases = Array.from({ length: RUNS }, () => randomCase(random, instruction));
      for (const [index, { refused, c }] of askCpu(cases).entries()) {
        const { config, ...tiles } = cases[index] as Case;
        const decoded = decodeTileConfig(config);
        assert(decoded.ok, 'the configuration decodes');
        const expected = expectedProduct(instruction, tiles, productExtents(decoded.value, { c: 0, a: 1, b: 2 }));
        assert(expected.ok, 'the shapes fit');
        expect(refused).toBe('none');
        const differs = Array.from({ length: 256 }, (_, cell) => 4 * cell).filter(
          (at) => readU32(c, at) !== readU32(expected.value, at),
        );
        expect(
          differs.map((at) => [at, readU32(c, at).toString(16), readU32(expected.value, at).toString(16)]),
          `seed ${seed}, case ${index}: offset, the CPU's, ours`,
        ).toEqual([]);
      }
    },
    120_000,
  );

  test('[M5] what LDTILECFG and the products refuse is what is said of the configuration', () => {
    const random = randomFrom(seed ^ 0x7c);
    const cases = Array.from({ length: 4000 }, (): Case => {
      const shape = { m: 1 + (random() % 16), n: 1 + (random() % 16), k: 1 + (random() % 16) };
      const config = configOf(shape);
      const tile = random() % 3;
      switch (random() % 9) {
        case 0:
          config[48 + tile] = random() % 20;
          break;
        case 1:
          writeU16(config, 16 + 2 * tile, random() % 72);
          break;
        case 2:
          config[0] = random() % 3;
          break;
        case 3:
          config[2 + (random() % 14)] = 1;
          break;
        case 4:
          config[48 + 8 + (random() % 8)] = random() % 2;
          break;
        case 5:
          writeU16(config, 16 + 16 + 2 * (random() % 8), random() % 2);
          break;
        case 6:
          config[1] = random() % 20;
          break;
        case 7:
          config[48 + 3 + (random() % 5)] = random() % 18;
          break;
        default:
      }
      const zeros = new Uint8Array(1024);
      return { instruction: INSTRUCTIONS[random() % 5] ?? 'TDPBSSD', config, c: zeros, a: zeros, b: zeros };
    });
    const answers = askCpu(cases);
    const seen = new Set<string>();
    for (const [index, { refused }] of answers.entries()) {
      const { config } = cases[index] as Case;
      const decoded = decodeTileConfig(config);
      const text = `seed ${seed}, case ${index}: ${Buffer.from(config).toString('hex')}`;
      seen.add(refused);
      // Palette 0 is taken whatever else is there, and configures no tile.
      if (config[0] === 0) {
        expect(refused, text).toBe('TILELOADD');
        continue;
      }
      if (refused === 'LDTILECFG' || !decoded.ok) {
        expect([refused, decoded.ok ? brokenTileRules(config).length > 0 : true], text).toEqual(['LDTILECFG', true]);
        continue;
      }
      expect(brokenTileRules(config), text).toEqual([]);
      // Tiles are loaded before the product is asked: the first from start_row on, which is 0 afterwards.
      const rules = brokenProductRules(decoded.value, { c: 0, a: 1, b: 2 }).map(({ rule }) => rule);
      const warned = tileUseWarnings(decoded.value).filter(
        ({ rule, tile }) => (tile ?? 8) < 3 && (rule !== 'start-row' || tile === 0),
      );
      const isLoadRefused = rules.includes('configured') || warned.length > 0;
      const expected = isLoadRefused ? 'TILELOADD' : rules.length > 0 ? 'product' : 'none';
      expect(refused, `${text}: ${rules.join(' ')}`).toBe(expected);
    }
    expect([...seen].sort()).toEqual([...REFUSED].sort());
  });
});
