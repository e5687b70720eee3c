import { describe, expect, test } from 'vitest';
import { writeU32 } from '../bits/bytes.ts';
import { presetLayout } from '../fixtures/preset-captures.ts';
import { vectorBytes } from '../register/vector.ts';
import { placeOf } from '../xsave/layout.ts';
import { openBytes } from './detect.ts';
import { signalFrame } from './testdata/signal-frame-file.ts';

const opened = (bytes: Uint8Array) => {
  const file = openBytes('frame.bin', bytes);
  if (!file.ok) throw new Error(JSON.stringify(file.problem));
  const state = file.value.states[0];
  if (state === undefined) throw new Error('no state');
  return { kind: file.value.kind, ...state.capture };
};
const total = presetLayout('skylake-sp').totalBytes;

/** sw_reserved as Linux fills it in: extended_size counts the 112 bytes of a 32-bit frame and the 4 of FP_XSTATE_MAGIC2. */
const said = (bits: 32 | 64): string =>
  `${bits}-bit signal frame (extended_size ${(bits === 32 ? 112 : 0) + 2700}, xfeatures 0x2e7, xstate_size 2696)`;

describe('[F20] a signal frame, by sw_reserved', () => {
  test.each([64, 32] as const)('of %i bits: its image, its xfeatures, its own size', (bits) => {
    const { kind, image, facts } = opened(signalFrame(bits));
    expect([kind, facts.imageCall, facts.xcr0]).toEqual(['signal-frame', said(bits), 0x2e7n]);
    expect(image.bytes).toHaveLength(total);
    expect(placeOf(image.layout, 7)?.offsetBytes).toBe(placeOf(presetLayout('skylake-sp'), 7)?.offsetBytes);
    expect(vectorBytes(image, 'zmm', 20)).toEqual(new Uint8Array(64).fill(9));
    expect(image.layout.guess?.doubtful ?? []).toEqual([]);
  });

  test.each([64, 32] as const)('of %i bits, the stack behind it is not taken for its image', (bits) => {
    const frame = signalFrame(bits);
    const stack = new Uint8Array(frame.length + 3000).fill(0xcc);
    stack.set(frame);
    const { image, facts } = opened(stack);
    expect(image.bytes).toHaveLength(total);
    expect(facts.imageCall).toBe(said(bits));
  });

  test.each([64, 32] as const)('of %i bits, cut or without FP_XSTATE_MAGIC2, is said to be', (bits) => {
    const frame = signalFrame(bits);
    const cut = opened(frame.slice(0, frame.length - 4 - 300));
    expect(cut.facts.imageCall).toBe(`${said(bits)}, without FP_XSTATE_MAGIC2 behind it`);
    expect(vectorBytes(cut.image, 'zmm', 20)).toBeNull();
    const other = frame.slice();
    writeU32(other, frame.length - 4, 0);
    expect(opened(other).facts.imageCall).toContain('without FP_XSTATE_MAGIC2');
  });

  test.each([0, 575, 0xffffffff])('whose xstate_size is %i is refused by that', (size) => {
    const frame = signalFrame(64);
    writeU32(frame, 480, size);
    const file = openBytes('frame.bin', frame);
    expect(file.ok ? 'opened' : JSON.stringify(file.problem)).toContain(
      `64-bit signal frame whose xstate_size is ${size}`,
    );
  });
});
