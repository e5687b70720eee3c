import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeU32, writeU64 } from '../bits/bytes.ts';
import { bitsOf, maskOf } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import type { Layout } from '../capture/image.ts';
import { isDoubtful } from '../register/doubt.ts';
import { parsePath } from '../register/path.ts';
import { readStretch, showJson, showText } from '../register/read.ts';
import { captureText, parseCaptureText } from '../session/document.ts';
import { restrictLayout } from '../xsave/convert.ts';
import { layoutFromCpuid, placeOf } from '../xsave/layout.ts';
import { PRESETS, type Preset } from '../xsave/presets.ts';
import { openBytes } from './detect.ts';
import { gdbCommands } from './export/gdb.ts';
import { layoutFor } from './guess.ts';
import type { OpenOptions } from './opened.ts';

const openCase = (name: string, options: OpenOptions = {}): Capture => {
  const bytes = new Uint8Array(readFileSync(new URL(`testdata/cases/${name}`, import.meta.url)));
  const opened = openBytes(name, bytes, options);
  if (!opened.ok) throw new Error(JSON.stringify(opened.problem));
  const state = opened.value.states[0];
  if (state === undefined) throw new Error('no state');
  return state.capture;
};

const json = (capture: Capture, text: string): unknown => {
  const path = parsePath(text);
  if (!path.ok) throw new Error(text);
  return showJson(capture, path.value);
};
const text = (capture: Capture, name: string): string => {
  const path = parsePath(name);
  return path.ok ? showText(capture, path.value) : 'no path';
};

const counted = (from: number, count = 16): number[] => Array.from({ length: count }, (_, index) => from + index);
const cpus = ({ image }: Capture): string[] => image.layout.guess?.candidates.map(({ cpu }) => cpu) ?? [];
const words = ({ image }: Capture): string => JSON.stringify(image.layout.guess);

