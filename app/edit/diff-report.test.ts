import { describe, expect, test } from 'vitest';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import type { Capture } from '../session/capture.ts';
import { BIT } from '../xsave/components.ts';
import { stageAssignments } from './assign.ts';
import { differences } from './diff-elements.ts';
import { diffReport, diffText } from './diff-report.ts';
import { parseScope } from './scope.ts';

const edited = (capture: Capture, ...assignments: [string, string][]): Capture => {
  const staged = stageAssignments(
    capture,
    assignments.map(([path, value]) => ({ path, value })),
  );
  if (!staged.ok) throw new Error(JSON.stringify(staged.problem));
  return { ...capture, image: staged.value.image };
};
const withFacts = (capture: Capture, facts: Partial<Capture['facts']>): Capture => ({
  ...capture,
  facts: { ...capture.facts, ...facts },
});

describe('[N1] a diff names only what differs', () => {
  test('a capture and itself are equal', () => {
    const capture = sampleCapture();
    expect(diffReport(capture, capture)).toEqual({ components: [], registers: [], facts: [] });
    expect(diffText(capture, capture)).toContain('Equal in every component, register and fact');
  });

  test('each part of one register counts to its component', () => {
    const a = sampleCapture();
    const b = edited(a, ['zmm5:u8[0]', '200'], ['zmm5:u8[20]', '201'], ['zmm5:u8[40]', '202'], ['k1', '0x1234']);
    const report = diffReport(a, b);
    expect(report.components.map(({ bit, changedBytes }) => [bit, changedBytes])).toEqual([
      [BIT.SSE, 1],
      [BIT.AVX, 1],
      [BIT.opmask, 2],
      [BIT.ZMM_Hi256, 1],
    ]);
    expect(report.registers.map(({ path }) => path).filter((path) => /^(zmm|k)/.test(path))).toEqual(['zmm5', 'k1']);
    const text = diffText(a, b, ['stop 1', 'stop 2']);
    expect(text).toContain('A  stop 1: ');
    expect(text).toMatch(/AVX +1 of 256 bytes differ {2}in use/);
    expect(text).toContain('    B  0x0000000000001234');
  });

  test('registers outside the image and facts', () => {
    const a = sampleCapture();
    const b = withFacts(a, { xcr0: 7n, guestPermission: 0x2e7n, kernelRelease: '7.1.0', guestCpuid: [] });
    const report = diffReport(a, b);
    expect(report.components).toEqual([]);
    expect(report.registers).toMatchObject([{ path: 'xcr0', after: expect.stringContaining('7') }]);
    expect(report.facts.map(({ path }) => path)).toEqual(['kernel', 'guest permission', 'guest CPUID']);
  });

  test('captures of different layouts are compared by component', () => {
    const report = diffReport(sampleCapture(), sampleAmxCapture());
    expect(report.facts.map(({ path }) => path)).toContain('image bytes');
    expect(report.components.find(({ bit }) => bit === BIT.XTILEDATA)).toMatchObject({ before: 'absent' });
  });

  test('a name from outside cannot break the lines', () => {
    const a = sampleCapture();
    const b = withFacts(a, { target: { ...a.facts.target, name: 'x\nB  forged\u001b[31m' } });
    expect(diffText(a, b)).not.toMatch(/^B {2}forged/m);
  });
});

describe('[N2] a part of a state is named by components or by registers', () => {
  test.each([
    ['avx,opmask', { kind: 'components', bits: [2, 5] }],
    ['ZMM_Hi256', { kind: 'components', bits: [6] }],
    ['tiledata, tilecfg', { kind: 'components', bits: [17, 18] }],
    ['pkru', { kind: 'components', bits: [9] }],
    ['zmm3,mxcsr', { kind: 'paths', paths: ['zmm3', 'mxcsr'] }],
  ])('%s', (text, value) => {
    expect(parseScope(text)).toEqual({ ok: true, value });
  });

  test.each([['avx,'], [''], ['avx,zmm3'], ['avxx'], ['zmm99']])('%j is refused', (text) => {
    expect(parseScope(text).ok).toBe(false);
  });
});

describe('[N3] differences are told value by value', () => {
  const values = (a: Capture, b: Capture, type: 'f32' | 'u8' | 'hex' = 'f32') =>
    differences(a, b, type).map(({ label, values: found }) => [label, found.map(({ path }) => path)]);

  test('an element stands under the component that holds its bytes', () => {
    const a = edited(
      sampleCapture(),
      ['zmm5:f32[1]', '1'],
      ['zmm5:f32[5]', '2'],
      ['zmm5:f32[9]', '3'],
      ['zmm17:f32[2]', '4'],
    );
    const b = edited(a, ['zmm5:f32[1]', '1.5'], ['zmm5:f32[5]', '-2'], ['zmm5:f32[9]', 'nan'], ['zmm17:f32[2]', '5']);
    expect(values(a, b)).toEqual([
      ['SSE', ['xmm5:f32[1]']],
      ['AVX', ['ymm5:f32[5]']],
      ['ZMM_Hi256', ['zmm5:f32[9]']],
      ['Hi16_ZMM', ['zmm17:f32[2]']],
    ]);
    expect(differences(a, b, 'f32').map(({ values: [first] }) => [first?.before, first?.after, first?.minus])).toEqual([
      ['1', '1.5', '+0.5'],
      ['2', '-2', '-4'],
      ['3', 'NaN', null],
      ['4', '5', '+1'],
    ]);
    expect(differences(a, b, 'hex')[0]?.values[0]).toMatchObject({ before: '3f800000', after: '3fc00000', bits: 1 });
  });

  test('registers are whole, MXCSR counts to SSE, what is outside comes last', () => {
    const a = sampleCapture();
    const b = withFacts(edited(a, ['k1', '0xfffe'], ['mxcsr', '0x1fa1'], ['fcw', '0x27f']), { xcr0: 0xe5n });
    expect(values(a, b)).toEqual([
      ['x87', ['fcw']],
      ['SSE', ['mxcsr']],
      ['opmask', ['k1']],
      ['Outside the components', ['xcr0']],
    ]);
    const opmask = differences(a, b, 'f32').find(({ label }) => label === 'opmask');
    expect(opmask).toMatchObject({ changedBytes: 1, sizeBytes: 64, values: [{ bits: 1 }] });
  });

  test('a tile is one row with how many bits differ', () => {
    const a = sampleAmxCapture();
    const b = edited(a, ['tmm2:u8[0][0]', '255']);
    const [tiles] = differences(a, b, 'f32');
    expect(tiles).toMatchObject({ label: 'TILEDATA', values: [{ path: 'tmm2', minus: null }] });
    expect(tiles?.values[0]?.bits).toBeGreaterThan(0);
  });

  test('equal captures have none', () => {
    expect(differences(sampleCapture(), sampleCapture(), 'f32')).toEqual([]);
  });
});
