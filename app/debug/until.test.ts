import { describe, expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { MOST_LOOKUPS } from '../wire/run.ts';
import { BIT } from '../xsave/components.ts';
import { type Comparison, changeLookups, comparisonLookups, lookupsHold } from './lookups.ts';
import { byteOfRecord } from './record.ts';
import { parseUntil, type Until } from './until.ts';

const now = sampleCapture();
const until = (text: string): Until => {
  const parsed = parseUntil(text, now);
  if (!parsed.ok) throw new Error(parsed.refusal.what);
  return parsed.value;
};

/** The state with other bytes in its image, or another register. */
const withImage = (change: (bytes: Uint8Array) => void): Capture => {
  const bytes = now.image.bytes.slice();
  change(bytes);
  return { ...now, image: { ...now.image, bytes } };
};
const withGeneral = (change: Partial<NonNullable<Capture['facts']['general']>>): Capture => {
  if (now.facts.general === null) throw new Error('the sample has general registers');
  return { ...now, facts: { ...now.facts, general: { ...now.facts.general, ...change } } };
};

/** What the chain would say of a state, by the lookups made for the one before it. */
const found = ({ lookups }: Until, before: Capture, after: Capture): boolean => {
  const rows = lookups(before);
  if (rows === null) throw new Error('not looked up');
  return lookupsHold(rows, (offset) => byteOfRecord(after, offset));
};

describe('[RC4] what the chain looks up', () => {
  const OPS = ['==', '!=', '<', '<=', '>', '>=', '&'] as const satisfies readonly Comparison[];
  const plain = (op: Comparison, a: bigint, b: bigint): boolean =>
    ({ '==': a === b, '!=': a !== b, '<': a < b, '<=': a <= b, '>': a > b, '>=': a >= b, '&': (a & b) !== 0n })[op];

  test.each([false, true])('compares integers as numbers, signed: %s', (signed) => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 0x1_0000_0000) * below);
    };
    for (let round = 0; round < 3_000; round += 1) {
      const size = [1, 2, 4, 8][round % 4] ?? 1;
      // Close together as often as far apart.
      const first = BigInt.asUintN(64, (BigInt(random(0x1_0000_0000)) << 32n) | BigInt(random(0x1_0000_0000)));
      const second = round % 3 === 0 ? first : first ^ (1n << BigInt(random(64)));
      const [a, b] = [BigInt.asUintN(size * 8, first), BigInt.asUintN(size * 8, second)];
      const op = OPS[round % OPS.length] ?? '==';
      const offsets = Array.from({ length: size }, (_, at) => at);
      const rows = comparisonLookups(offsets, op, b, signed);
      const holds = lookupsHold(rows, (offset) => Number((a >> BigInt(8 * offset)) & 0xffn));
      const value = (bits: bigint): bigint => (signed && op !== '&' ? BigInt.asIntN(size * 8, bits) : bits);
      expect(holds, `${a} ${op} ${b} in ${size} bytes`).toBe(plain(op, value(a), value(b)));
    }
  });

  test('a change of any of its bytes, and no more bytes than there is room for', () => {
    const rows = changeLookups([3, 4], (offset) => offset);
    expect([3, 4, 5].map((odd) => lookupsHold(rows ?? [], (offset) => (offset === odd ? 99 : offset)))).toEqual([
      true,
      true,
      false,
    ]);
    expect(
      changeLookups(
        Array.from({ length: MOST_LOOKUPS + 1 }, (_, at) => at),
        () => 0,
      ),
    ).toBeNull();
    expect(changeLookups([], () => 0)).toBeNull();
  });
});