describe('[F2] every witness counts, and a guess is never shown as a fact', () => {
  test("an Intel image cut to the compacted size, which is AMD's standard size: Intel's offsets, and the doubt", () => {
    const capture = openCase('asterinas3920-intel-cut2440.bin');
    expect(json(capture, 'k1')).toBe('0x00000000c0de0001');
    expect(json(capture, 'zmm3:u32')).toEqual(counted(2684355328));
    expect(text(capture, 'zmm17')).toContain('cut off: Hi16_ZMM is in use and ends at 2688, the image at 2440');
    expect(text(capture, 'pkru')).toContain('cut off');
    expect(cpus(capture)).toEqual(['granite-rapids', 'zen5']);
    expect(words(capture)).toContain('2440 is the size of the same components in the compacted format');
    expect(words(capture)).toContain('MXCSR_MASK 0xffff');
    expect(capture.image.layout.guess?.doubtful).toEqual([5, 6, 7, 9]);
  });

  test('[F11] nor does what was lost go to gdb as zeros: zmm0 to zmm5 as ymm, and no k', () => {
    const commands = gdbCommands(openCase('gdb13-gcore-on-amd.core'));
    expect(commands).not.toMatch(/set \$zmm[0-5]\.|set \$k/);
    for (let index = 0; index < 6; index += 1) expect(commands).toContain(`set $ymm${index}.v8_int32 = {`);
    for (let index = 6; index < 32; index += 1) expect(commands).toContain(`set $zmm${index}.v16_int32 = {`);
    expect(commands).toContain('# k0 to k7 were lost: gdb up to 13');
  });

  test("gdb up to 13 on an AMD CPU: AMD's offsets in Intel's size, what it did not copy is lost, and the doubt", () => {
    const capture = openCase('gdb13-gcore-on-amd.core');
    expect(json(capture, 'zmm17:u32')).toEqual(counted(2684358912));
    expect(text(capture, 'k1')).toContain('lost: gdb up to 13');
    expect(text(capture, 'zmm0')).toContain('lost');
    expect(json(capture, 'zmm6:u32')).toEqual(counted(2684356096));
    const xmm0 = readStretch(capture, 'xmm0', 0, 16);
    expect(xmm0).not.toBeNull();
    expect(readStretch(capture, 'zmm0', 0, 16)).toEqual(xmm0);
    expect(readStretch(capture, 'zmm0', 24, 8)).toEqual(readStretch(capture, 'ymm0', 24, 8));
    for (const [at, size] of [
      [32, 4],
      [28, 8],
      [60, 4],
    ] as const)
      expect(readStretch(capture, 'zmm0', at, size)).toBeNull();
    expect(json(capture, 'ymm3:u32')).toEqual(counted(2684355328, 8));
    expect(cpus(capture).slice(0, 2)).toEqual(['zen5', 'granite-rapids']);
    expect(isDoubtful(capture.image.layout)).toBe(true);
    const named = openCase('gdb13-gcore-on-amd.core', { preset: 'zen4' });
    expect(json(named, 'zmm31:u32')).toEqual(counted(2684362496));
    expect(text(named, 'k1')).toContain('lost');
  });

  test("the process's AT_MINSIGSTKSZ is of one CPU's offsets: the other is out, and with it the doubt", () => {
    const { bytes } = openCase('gdb13-gcore-on-amd.core').image;
    const guessed = (signalStackBytes: number): Layout => {
      const layout = layoutFor(bytes, undefined, { isGdb: true, signalStackBytes });
      if (!layout.ok) throw new Error(JSON.stringify(layout.problem));
      return layout.value;
    };
    // As Linux prints them on a Zen 4, an Ice Lake and a Sapphire Rapids; the last one of a kernel without CONFIG_IA32_EMULATION.
    const amd = guessed(3376);
    expect([isDoubtful(amd), placeOf(amd, 5)?.offsetBytes, amd.lost?.length]).toEqual([false, 832, 1]);
    for (const said of [3632, 11952, 11536]) {
      const intel = guessed(said);
      expect([isDoubtful(intel), placeOf(intel, 5)?.offsetBytes, intel.lost], String(said)).toEqual([
        ...[false, 1088, undefined],
      ]);
      expect(intel.source).toContain(`AT_MINSIGSTKSZ ${said}`);
    }
    // What no known CPU explains says nothing.
    const odd = guessed(5008);
    expect(isDoubtful(odd)).toBe(true);
    expect(odd.source).not.toContain('AT_MINSIGSTKSZ');
  });

  test("Zen 2's 896 bytes, PKRU at 832", () => {
    const capture = openCase('rr2655-zen2-pkru.bin');
    expect(json(capture, 'pkru')).toBe('0x55555554');
    expect(placeOf(capture.image.layout, 9)?.offsetBytes).toBe(832);
    expect(isDoubtful(capture.image.layout)).toBe(false);
  });

  test("Zen 2's image in 4096 bytes: its offsets first, and the doubt, for Zen 3 has the same components", () => {
    const capture = openCase('rr2655-zen2-pkru.bin');
    const long = new Uint8Array(4096);
    long.set(capture.image.bytes);
    const layout = layoutFor(long, undefined);
    expect(layout.ok && placeOf(layout.value, 9)?.offsetBytes).toBe(832);
    expect(layout.ok && layout.value.guess?.doubtful).toEqual([9]);
  });

  test('what the kernel of a Zen 4 and of a Zen 3 wrote is in no doubt', () => {
    for (const name of ['rr3573-zen4.bin', 'zen3-2440.bin', 'rr2643-skx-203.bin']) {
      expect(isDoubtful(openCase(name).image.layout)).toBe(false);
    }
  });

  test('a bit without a place is named alone', () => {
    expect(() => openCase('bv-extra-62.bin')).toThrow();
    const bytes = new Uint8Array(readFileSync(new URL('testdata/cases/bv-extra-62.bin', import.meta.url)));
    expect(layoutFor(bytes, undefined)).toMatchObject({ problem: { mask: 1n << 62n } });
  });

  test('[D1] the doubt goes along with the capture', () => {
    const capture = openCase('gdb13-gcore-on-amd.core');
    expect(parseCaptureText(captureText(capture))).toMatchObject({ ok: true, value: capture });
  });
});

