import fc from 'fast-check';
import { expect, test } from 'vitest';
import { equalBytes } from '../bits/bytes.ts';
import type { Capture } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import { parsePath } from '../register/path.ts';
import { readRegister } from '../register/read.ts';
import { REGISTERS } from '../register/registers.ts';
import { sameState } from '../session/same-state.ts';
import { compactedLayout, layoutFromCpuid } from '../xsave/layout.ts';
import { PRESETS } from '../xsave/presets.ts';
import { componentBytesOrInit, viewComponent } from '../xsave/view.ts';
import { differences } from './diff-elements.ts';
import { type DiffReport, diffReport, diffText } from './diff-report.ts';

/** Any bytes in the layout of any CPU, of either format, with any components in use, ending anywhere. */
const image: fc.Arbitrary<Image> = fc
  .record({
    preset: fc.constantFrom(...PRESETS),
    leftOut: fc.option(fc.bigInt(0n, 0xfffffffn), { nil: null }),
    inUse: fc.bigInt(0n, 0xfffffffn),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
    filled: fc.constantFrom(0, 2, 50),
    cut: fc.oneof(fc.constant(0), fc.nat(12_000)),
  })
  .map(({ preset, leftOut, inUse, seed, filled, cut }) => {
    const standard = layoutFromCpuid(preset.cpuid, preset.label);
    if (!standard.ok) throw new Error(preset.name);
    const named = standard.value.components.filter(
      ({ bit }) => bit < 2 || ((leftOut ?? 0n) >> BigInt(bit)) % 2n === 0n,
    );
    const xcompBv = named.reduce((mask, { bit }) => mask | (1n << BigInt(bit)), 1n << 63n);
    const layout = leftOut === null ? standard : compactedLayout(standard.value, xcompBv);
    if (!layout.ok) throw new Error(preset.name);
    let state = seed;
    const bytes = new Uint8Array(Math.max(576, Math.max(4096, layout.value.totalBytes) - cut)).map(() => {
      state = (state * 48_271) % 2_147_483_647;
      return (state >> 8) % 100 < filled ? state >> 16 : 0;
    });
    bytes.fill(0, 512, 576);
    const header = new DataView(bytes.buffer, 512);
    header.setBigUint64(0, inUse, true);
    if (leftOut !== null) header.setBigUint64(8, xcompBv, true);
    return { bytes, layout: layout.value };
  });

const { facts } = sampleCapture();
const capture: fc.Arbitrary<Capture> = fc.record({
  image,
  facts: fc.constantFrom(facts, { ...facts, general: null, xcr0: 7n }, { ...facts, msrs: [], guestCpuid: [] }),
});
const change = fc.record({ at: fc.nat(12_000), to: fc.nat(255) });
const changed = (
  { image: { bytes, layout }, facts }: Capture,
  changes: readonly { at: number; to: number }[],
): Capture => {
  const after = bytes.slice();
  // Bytes 514 to 575 decide on the format, and on components that no layout here has.
  for (const { at, to } of changes) if (at < after.length && (at < 514 || at >= 576)) after[at] = to;
  return { image: { bytes: after, layout }, facts };
};
const pair: fc.Arbitrary<readonly [Capture, Capture]> = fc.oneof(
  fc.tuple(capture, capture),
  fc.tuple(capture, fc.array(change, { maxLength: 3 })).map(([a, changes]) => [a, changed(a, changes)] as const),
);

const turned = <T extends { before: unknown; after: unknown }>(rows: readonly T[]) =>
  rows.map((row) => ({ ...row, before: row.after, after: row.before }));
const swapped = ({ components, registers, facts }: DiffReport) => ({
  components: turned(components),
  registers: turned(registers),
  facts: turned(facts),
});

const FLIPPED = 'XSTATE_BV of initial values';
const NOTHING = { components: [], registers: [], facts: [] };

/** MXCSR and its mask are no part of x87. (SDM vol. 1, 10.5.1) */
const differingBytes = (a: Capture, b: Capture, bit: number): number => {
  const [was, is] = [componentBytesOrInit(a.image, bit), componentBytesOrInit(b.image, bit)];
  const longer = was.length > is.length ? was : is;
  return longer.reduce((sum, _, at) => {
    const counts = was[at] !== is[at] && (bit !== 0 || at < 24 || at >= 32);
    return counts ? sum + 1 : sum;
  }, 0);
};

/** The value of a register on both sides; null where one has none. */
const bothValues = (a: Capture, b: Capture, name: string): readonly [Uint8Array, Uint8Array] | null => {
  const path = parsePath(name);
  if (!path.ok) throw new Error(name);
  const [was, is] = [readRegister(a, path.value), readRegister(b, path.value)];
  return was.ok && is.ok && 'bytes' in was.value && 'bytes' in is.value ? [was.value.bytes, is.value.bytes] : null;
};

const linesAbout = (lines: readonly string[], path: string): number =>
  lines.filter((line) => {
    const missing = /^ {2}(?:absent|not known) in [AB]: (.*)$/.exec(line)?.[1];
    return missing?.split(', ').includes(path) ?? (line === `  ${path}` || line.startsWith(`  ${path}, `));
  }).length;

