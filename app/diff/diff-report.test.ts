import { describe, expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { stageAssignments } from '../edit/assign.ts';
import { parseScope } from '../edit/scope.ts';
import { makeCapture, makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { BIT } from '../xsave/components.ts';
import { convertImage } from '../xsave/convert.ts';
import { compactedLayout, layoutOf } from '../xsave/layout.ts';
import { differences } from './diff-elements.ts';
import { cpuWords } from './diff-head.ts';
import { diffReport, diffText } from './diff-report.ts';

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
const withoutOpmask = (capture: Capture): Capture => {
  const { image } = capture;
  const components = image.layout.components.filter(({ bit }) => bit !== BIT.opmask);
  return { ...capture, image: { ...image, layout: { ...image.layout, components } } };
};

const withByte = (capture: Capture, at: number, to: number): Capture => {
  const bytes = capture.image.bytes.slice();
  bytes[at] = to;
  return { ...capture, image: { ...capture.image, bytes } };
};

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

  test('[D6] a component in init and one in use with its initial values do not differ: XSTATE_BV is a fact then', () => {
    const a = sampleAmxCapture();
    const b = edited(edited(a, ['k1', '1']), ['k1', '0']);
    const report = diffReport(a, b);
    expect(report.components).toEqual([]);
    expect(report.registers).toEqual([]);
    expect(report.facts).toEqual([{ path: 'XSTATE_BV of initial values', before: '0x0', after: '0x20' }]);
    const both = edited(b, ['xmm1:u32[0]', '77']);
    expect(diffReport(a, both).components.map(({ bit }) => bit)).toEqual([BIT.SSE]);
    expect(diffReport(a, both).registers.map(({ path }) => path)).toContain('xstate_bv');
    expect(diffReport(a, edited(a, ['k1', '1'])).registers.map(({ path }) => path)).toEqual(['k1', 'xstate_bv']);
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

  test('a component that one does not have brings no registers that hold their initial values', () => {
    const a = withoutOpmask(sampleCapture());
    const b = edited(sampleCapture(), ...Array.from({ length: 8 }, (_, k): [string, string] => [`k${k}`, '0']));
    expect(diffReport(a, b).components.find(({ bit }) => bit === BIT.opmask)).toMatchObject({ before: 'absent' });
    expect(diffReport(a, b).registers.filter(({ path }) => /^k/.test(path))).toEqual([]);
    const c = edited(b, ['k1', '0x12']);
    expect(diffReport(a, c).registers.map(({ path }) => path)).toContain('k1');
    expect(diffText(a, c)).toContain('  absent in A: k1\n');
  });

  test('without AVX on both sides vectors are told as xmm', () => {
    const layout = layoutOf('standard', 'legacy alone', []);
    if (!layout.ok) expect.fail('there is such a layout');
    const a = { ...sampleCapture(), image: { bytes: sampleCapture().image.bytes.slice(0, 576), layout: layout.value } };
    const b = withByte(a, 160 + 3 * 16, 0xaa);
    expect(diffReport(a, b)).toMatchObject({
      components: [{ bit: BIT.SSE, changedBytes: 1 }],
      registers: [{ path: 'xmm3' }],
    });
  });

  test('a size that differs between the two is the larger one, from either side', () => {
    const withSize = (sizeBytes: number): Capture => {
      const place = { bit: 40, offsetBytes: 576, sizeBytes, aligned64: false, xfdCapable: false, supervisor: false };
      const layout = layoutOf('standard', 'made up', [place]);
      if (!layout.ok) expect.fail('there is such a layout');
      const bytes = new Uint8Array(576 + sizeBytes).fill(7, 576);
      bytes[517] = 1;
      return { ...sampleCapture(), image: { bytes, layout: layout.value } };
    };
    const [small, large] = [withSize(64), withSize(512)];
    for (const [a, b] of [
      [small, large],
      [large, small],
    ] as const) {
      expect(diffReport(a, b).components).toMatchObject([{ bit: 40, changedBytes: 448, sizeBytes: 512 }]);
      expect(differences(a, b, 'hex')[0]).toMatchObject({ changedBytes: 448, sizeBytes: 512 });
    }
  });

  test('reserved bytes of the header, for which KVM refuses an image, are a fact', () => {
    const a = sampleCapture();
    const b = withByte(a, 528, 1);
    expect(diffReport(a, b).facts).toEqual([
      { path: 'reserved header bytes', before: 'all zero', after: `0x${'01'.padStart(96, '0')}` },
    ]);
    expect(diffText(a, b)).not.toContain('Equal in every');
  });

  test('MXCSR_MASK is stale in a compacted image without SSE in use', () => {
    const standard = presetLayout('sapphire-rapids');
    const layout = compactedLayout(standard, (1n << 63n) | 0x602e7n);
    if (!layout.ok) expect.fail('there is such a layout');
    const image = convertImage(makeImage(standard, new Map()), layout.value);
    if (!image.ok) expect.fail('it can be converted');
    const a = makeCapture('sapphire-rapids', image.value.image);
    expect(diffReport(a, withByte(a, 28, 0x77))).toEqual({ components: [], registers: [], facts: [] });
    const used = withByte(a, 512, 2);
    expect(diffReport(used, withByte(used, 28, 0x77)).registers).toMatchObject([{ path: 'mxcsr_mask' }]);
  });

  test('[N4] control characters of a file do not reach the text', () => {
    const a = sampleCapture();
    const b = withFacts(a, { kernelRelease: 'x\u001b[31m\r\nRegisters', imageCall: 'y\u001b]0;z\u0007' });
    const text = diffText(a, b);
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(text).not.toMatch(/^Registers/m);
  });

  test('the text says who, when and on what, once', () => {
    const a = withFacts(sampleCapture(), { takenAtMs: Date.UTC(2026, 1, 14, 9, 30, 5, 7), kernelRelease: '6.18.2' });
    const b = withFacts(edited(a, ['k1', '0x12']), { takenAtMs: Date.UTC(2026, 1, 14, 9, 30, 6) });
    const text = diffText(a, b, ['stop 1, attach', 'stop 2, capture']);
    expect(text).toContain('4096 bytes; 2026-02-14 09:30:05.007 UTC\n     read by KVM_GET_XSAVE2, Linux 6.18.2\n');
    expect(text).toContain('; 2026-02-14 09:30:06.000 UTC\n\n');
    expect(text.match(/family/g) ?? []).toHaveLength(cpuWords(a.facts.guestCpuid) === null ? 0 : 1);
    expect(diffText(withFacts(a, { takenAtMs: Number.MAX_SAFE_INTEGER }), b)).toContain('no time that a calendar has');
  });

  test('the CPU is told by its signature', () => {
    const leaf = (eax: number) => [{ leaf: 1, subleaf: 0, eax, ebx: 0, ecx: 0, edx: 0 }];
    expect(cpuWords(leaf(0x00b40f40))).toBe('family 26 model 68 stepping 0');
    expect(cpuWords(leaf(0x000806f8))).toBe('family 6 model 143 stepping 8');
    expect(cpuWords([])).toBeNull();
  });

  test('digits that differ are marked; of a tile the rows that differ are told', () => {
    const a = edited(sampleCapture(), ['k1', '0x1200']);
    expect(diffText(a, edited(a, ['k1', '0x1034']))).toContain('0x0000000000001034\n                      ^^^\n');
    const tiles = sampleAmxCapture();
    const text = diffText(tiles, edited(tiles, ['tmm2:u8[1][0]', '255']));
    expect(text).toContain('tmm2, 1 of 16 rows differ\n    row 1, byte 0 first\n');
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThan(160);
  });

  test('registers that one side does not know are named in a line', () => {
    const a = sampleCapture();
    const text = diffText(withFacts(a, { general: null }), a);
    expect(text).toMatch(/^ {2}not known in A: rax, rbx, .*rflags$/m);
    expect(text).not.toContain('errno');
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
      ['3', 'NaN', 'not a number'],
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

  test.each([
    ['k1', '0xff', '0xfff', '4 bits set'],
    ['k1', '0xfff', '0xff', '4 bits clear'],
    ['k1', '0xf0', '0x0f', '4 set, 4 clear'],
    ['mxcsr', '0x1f80', '0x1fa0', 'PE raised'],
    ['mxcsr', '0x1fa0', '0x9f80', 'PE cleared, FTZ on'],
    ['mxcsr', '0x1f80', '0x9fbf', '7 fields'],
    ['fcw', '0x37f', '0x77f', 'RC down'],
    ['rip', '0x401b2c', '0x401b5c', '+48'],
    ['rsp', '0x7fff00001000', '0x7fff00000ff8', '-8'],
    ['rax', '0x0', '0x7fff00000ff8', null],
  ])('%s from %s to %s: %s', (register, was, is, words) => {
    const capture = sampleCapture();
    const value = (text: string) => {
      const general = capture.facts.general;
      if (general === null || !(register in general)) return edited(capture, [register, text]);
      return withFacts(capture, { general: { ...general, [register]: BigInt(text) } });
    };
    const found = differences(value(was), value(is), 'f32').flatMap(({ values }) => values);
    expect(found.find(({ path }) => path === register)?.minus).toBe(words);
  });

  test('a difference that the rounding of two x87 values swallows is not told as a number', () => {
    const of = (low: string): Capture => edited(sampleCapture(), ['st0', `0x3fff80000000000000${low}`]);
    expect(differences(of('00'), of('01'), 'f32')[0]?.values[0]).toMatchObject({ path: 'st0', minus: null, bits: 1 });
    expect(differences(of('00'), edited(of('00'), ['st0:f80[0]', '1.5']), 'f32')[0]?.values[0]?.minus).toBe('+0.5');
  });

  test('TILECFG is told field by field, and whole where a reserved byte differs', () => {
    const a = sampleAmxCapture();
    const found = (b: Capture) => differences(a, b, 'f32').flatMap(({ values }) => values);
    expect(found(edited(a, ['tilecfg.rows[2]', '3'], ['tilecfg.colsb[2]', '12']))).toMatchObject([
      { path: 'tilecfg.colsb[2]', after: '12' },
      { path: 'tilecfg.rows[2]', after: '3' },
    ]);
    const bytes = a.image.bytes.slice();
    const base = a.image.layout.components.find(({ bit }) => bit === BIT.XTILECFG)?.offsetBytes ?? 0;
    bytes[base + 5] = 1;
    expect(found({ ...a, image: { ...a.image, bytes } }).map(({ path }) => path)).toEqual(['tilecfg']);
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