const wholeOf = (preset: Preset): Layout => {
  const layout = layoutFromCpuid(preset.cpuid, preset.label);
  if (!layout.ok) throw new Error(preset.name);
  return layout.value;
};

/** What a system enables together. */
const GROUPS = [[2], [3, 4], [5, 6, 7], [9], [17, 18], [19], [62]] as const;

const samePlaces = (a: Layout, b: Layout, bits: readonly number[]): boolean =>
  bits.every(
    (bit) =>
      placeOf(a, bit)?.offsetBytes === placeOf(b, bit)?.offsetBytes &&
      placeOf(a, bit)?.sizeBytes === placeOf(b, bit)?.sizeBytes,
  );

describe('[F2] the right CPU is among the candidates, and is alone or the doubt is said', () => {
  const cases = fc.record({
    preset: fc.constantFrom(...PRESETS),
    groups: fc.subarray([...GROUPS]),
    inUse: fc.bigInt(0n, (1n << 63n) - 1n),
    size: fc.constantFrom('exact', '4096', '12288', 'page', 'intel') as fc.Arbitrary<string>,
    vendorMask: fc.boolean(),
    softwareMask: fc.boolean(),
    fill: fc.constantFrom('zero', 'random', 'same') as fc.Arbitrary<string>,
    seed: fc.integer({ min: 1, max: 0x7fffffff }),
  });
  const runs = Number(process.env.TILESCOPE_GUESS_RUNS ?? 2000);

  test(`${runs} images of every preset, XSTATE_BV and size`, () => {
    fc.assert(
      fc.property(cases, ({ preset, groups, inUse, size, vendorMask, softwareMask, fill, seed }) => {
        const whole = wholeOf(preset);
        const enabled = 3n | maskOf(groups.flat().filter((bit) => placeOf(whole, bit) !== undefined));
        const layout = restrictLayout(whole, enabled);
        const bv = inUse & enabled;
        const sizes: Record<string, number> = {
          exact: layout.totalBytes,
          4096: Math.max(4096, layout.totalBytes),
          12288: 12288,
          page: Math.ceil(layout.totalBytes / 4096) * 4096,
          intel: Math.max(2696, layout.totalBytes),
        };
        const bytes = new Uint8Array(sizes[size] ?? layout.totalBytes);
        let next = seed;
        for (const { bit, offsetBytes, sizeBytes } of layout.components) {
          if ((bv & (1n << BigInt(bit))) === 0n || fill === 'zero') continue;
          for (let at = 0; at < (bit === 9 ? 4 : sizeBytes); at += 1) {
            next = (Math.imul(next, 1103515245) + 12345) & 0x7fffffff;
            bytes[offsetBytes + at] = fill === 'same' ? 0xa5 : next >> 16;
          }
        }
        writeU32(bytes, 24, 0x1f80);
        writeU32(bytes, 28, vendorMask ? (preset.vendor === 'AMD' ? 0x2ffff : 0xffff) : 0);
        writeU64(bytes, 464, softwareMask ? enabled : 0n);
        writeU64(bytes, 512, bv);
        const guess = layoutFor(bytes, undefined);
        if (!guess.ok) throw new Error(`${preset.name}: ${JSON.stringify(guess.problem, (_, v) => String(v))}`);
        const bits = bitsOf(bv);
        if (samePlaces(guess.value, layout, bits)) return;
        // Another CPU's places were taken: then the right one is named, and every component that it has elsewhere.
        const { candidates = [], doubtful = [] } = guess.value.guess ?? {};
        const right = candidates.some(({ cpu }) => {
          const found = PRESETS.find(({ name }) => name === cpu);
          return found !== undefined && samePlaces(wholeOf(found), layout, bits);
        });
        expect(right, `${preset.name} is not among ${candidates.map(({ cpu }) => cpu).join(', ')}`).toBe(true);
        for (const bit of bits) if (!samePlaces(guess.value, layout, [bit])) expect(doubtful).toContain(bit);
      }),
      { numRuns: runs },
    );
  });
});
