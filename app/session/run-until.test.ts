import { expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { captureAfter, stageAssignments } from '../edit/assign.ts';
import { makeCapture, makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { createModelGuest } from '../model/guest.ts';
import { BIT } from '../xsave/components.ts';
import { initBytes } from '../xsave/view.ts';
import type { ModelEvent } from './model-event.ts';
import { type Condition, type ConditionChoice, checkCondition, conditionHolds, conditionWords } from './run-until.ts';
import { sameState } from './same-state.ts';

const after = (capture: Capture, path: string, value: string): Capture => {
  const write = stageAssignments(capture, [{ path, value }]);
  if (!write.ok) throw new Error(`the sample does not take ${path}=${value}`);
  return captureAfter(capture, write.value);
};

const quiet = (capture: Capture) => ({ capture, event: null });

const choice = (part: Partial<ConditionChoice>): ConditionChoice => ({
  kind: 'changes',
  bit: BIT.XTILEDATA,
  path: '',
  which: 'nm',
  ...part,
});

const checked = (part: Partial<ConditionChoice>, capture: Capture): Condition => {
  const made = checkCondition(choice(part), capture);
  if (!made.ok) throw new Error(made.why);
  return made.condition;
};

const withBv = (of: Capture, bv: bigint): Capture => {
  const bytes = of.image.bytes.slice();
  new DataView(bytes.buffer).setBigUint64(512, bv, true);
  return { ...of, image: { ...of.image, bytes } };
};

/** Every component with its initial values. */
const zeroed = (of: Capture): Capture => {
  const bytes = of.image.bytes.slice();
  for (const { bit, offsetBytes, sizeBytes } of of.image.layout.components) {
    bytes.set(initBytes(bit, sizeBytes), offsetBytes);
  }
  new DataView(bytes.buffer).setUint32(24, 0x1f80, true);
  return { ...of, image: { ...of.image, bytes } };
};

const why = (part: Partial<ConditionChoice>, capture: Capture): string => {
  const made = checkCondition(choice(part), capture);
  return made.ok ? conditionWords(made.condition) : made.why;
};

test('[H10] a component comes into use when it was not and is: one in use already has to leave it first', () => {
  const used = sampleCapture();
  const xstateBv = used.image.bytes.slice();
  new DataView(xstateBv.buffer).setBigUint64(512, 0n, true);
  const init: Capture = { ...used, image: { ...used.image, bytes: xstateBv } };
  const condition = checked({ kind: 'in-use', bit: BIT.SSE }, used);
  expect(conditionHolds(condition, init, quiet(used))).toBe(true);
  expect(conditionHolds(condition, used, quiet(used))).toBe(false);
  expect(conditionHolds(condition, used, quiet(init))).toBe(false);
  expect(conditionHolds(condition, init, quiet(init))).toBe(false);
});

test('[H10] a change is one of the path alone: register, element, field, MSR, general register', () => {
  const now = sampleCapture();
  const holds = (path: string, capture: Capture): boolean =>
    conditionHolds(checked({ path }, now), now, quiet(capture));
  const other = after(now, 'zmm3:f32[5]', '123.5');
  expect(holds('zmm3:f32[5]', other)).toBe(true);
  expect(holds('zmm3', other)).toBe(true);
  expect(holds('ymm3', other)).toBe(true);
  expect(holds('zmm3:f32[4]', other)).toBe(false);
  expect(holds('xmm3', other)).toBe(false);
  expect(holds('mxcsr.RC', after(now, 'mxcsr.RC', '2'))).toBe(true);
  expect(holds('mxcsr.FTZ', after(now, 'mxcsr.RC', '2'))).toBe(false);
  expect(holds('rax', after(now, 'rax', '0x77'))).toBe(true);
  expect(holds('rbx', after(now, 'rax', '0x77'))).toBe(false);
});

test('[H10] a tile in init does not change where its shape does', () => {
  const layout = presetLayout('sapphire-rapids');
  const config = Uint8Array.from({ length: 64 }, (_, at) => (at === 0 ? 1 : at === 16 ? 64 : at === 48 ? 16 : 0));
  const of = (...contents: [number, Uint8Array][]) =>
    makeCapture('sapphire-rapids', makeImage(layout, new Map(contents)));
  const none = of();
  const shaped = of([BIT.XTILECFG, config]);
  const zero = of([BIT.XTILECFG, config], [BIT.XTILEDATA, new Uint8Array(8192)]);
  const one = of([BIT.XTILECFG, config], [BIT.XTILEDATA, new Uint8Array(8192).fill(1)]);
  // A row of two bytes is no f32: there is nothing to change.
  const narrow = config.map((byte, at) => (at === 16 ? 2 : byte));
  const nothing = checked({ kind: 'changes', path: 'tmm0:f32[1]' }, none);
  const inUse = of([BIT.XTILECFG, narrow], [BIT.XTILEDATA, new Uint8Array(8192).fill(1)]);
  expect(conditionHolds(nothing, of([BIT.XTILECFG, narrow]), { capture: inUse, event: null })).toBe(false);
  for (const path of ['tmm0:u8[1][2]', 'tmm0:u8[1]', 'tmm0:u8']) {
    const condition = checked({ kind: 'changes', path }, none);
    const changes = (previous: Capture, capture: Capture) =>
      conditionHolds(condition, previous, { capture, event: null });
    expect([path, changes(none, shaped), changes(shaped, zero), changes(none, zero)]).toEqual([
      path,
      false,
      false,
      false,
    ]);
    expect([path, changes(none, one), changes(shaped, one), changes(one, shaped)]).toEqual([path, true, true, true]);
  }
});

test('[H10] an exception is told by the model alone', () => {
  const model = createModelGuest('int8-product')?.capture(0);
  if (model === undefined) throw new Error('there is no such program');
  const nm: ModelEvent = { kind: 'nm', text: 'TILELOADD raised #NM' };
  const gp: ModelEvent = { kind: 'gp', text: 'XSETBV raised #GP' };
  const only = checked({ kind: 'exception', which: 'nm' }, model);
  const any = checked({ kind: 'exception', which: 'any' }, model);
  expect([nm, gp, null].map((event) => conditionHolds(only, model, { capture: model, event }))).toEqual([
    true,
    false,
    false,
  ]);
  expect([nm, gp, null].map((event) => conditionHolds(any, model, { capture: model, event }))).toEqual([
    true,
    true,
    false,
  ]);
  expect(why({ kind: 'exception' }, sampleCapture())).toBe('only the model tells of exceptions');
});

test('[H11] what is typed is checked: what no register, nothing of this vCPU and nothing read is, is refused with its reason', () => {
  const now = sampleCapture();
  expect(why({ path: '' }, now)).toMatch(/^type a register/);
  expect(why({ path: 'xmm99' }, now)).toContain('expected a register name');
  expect(why({ path: 'zmm3:f32[16]' }, now)).toContain('an index from 0 to 15');
  expect(why({ path: 'tmm0' }, now)).toBe('this vCPU has no tmm0');
  expect(why({ kind: 'in-use', bit: BIT.XTILEDATA }, now)).toBe('this vCPU has no TILEDATA');
  const blind: Capture = { ...now, facts: { ...now.facts, general: null } };
  expect(why({ path: 'rip' }, blind)).toMatch(/^rip is not read/);
  expect(why({ path: ' ZMM3:F32[5] ' }, now)).toBe('zmm3:f32[5] changes');
  expect(why({ path: 'tmm0:i8[15][63]' }, sampleAmxCapture())).toMatch(/^tmm0:i8\[15\]\[63\]/);
});

test('[H10] XSTATE_BV of initial values comes and goes by itself: a live component comes into use with a value, tiles with their bit', () => {
  const init = withBv(zeroed(sampleCapture()), 0n);
  const flipped = withBv(init, 0xe7n);
  for (const bit of [BIT.x87, BIT.SSE, BIT.AVX, BIT.opmask]) {
    const condition = checked({ kind: 'in-use', bit }, init);
    expect(conditionHolds(condition, init, quiet(flipped))).toBe(false);
    expect(conditionHolds(condition, flipped, quiet(after(flipped, 'k1', '1')))).toBe(bit === BIT.opmask);
  }
  const tiles = withBv(sampleAmxCapture(), 0n);
  const condition = checked({ kind: 'in-use', bit: BIT.XTILEDATA }, tiles);
  expect(conditionHolds(condition, tiles, quiet(withBv(zeroed(tiles), 1n << 18n)))).toBe(true);
  // A model's bits are its own: nothing switches it.
  const target = { ...init.facts.target, kind: 'model' as const };
  const [model, used] = [init, flipped].map((one) => ({ ...one, facts: { ...one.facts, target } })) as [
    Capture,
    Capture,
  ];
  expect(conditionHolds(checked({ kind: 'in-use', bit: BIT.SSE }, model), model, quiet(used))).toBe(true);
});

test('[L3] XSTATE_BV of initial values is no difference, nor is it one of a component that the layout does not have', () => {
  const init = withBv(zeroed(sampleCapture()), 0n);
  for (const bit of [0n, 1n, 2n, 5n, 6n, 7n]) expect(sameState(init, withBv(init, 1n << bit))).toBe(true);
  expect(sameState(init, withBv(init, 1n << 40n))).toBe(false);
  expect(sameState(init, withBv(after(init, 'k1', '1'), 0x20n))).toBe(false);
  const xcomp: Capture = { ...init, image: { ...init.image, bytes: init.image.bytes.slice() } };
  xcomp.image.bytes[520] = 1;
  expect(sameState(init, xcomp)).toBe(false);
});

test('[L3] two captures show the same whatever their time, pause and stale bytes are, and differ in anything else', () => {
  const now = sampleCapture();
  const later: Capture = { ...now, facts: { ...now.facts, takenAtMs: now.facts.takenAtMs + 33, pauseNs: 5n } };
  expect(sameState(now, later)).toBe(true);
  expect(sameState(now, after(now, 'k1', '0x1234'))).toBe(false);
  expect(sameState(now, after(now, 'mxcsr.RC', '2'))).toBe(false);
  expect(sameState(now, after(now, 'rip', '0x1234'))).toBe(false);
  expect(sameState(now, { ...now, facts: { ...now.facts, xcr0: 7n } })).toBe(false);
  expect(sameState(now, { ...now, facts: { ...now.facts, inKvmRun: false } })).toBe(false);
  expect(sameState(now, { ...now, facts: { ...now.facts, msrs: [] } })).toBe(false);
  const { control } = now.facts;
  if (control === null) throw new Error('the sample has control registers');
  const otherCr3 = { ...control, cr3: control.cr3 + 4096n };
  expect(sameState(now, { ...now, facts: { ...now.facts, control: otherCr3 } })).toBe(false);
  const bytes = now.image.bytes.slice();
  // AVX leaves use: its bytes are stale from then on.
  const header = new DataView(bytes.buffer);
  header.setBigUint64(512, header.getBigUint64(512, true) & ~4n, true);
  const init: Capture = { ...now, image: { ...now.image, bytes } };
  const stale = bytes.slice();
  stale.fill(0xaa, 576, 640);
  expect(sameState(now, init)).toBe(false);
  expect(sameState(init, { ...now, image: { ...now.image, bytes: stale } })).toBe(true);
});
