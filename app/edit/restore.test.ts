import fc from 'fast-check';
import { expect, test } from 'vitest';
import { equalBytes, writeU64 } from '../bits/bytes.ts';
import { maskOf } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import { makeCapture, makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { GENERAL_NAMES } from '../register/registers.ts';
import { decodeCapture, encodeCapture } from '../session/document.ts';
import { compactedLayout } from '../xsave/layout.ts';
import { PRESETS } from '../xsave/presets.ts';
import { captureAfter } from './assign.ts';
import { stageRestore } from './restore.ts';

/** Captures of every CPU that is known, in both formats, and two that were taken from guests. */
const whole: readonly Capture[] = [
  sampleCapture(),
  sampleAmxCapture(),
  ...PRESETS.flatMap(({ name }) => {
    const layout = presetLayout(name);
    const capture = makeCapture(name, makeImage(layout, new Map()));
    const bits = layout.components.map(({ bit }) => bit);
    const compacted = compactedLayout(layout, maskOf([...bits, 63]));
    if (!compacted.ok) return [capture];
    const bytes = new Uint8Array(compacted.value.totalBytes);
    return [capture, { ...capture, image: { bytes, layout: compacted.value } }];
  }),
];

/** One of them with any header, any bytes, cut anywhere: what a page may hand over. */
const anyCapture = fc
  .record({
    of: fc.nat(whole.length - 1),
    xstateBv: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    fill: fc.nat(255),
    cut: fc.nat(12_000),
  })
  .map(({ of, xstateBv, fill, cut }): Capture => {
    const base = whole[of] as Capture;
    const bytes = base.image.bytes.slice(0, Math.max(576, base.image.bytes.length - cut)).fill(fill, 0, 512);
    bytes.fill(fill, 576);
    writeU64(bytes, 512, xstateBv);
    const capture = { ...base, image: { ...base.image, bytes } };
    const decoded = decodeCapture(JSON.parse(JSON.stringify(encodeCapture(capture))));
    return decoded.ok ? decoded.value : base;
  });

const anyScope = fc.oneof(
  fc.constant({ kind: 'all' } as const),
  fc.record({ kind: fc.constant('components' as const), bits: fc.array(fc.nat(62), { maxLength: 8 }) }),
  fc.record({
    kind: fc.constant('paths' as const),
    paths: fc.array(
      fc.constantFrom('zmm3', 'ymm3:u32[5]', 'k1', 'st2', 'mm1', 'tmm0', 'tmm1:bf16[2]', 'tilecfg', 'pkru', 'mxcsr.RC'),
      { maxLength: 6 },
    ),
  }),
);

test('[E22] any state over any other is restored or refused by name, and never a throw', () => {
  let restored = 0;
  fc.assert(
    fc.property(anyCapture, anyCapture, anyScope, (now, then, scope) => {
      const original = now.image.bytes.slice();
      const staged = stageRestore(now, then, scope, GENERAL_NAMES);
      // toEqual over 11008 bytes takes ten milliseconds, equalBytes none.
      expect(equalBytes(now.image.bytes, original)).toBe(true);
      if (!staged.ok) return;
      restored += 1;
      // What was restored has nothing left to restore.
      const again = stageRestore(captureAfter(now, staged.value), then, scope, GENERAL_NAMES);
      expect(again.ok && again.value.writtenBytes).toBe(0);
    }),
    { seed: 21, numRuns: 200 },
  );
  expect(restored).toBeGreaterThan(20);
});

test('[D6] a component in init then and in use with its initial values now is no change that a restore tells', () => {
  const layout = presetLayout('zen5');
  const then = makeCapture('zen5', makeImage(layout, new Map()));
  const now = makeCapture('zen5', makeImage(layout, new Map([[2, new Uint8Array(256)]])));
  const staged = stageRestore(now, then, { kind: 'all' });
  expect(staged.ok && staged.value.changes).toEqual([]);
  const other = makeCapture('zen5', makeImage(layout, new Map([[2, new Uint8Array(256).fill(1)]])));
  const restored = stageRestore(other, then, { kind: 'all' });
  expect(restored.ok && restored.value.changes).toEqual([{ path: 'AVX', before: 'in use', after: 'init' }]);
});
