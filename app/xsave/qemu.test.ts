import { expect, test } from 'vitest';
import { presetLayout } from '../fixtures/preset-captures.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { COMPONENTS, componentRow } from './components.ts';
import { placeOf } from './layout.ts';
import { QEMU_VERSION, qemuNotes, qemuRow, qemuSourceWords } from './qemu.ts';

test('[Q1] every component has a row: in the buffer, by MSRs, or dropped', () => {
  const rows = [...COMPONENTS.map(({ bit }) => bit), 23].sort((a, b) => a - b).map((bit) => qemuRow(bit));
  const bitsOfFate = (fate: string): number[] => rows.filter((row) => row.fate === fate).map(({ bit }) => bit);
  expect(bitsOfFate('buffer')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 9, 17, 18, 19]);
  expect(bitsOfFate('msrs')).toEqual([11, 12, 15]);
  expect(bitsOfFate('dropped')).toEqual([8, 10, 13, 14, 16, 20, 23, 62]);
  expect(qemuRow(14).note).toContain('no row for UINTR');
});

test('[Q2] sizes are those of the component table, offsets under TCG those of an Intel CPU', () => {
  const layouts = [presetLayout('skylake-sp'), presetLayout('apx')];
  for (const row of COMPONENTS.map(({ bit }) => qemuRow(bit))) {
    if (row.bit < 2 || row.sizeBytes === null) continue;
    expect([row.bit, row.sizeBytes]).toEqual([row.bit, componentRow(row.bit)?.sizeBytes]);
    if (row.fate !== 'buffer' || row.tcgOffsetBytes === null) continue;
    const places = layouts.map((layout) => placeOf(layout, row.bit)?.offsetBytes);
    expect(places).toContain(row.tcgOffsetBytes);
  }
});

test('[Q3] a lane of zmm5 is found in three places of CPUX86State', () => {
  const states = [1, 2, 6].flatMap((bit) => qemuRow(bit).fields.map((field) => field.state));
  expect(states).toEqual([
    'mxcsr',
    null,
    'xmm_regs[i].ZMM_Q(0..1)',
    'xmm_regs[i].ZMM_Q(2..3)',
    'xmm_regs[i].ZMM_Q(4..7)',
  ]);
  expect(qemuRow(19).note).toContain('since QEMU 11.0');
});

test('[Q4] what QEMU 7.2 drops on AMD is said on AMD hosts and where the host is not known', () => {
  const ids = (facts: Parameters<typeof qemuNotes>[0]) => qemuNotes(facts).map(({ id }) => id);
  expect(ids(sampleCapture().facts)).toContain('qemu-7.2-amd');
  expect(ids(sampleAmxCapture().facts)).not.toContain('qemu-7.2-amd');
  expect(ids({ ...sampleAmxCapture().facts, hostCpuid: [] })).toContain('qemu-7.2-amd');
  expect(qemuNotes(sampleCapture().facts).every(({ sentence }) => !sentence.endsWith('.'))).toBe(true);
});

test('[Q4] what came with a later version than the one that runs is dropped by it, and whose source was read is said', () => {
  const fates = (version?: string) => [2, 11, 18, 19].map((bit) => qemuRow(bit, version).fate);
  expect(fates()).toEqual(['buffer', 'msrs', 'buffer', 'buffer']);
  expect(fates('11.0.1')).toEqual(['buffer', 'msrs', 'buffer', 'buffer']);
  expect(fates('7.2.22')).toEqual(['buffer', 'dropped', 'buffer', 'dropped']);
  expect(fates('6.2.0')).toEqual(['buffer', 'dropped', 'dropped', 'dropped']);
  expect(qemuRow(19, '7.2.22').note).toContain('QEMU 7.2.22 has no row for APX');
  expect(qemuSourceWords('7.2.22')).toContain(`source of QEMU ${QEMU_VERSION}; this VMM is 7.2.22`);
  expect(qemuSourceWords(QEMU_VERSION)).toContain('of this version');
  expect(qemuSourceWords(undefined)).toContain('not known');
});
