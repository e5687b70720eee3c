import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeProblem } from '../bits/decoded.ts';
import type { Capture, ControlRegisters, GeneralRegisters } from '../capture/capture.ts';
import { diffCaptures } from '../diff/compare.ts';
import { diffReport } from '../diff/diff-report.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import { parsePath } from '../register/path.ts';
import { showText } from '../register/read.ts';
import { GENERAL_NAMES } from '../register/registers.ts';
import { captureAfter, type StagedWrite } from './assign.ts';
import { stageRestore } from './restore.ts';
import { refusal, stage } from './testdata/staging.ts';

const sample = sampleCapture();
const general = sample.facts.general as GeneralRegisters;

const withFacts = (facts: Partial<Capture['facts']>): Capture => ({ ...sample, facts: { ...sample.facts, ...facts } });
const withControl = (control: Partial<ControlRegisters>): Capture =>
  withFacts({ control: { ...(sample.facts.control as ControlRegisters), ...control } });

const restore = (
  now: Capture,
  then: Capture,
  ...given: [Parameters<typeof stageRestore>[2], string[]?]
): StagedWrite => {
  const staged = stageRestore(now, then, ...given);
  if (!staged.ok) throw new Error(describeProblem(staged.problem));
  return staged.value;
};
const shown = (capture: Capture, text: string): string => {
  const path = parsePath(text);
  return path.ok ? showText(capture, path.value) : 'no path';
};

describe('[E19] general registers are staged as the whole set, with those named changed', () => {
  test('each of them, by name or by field', () => {
    const write = stage(sample, 'rax=5 r15=0xffffffffffffffff rflags.ZF=1');
    expect(write.general).toEqual({ ...general, rax: 5n, r15: (1n << 64n) - 1n, rflags: general.rflags | 0x40n });
    expect(write.generalNames).toEqual(['rax', 'r15', 'rflags']);
    expect(write.image.bytes).toEqual(sample.image.bytes);
    expect(write).toMatchObject({ xcr0: null, msrs: [], touchedBits: [], imageBytes: 0 });
    expect(write.changes[0]).toEqual({ path: 'rax', before: shown(sample, 'rax'), after: '0x0000000000000005' });
  });

  test('two fields of RFLAGS one after another', () => {
    const write = stage(sample, 'rflags.ZF=1 rflags.CF=1');
    expect(write.general?.rflags).toBe(general.rflags | 0x41n);
  });

  test('one that keeps its value is named and not written', () => {
    const write = stage(sample, `rax=${general.rax}`);
    expect(write).toMatchObject({ general: null, generalNames: ['rax'], writtenBytes: 0 });
  });

  test('where they were not read, none is written', () => {
    expect(refusal(withFacts({ general: null }), 'rax=1')).toContain('not read');
  });

  test('control registers are not written', () => {
    expect(refusal(sample, 'cr0=1')).toContain('can be read here, not written');
  });
});

describe('[E20] a value over which the next entry of the guest would fail is refused', () => {
  test.each([
    ['rflags=0x0', 'bit 1 of RFLAGS always reads 1'],
    ['rflags=0xa', 'bit 3 of RFLAGS is reserved'],
    ['rflags=0x8002', 'bit 15 of RFLAGS is reserved'],
    ['rflags=0x400002', 'bit 22 of RFLAGS is reserved'],
    ['rflags=0x8000000000000002', 'bit 63 of RFLAGS is reserved'],
    ['rflags.VM=1', 'VM cannot be 1 in IA-32e mode'],
    ['rip=0x800000000000', 'not canonical with 48 address bits'],
    ['rip=0x7fffffffffffffff', 'not canonical'],
  ])('%s', (text, why) => expect(refusal(sample, text)).toContain(why));

  test('what its mode allows is taken', () => {
    expect(refusal(sample, 'rip=0xffff800000000000')).toBe('staged');
    expect(refusal(sample, 'rsp=0x800000000000')).toBe('staged');
    expect(refusal(withControl({ cr4: 1n << 12n }), 'rip=0x800000000000')).toBe('staged');
    expect(refusal(withControl({ cr4: 1n << 12n }), 'rip=0x100000000000000')).toContain('57 address bits');
    expect(refusal(withControl({ efer: 0n }), 'rip=0x100000000')).toContain('32 bits');
    expect(refusal(withControl({ efer: 0n }), 'rip=0xfff0 rflags.VM=1')).toBe('staged');
  });

  test('and so it is when it comes from an earlier capture', () => {
    const then = withFacts({ general: { ...general, rip: 1n << 50n } });
    const staged = stageRestore(sample, then, { kind: 'paths', paths: ['rip'] });
    expect(!staged.ok && describeProblem(staged.problem)).toContain('not canonical');
    expect(stageRestore(sample, then, { kind: 'all' }, ['rip']).ok).toBe(false);
    expect(stageRestore(sample, then, { kind: 'all' }).ok).toBe(true);
  });
});