test('[N1] a diff is the same from either side, counts what differs byte by byte, and names each register once', () => {
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const report = diffReport(a, b);
      expect(swapped(diffReport(b, a))).toEqual(report);
      const bits = new Set([...a.image.layout.components, ...b.image.layout.components].map(({ bit }) => bit));
      const counted = [...bits]
        .sort((one, other) => one - other)
        .map((bit) => ({
          bit,
          changedBytes: differingBytes(a, b, bit),
          states: [a, b].map((side) => viewComponent(side.image, bit).state),
        }))
        // In init and in use with its initial values is the same (D6): there or not there is not.
        .filter(
          ({ changedBytes, states }) => changedBytes > 0 || (states[0] === 'absent') !== (states[1] === 'absent'),
        );
      expect(report.components.map(({ bit, changedBytes }) => [bit, changedBytes])).toEqual(
        counted.map(({ bit, changedBytes }) => [bit, changedBytes]),
      );
      expect(report.components.filter(({ changedBytes, sizeBytes }) => changedBytes > sizeBytes)).toEqual([]);

      const told = report.registers.map(({ path }) => path);
      expect(new Set(told).size).toBe(told.length);
      for (const { name } of REGISTERS) {
        const values = bothValues(a, b, name);
        if (values === null || /^(mm\d|mxcsr_mask)/.test(name)) continue;
        // Bits of components that hold their initial values on both sides are told as a fact, not as the register.
        if (name === 'xstate_bv' && report.facts.some(({ path }) => path === FLIPPED)) continue;
        const index = /^[xyz]mm(\d+)$/.exec(name)?.[1];
        const names = index === undefined ? [name] : ['xmm', 'ymm', 'zmm'].map((width) => width + index);
        const found = names.filter((one) => told.includes(one));
        if (!equalBytes(...values)) expect([name, found.length]).toEqual([name, 1]);
        else if (index === undefined) expect([name, found]).toEqual([name, []]);
      }
      if (sameState(a, b))
        expect({
          components: report.components,
          registers: told.filter((name) => name !== 'mxcsr_mask'),
          facts: report.facts.filter(({ path }) => path !== FLIPPED),
        }).toEqual(NOTHING);

      const lines = diffText(a, b).split('\n');
      for (const { path, before, after } of [...report.registers, ...report.facts]) {
        const sides = [before, after].filter((text) => /^(absent|not known)/.test(text)).length;
        expect([path, linesAbout(lines, path)]).toEqual([path, Math.max(1, sides)]);
      }
      expect(lines.filter((line) => line.includes(' bytes differ ')).length).toBe(report.components.length);
    }),
    { numRuns: 60 },
  );
});

test('[N1] a capture and its copy do not differ, whatever lies under clear XSTATE_BV bits and in bytes 416 to 511', () => {
  fc.assert(
    fc.property(capture, fc.nat(255), (a, fill) => {
      const bytes = a.image.bytes.slice().fill(fill, 416, 512);
      for (const { bit, offsetBytes, sizeBytes } of a.image.layout.components) {
        if (viewComponent(a.image, bit).state !== 'init') continue;
        const kept = bytes.slice(24, 32);
        bytes.fill(fill, offsetBytes, offsetBytes + sizeBytes);
        // MXCSR of a standard image counts whatever XSTATE_BV says. (SDM vol. 1, 13.8)
        if (bit === 0 && (a.image.layout.format === 'standard' || ((bytes[512] ?? 0) & 2) !== 0)) bytes.set(kept, 24);
      }
      const b = { ...a, image: { ...a.image, bytes } };
      expect(diffReport(a, b)).toEqual(NOTHING);
      expect(differences(a, b, 'u8')).toEqual([]);
      expect(sameState(a, b)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('[N3] the bits that differ, value by value, are those of the component', () => {
  const bitsOf = (bytes: Uint8Array): number =>
    bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
  fc.assert(
    fc.property(pair, fc.constantFrom('f32', 'u8', 'f64', 'hex'), ([a, b], type) => {
      for (const { bit, before, after, values } of differences(a, b, type)) {
        expect(new Set(values.map(({ path }) => path)).size).toBe(values.length);
        // SSE, AVX, opmask, ZMM_Hi256, Hi16_ZMM, TILEDATA: registers from the first byte to the last.
        if (bit === null || ![1, 2, 5, 6, 7, 18].includes(bit) || before === 'absent' || after === 'absent') continue;
        const [was, is] = [componentBytesOrInit(a.image, bit), componentBytesOrInit(b.image, bit)];
        const inValues = values
          .filter(({ path }) => path !== 'mxcsr')
          .reduce((sum, value) => sum + (value.bits ?? 0), 0);
        expect([bit, inValues]).toEqual([bit, bitsOf(was.map((byte, at) => byte ^ (is[at] ?? 0)))]);
      }
    }),
    { numRuns: 60 },
  );
});
