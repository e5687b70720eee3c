import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeProblem } from '../bits/decoded.ts';
import { hasBit, MAX_U64 } from '../bits/mask.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { openRaw } from '../formats/raw.ts';
import { xstateBv } from '../xsave/header.ts';
import { viewComponent } from '../xsave/view.ts';
import { captureText, decodeCapture, encodeCapture, parseCaptureText } from './document.ts';

type Json = Record<string, unknown>;
const samples: readonly [string, Capture][] = [
  ['AVX-512', sampleCapture()],
  ['AMX', sampleAmxCapture()],
];
const documentOf = (capture: Capture): Json => JSON.parse(JSON.stringify(encodeCapture(capture)));
const problem = (document: unknown): string => {
  const read = decodeCapture(document);
  return read.ok ? 'decoded' : describeProblem(read.problem);
};

/** The document with one place changed; undefined takes it away. */
const withChange = (path: readonly (string | number)[], change: unknown): Json => {
  const document = documentOf(sampleCapture());
  let at: Json = document;
  for (const step of path.slice(0, -1)) at = at[step] as Json;
  const last = path.at(-1) ?? '';
  if (change === undefined) delete at[last];
  else at[last] = change;
  return document;
};

const u64 = fc.bigInt(0n, MAX_U64);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const u32 = fc.nat(0xffffffff);
const errno = fc.nat(4095);
const cpuid = fc.array(fc.record({ leaf: u32, subleaf: u32, eax: u32, ebx: u32, ecx: u32, edx: u32 }), {
  maxLength: 4,
});
const words = fc.string({ unit: 'binary', maxLength: 20 });
const general = Object.fromEntries(Object.keys(sampleCapture().facts.general ?? {}).map((name) => [name, u64]));
const segments = Object.fromEntries(Object.keys(sampleCapture().facts.segments ?? {}).map((name) => [name, u64]));
const descriptors = Object.fromEntries(Object.keys(sampleCapture().facts.descriptors ?? {}).map((name) => [name, u64]));
const control = Object.fromEntries(Object.keys(sampleCapture().facts.control ?? {}).map((name) => [name, u64]));
const anyFacts = fc.record({
  target: fc.record({
    kind: fc.constantFrom('live', 'model', 'file'),
    vmm: words,
    name: words,
    pid: maybe(fc.nat()),
    startTimeTicks: maybe(u64),
    executable: maybe(words),
    vcpu: fc.nat(4096),
    tid: maybe(fc.nat()),
  }),
  takenAtMs: fc.maxSafeNat(),
  pauseNs: maybe(u64),
  inKvmRun: maybe(fc.boolean()),
  frozen: fc.boolean(),
  imageCall: words,
  kernelRelease: maybe(words),
  guestCpuid: cpuid,
  hostCpuid: cpuid,
  xcr0: maybe(u64),
  msrs: fc.array(fc.record({ index: u32, value: maybe(u64), errno }), { maxLength: 5 }),
  guestPermission: maybe(u64),
  hostPermission: maybe(u64),
  supportedXcr0: maybe(u64),
  sizes: fc.record({
    capXsave2Vm: maybe(u32),
    capXsave2System: maybe(u32),
    writtenBytes: maybe(u32),
    legacyErrno: maybe(errno),
  }),
  general: maybe(fc.record(general)),
  control: maybe(fc.record(control)),
  segments: maybe(fc.record(segments)),
  descriptors: maybe(fc.record(descriptors)),
  failed: fc.array(fc.record({ call: words, errno }), { maxLength: 3 }),
}) as unknown as fc.Arbitrary<Facts>;

describe('round trips', () => {
  test.each(samples)('[D1] a capture file of the %s sample reads back the same', (_name, capture) => {
    expect(parseCaptureText(captureText(capture))).toEqual({ ok: true, value: capture });
    expect(decodeCapture(encodeCapture(capture))).toEqual({ ok: true, value: capture });
  });

  test('[D1] any facts read back the same, through JSON text', () => {
    const { image } = sampleCapture();
    fc.assert(
      fc.property(anyFacts, (facts) => {
        expect(decodeCapture(documentOf({ image, facts }))).toEqual({ ok: true, value: { image, facts } });
      }),
    );
  });

  test('[D2] 64-bit numbers are hex strings, MSRs have index and name, nothing is left to a number’s precision', () => {
    const { facts, image } = documentOf(sampleAmxCapture()) as { facts: Json; image: Json };
    expect(facts.xcr0).toBe('0x602e7');
    expect(facts.msrs).toEqual([{ index: '0x1c4', name: 'IA32_XFD', value: '0x0', errno: 0 }]);
    expect((facts.hostCpuid as Json[])[0]).toMatchObject({ leaf: '0x0', subleaf: '0x0', ebx: '0x756e6547' });
    expect(image).toMatchObject({ format: 'standard', bytes: 11008 });
    expect(facts.pauseNs).toBeNull();
  });
});