describe('[RC4] conditions', () => {
  test.each([
    ['rax == 5', { rax: 5n }, { rax: 6n }],
    ['rax >= 0x100', { rax: 0x100n }, { rax: 0xffn }],
    ['rflags & 0x41', { rflags: 0x40n }, { rflags: 0x82n }],
    ['rip != 0x1000', { rip: 0x1001n }, { rip: 0x1000n }],
    ['rflags.ZF == 1', { rflags: 0x42n }, { rflags: 0x2n }],
  ])('%s', (text, yes, no) => {
    const one = until(text);
    expect([one.holds(now, withGeneral(yes)), one.holds(now, withGeneral(no))]).toEqual([true, false]);
    expect(found(one, withGeneral(no), withGeneral(yes))).toBe(true);
  });

  test('of an element, of which the chain sees what a reader sees', () => {
    const at = 160 + 5 * 16 + 4; // xmm5, element 1
    for (const text of ['xmm5:i32[1] == -2', 'xmm5:i32[1] < -1', 'xmm5:u32[1] & 0x80000000', 'xmm5:i32[1] changes']) {
      const one = until(text);
      const after = withImage((bytes) => bytes.set([0xfe, 0xff, 0xff, 0xff], at));
      expect([one.holds(now, after), found(one, now, after)], text).toEqual([true, true]);
      expect([one.holds(now, now), found(one, now, now)], text).toEqual([false, false]);
    }
    expect(until('zmm3 changes').lookups(now)).toHaveLength(64);
    expect(
      until('xmm5:f32[1] > 1.5').holds(
        now,
        withImage((bytes) => bytes.set([0, 0, 0, 0x40], at)),
      ),
    ).toBe(true);
  });

  test('TILECFG and XFD, in the image of AMX and among the MSRs that KVM has', () => {
    const amx = sampleAmxCapture();
    const tilecfg = amx.image.layout.components.find(({ bit }) => bit === BIT.XTILECFG);
    const xfd = amx.facts.msrs.findIndex(({ index }) => index === MSR_INDEX.IA32_XFD);
    const bytes = amx.image.bytes.slice();
    // Palette, and the last row of the last tile.
    const at = (tilecfg?.offsetBytes ?? 0) + 48 + 7;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    const msrs = amx.facts.msrs.map((msr, index) =>
      index === xfd ? { ...msr, value: (msr.value ?? 0n) ^ (1n << BigInt(BIT.XTILEDATA)) } : msr,
    );
    expect(xfd).not.toBe(-1);
    const tiles = { ...amx, image: { ...amx.image, bytes } };
    const armed = { ...amx, facts: { ...amx.facts, msrs } };
    for (const [text, after, other] of [
      ['tilecfg changes', tiles, armed],
      ['xfd changes', armed, tiles],
    ] as const) {
      const parsed = parseUntil(text, amx);
      if (!parsed.ok) throw new Error(parsed.refusal.what);
      const one = parsed.value;
      expect([one.holds(amx, after), found(one, amx, after)], text).toEqual([true, true]);
      expect([one.holds(amx, other), found(one, amx, other)], text).toEqual([false, false]);
    }
  });

  test('a component that is in use has to leave first', () => {
    const one = until('AVX in use');
    const out = withImage((bytes) => bytes.set([(bytes[512] ?? 0) & ~4], 512));
    expect([found(one, now, now), found(one, now, out), one.holds(now, out)]).toEqual([false, true, false]);
    expect([found(one, out, now), one.holds(out, now)]).toEqual([true, true]);
    expect(until('AVX in init').holds(now, out)).toBe(true);
  });

  test.each([
    'rax',
    'rax ==',
    'rax == many',
    'nothing == 1',
    'zmm3 == 5',
    'xmm5:i32[1] == 0x1ffffffff',
    'PKZIP in use',
    'tmm0 changes',
  ])('%s is refused, with what a condition looks like', (text) => {
    const parsed = parseUntil(text, now);
    expect(parsed.ok ? null : [parsed.refusal.code, parsed.refusal.remedy]).toEqual([
      'usage',
      expect.stringContaining('rax == 5'),
    ]);
  });

  test('an exception is none: what is to be asked for instead is said', () => {
    const parsed = parseUntil('#NM', now);
    expect(parsed.ok ? null : parsed.refusal.what).toContain('tilescope break --pid P #NM');
  });
});