test('[E12] bytes of general registers that differ are counted beside those of the image', () => {
  const now = withFacts({ general: { ...general, rax: 0n } });
  expect(stage(now, 'rax=0x0102').writtenBytes).toBe(2);
  const both = stage(now, 'rax=0x0102 zmm5:u32[0]=0x7fffffff');
  expect(both.writtenBytes).toBe(both.imageBytes + 2);
  expect(both.imageBytes).toBeGreaterThan(0);
});

describe('[E21] restoring general registers', () => {
  const now = withFacts({ general: { ...general, rax: 1n, rbx: 2n, rip: 0x1000n } });

  test('with everything, those alone that were written: the guest keeps its progress', () => {
    expect(restore(now, sample, { kind: 'all' })).toMatchObject({ general: null, generalNames: [] });
    const write = restore(now, sample, { kind: 'all' }, ['rbx']);
    expect(write.general).toEqual({ ...now.facts.general, rbx: general.rbx });
    expect(write.changes).toContainEqual({ path: 'rbx', before: shown(now, 'rbx'), after: shown(sample, 'rbx') });
  });

  test('by name', () => {
    const write = restore(now, sample, { kind: 'paths', paths: ['rax', 'k1'] });
    expect(write.general).toEqual({ ...now.facts.general, rax: general.rax });
  });

  test('one field of RFLAGS leaves the others to the guest', () => {
    const flags = withFacts({ general: { ...general, rflags: 0x8d7n } });
    const then = withFacts({ general: { ...general, rflags: 0x2n } });
    expect(restore(flags, then, { kind: 'paths', paths: ['rflags.ZF'] }).general?.rflags).toBe(0x897n);
    expect(restore(flags, then, { kind: 'paths', paths: ['rflags.ZF', 'rflags.CF'] }).general?.rflags).toBe(0x896n);
  });

  test('components leave them, and a state without any gives none back', () => {
    expect(restore(now, sample, { kind: 'components', bits: [1] }, ['rax']).generalNames).toEqual([]);
    const raw = withFacts({ general: null });
    expect(restore(now, raw, { kind: 'all' }, ['rax']).generalNames).toEqual([]);
    expect(stageRestore(now, raw, { kind: 'paths', paths: ['rax'] }).ok).toBe(false);
  });

  test('XCR0 and MSRs that are restored stand among the changes', () => {
    const moved = withFacts({ xcr0: 7n });
    expect(restore(moved, sample, { kind: 'all' }).changes).toEqual([
      { path: 'xcr0', before: '0x0000000000000007', after: shown(sample, 'xcr0') },
    ]);
  });
});

const anyWrites = fc.dictionary(
  fc.constantFrom(...GENERAL_NAMES.filter((name) => name !== 'rip' && name !== 'rflags')),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  { minKeys: 1 },
);

test('[E21] whatever was written comes back with everything, and a diff tells both', () => {
  fc.assert(
    fc.property(anyWrites, (values) => {
      const texts = Object.entries(values).map(([name, value]) => `${name}=${value}`);
      const write = stage(sample, texts.join(' '));
      const after = captureAfter(sample, write);
      const back = restore(after, sample, { kind: 'all' }, [...write.generalNames]);
      expect(captureAfter(after, back).facts.general).toEqual(general);
      expect(back.writtenBytes).toBe(write.writtenBytes);
      const changed = GENERAL_NAMES.filter((name) => after.facts.general?.[name] !== general[name]);
      expect(diffCaptures(sample, after).registers.map(({ path }) => path)).toEqual(changed);
      expect(diffReport(sample, after)).toMatchObject({ components: [], facts: [] });
    }),
    { seed: 12, numRuns: 100 },
  );
});