describe('documents from outside', () => {
  test('[D3] another format or version is refused by name; what is not known is ignored', () => {
    expect(problem({ format: 'qemu', version: 1 })).toBe('capture document, format: "qemu" is not tilescope-capture');
    expect(problem({ format: 'tilescope-capture', version: 2 })).toBe(
      'capture document, version: version 2 is not known here; this program reads version 1',
    );
    expect(problem(withChange(['notes'], { any: [1] }))).toBe('decoded');
    expect(problem(withChange(['facts', 'weather'], 'dry'))).toBe('decoded');
  });

  test.each<[string[], unknown, string]>([
    [['facts'], undefined, 'facts: has to be an object'],
    [['facts', 'xcr0'], undefined, 'facts.xcr0: has to be a hex string'],
    [['facts', 'xcr0'], 231, 'facts.xcr0: has to be a hex string'],
    [['facts', 'xcr0'], '0x10000000000000000', 'facts.xcr0: has to be a hex string'],
    [['facts', 'xcr0'], '-0x1', 'facts.xcr0: has to be a hex string'],
    [['facts', 'frozen'], 1, 'facts.frozen: has to be true or false'],
    [['facts', 'takenAtMs'], 1.5, 'facts.takenAtMs: has to be an integer'],
    [['facts', 'target', 'kind'], 'remote', 'facts.target.kind: has to be one of live, model, file'],
    [['facts', 'target', 'pid'], -1, 'facts.target.pid: has to be an integer'],
    [['facts', 'target', 'name'], 'x'.repeat(70_000), 'facts.target.name: is longer than'],
    [['facts', 'msrs', '0', 'errno'], 5000, 'facts.msrs[0].errno: has to be an integer'],
    [['facts', 'hostCpuid'], Array(5000).fill(0), 'facts.hostCpuid: has 5000 entries'],
    [['facts', 'hostCpuid', '2', 'eax'], '0x100000000', 'facts.hostCpuid[2].eax: has to be a hex string'],
    [['facts', 'general', 'rip'], null, 'facts.general.rip: has to be a hex string'],
    [['image', 'base64'], 'AAA', 'base64: expected a length'],
    [['image', 'bytes'], 4095, 'image.bytes: is 4095 and the base64 holds 4096'],
    [['image', 'format'], 'packed', 'image.format: has to be one of'],
    [['image', 'format'], 'compacted', 'XCOMP_BV'],
    [['layout', 'totalBytes'], 2431, 'layout.totalBytes: is 2431 and the components end at 2432'],
    [['layout', 'components', '2', 'offsetBytes'], -64, 'offsetBytes: has to be an integer'],
    [['layout', 'components', '2', 'sizeBytes'], 2 ** 40, 'sizeBytes: has to be an integer'],
    [['layout', 'components', '2', 'offsetBytes'], 512, 'begins inside what ends at 576'],
    [['layout', 'components', '3', 'offsetBytes'], 600, 'begins inside'],
    [['layout', 'components', '3', 'bit'], 2, 'a component is named twice'],
    [['layout', 'components', '3', 'bit'], 63, 'bit: has to be an integer'],
    [['layout', 'components', '1', 'offsetBytes'], 0, 'SSE at 160 with 256'],
    [['layout', 'components'], [], 'SSE at 160 with 256'],
  ])('[D4] %s = %j is refused with its place', (path, change, sentence) => {
    expect(problem(withChange(path, change))).toContain(sentence);
  });

  test('[D9] an image that ends inside a component in use reads back the same, and the component is absent', () => {
    const { image, facts } = sampleAmxCapture();
    for (const length of [576, 2815, 2816, 4096, 11007]) {
      const cut: Capture = { image: { layout: image.layout, bytes: image.bytes.slice(0, length) }, facts };
      const read = decodeCapture(documentOf(cut));
      expect(read).toEqual({ ok: true, value: cut });
      if (read.ok) expect(viewComponent(read.value.image, 18)).toEqual({ state: 'absent' });
    }
    const head: Capture = { image: { layout: image.layout, bytes: image.bytes.slice(0, 575) }, facts };
    expect(problem(documentOf(head))).toContain('XSAVE image is cut short: 576 bytes needed, 575 there');
  });

  test('[D9] a legacy image of 4096 bytes with TILEDATA in XSTATE_BV goes from raw file to document and back', () => {
    const bytes = sampleAmxCapture().image.bytes.slice(0, 4096);
    const opened = openRaw('legacy.bin', bytes, { preset: 'sapphire-rapids' });
    const capture = opened.ok ? opened.value.states[0]?.capture : undefined;
    expect(capture && hasBit(xstateBv(capture.image), 18)).toBe(true);
    expect(capture && parseCaptureText(captureText(capture))).toEqual({ ok: true, value: capture });
  });

  test('[D5] a file cut short at any length is a problem', () => {
    const text = captureText(sampleCapture()).trimEnd();
    const taken: number[] = [];
    for (let length = 0; length < text.length; length += length < 400 || length > text.length - 400 ? 1 : 37)
      if (parseCaptureText(text.slice(0, length)).ok) taken.push(length);
    expect(taken).toEqual([]);
  });

  test('[D5] no value in any place makes decoding throw', () => {
    const document = documentOf(sampleCapture());
    const places: (string | number)[][] = [];
    const walk = (value: unknown, path: (string | number)[]): void => {
      if (path.length > 0) places.push(path);
      if (typeof value === 'object' && value !== null) {
        for (const [name, inner] of Object.entries(value)) walk(inner, [...path, name]);
      }
    };
    walk(document, []);
    expect(places.length).toBeGreaterThan(200);
    const junk = fc.oneof(fc.anything({ withBigInt: false }), fc.constantFrom('__proto__', '0x', [], {}, -0, 1e300));
    fc.assert(
      fc.property(fc.constantFrom(...places), junk, (path, value) => {
        const read = decodeCapture(withChange(path, value));
        if (!read.ok) expect(describeProblem(read.problem)).not.toContain('Tilescope fault');
      }),
      { numRuns: 300 },
    );
    fc.assert(fc.property(fc.anything(), (value) => !decodeCapture(value).ok));
    fc.assert(fc.property(fc.json(), (text) => !parseCaptureText(text).ok));
  });
});
