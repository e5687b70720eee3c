import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assert } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { parsePath, type RegisterPath } from '../register/path.ts';
import { showText } from '../register/read.ts';
import { GENERAL_NAMES, REGISTERS } from '../register/registers.ts';
import { BIT, COMPONENTS } from '../xsave/components.ts';
import { createHistory } from './history.ts';
import { changesBetween, componentReader, lastChangeOf, pathReader, type ValueReader } from './last-change.ts';
import { changedComponents } from './provenance.ts';

const pathOf = (text: string): RegisterPath => {
  const path = parsePath(text);
  assert(path.ok, text);
  return path.value;
};

/** The same by reading every stop. */
const slowly = (captures: readonly Capture[], at: number, differs: ValueReader['differs']): number | null => {
  for (let index = at; index > 0; index -= 1) {
    if (differs(captures[index - 1] as Capture, captures[index] as Capture)) return index;
  }
  return null;
};

const edit = fc.record({
  kind: fc.constantFrom('byte', 'byte', 'byte', 'bv', 'general', 'msr', 'xcr0', 'other', 'cut', 'none'),
  at: fc.nat(11_007),
  to: fc.nat(255),
});

const edited = (capture: Capture, { kind, at, to }: { kind: string; at: number; to: number }): Capture => {
  const { image, facts } = capture;
  const bytes = image.bytes.slice();
  if (kind === 'byte' && (at < 512 || at >= 576)) bytes[at] = to;
  // Some components go to init, and others come out of it with the bytes that lay there.
  if (kind === 'bv') bytes[512] = to;
  const changedImage = { ...image, bytes: kind === 'cut' ? bytes.slice(0, 4096) : bytes };
  if (kind === 'other') return to < 128 ? sampleCapture() : sampleAmxCapture();
  const general = facts.general ?? (Object.fromEntries(GENERAL_NAMES.map((name) => [name, 0n])) as never);
  return {
    image: changedImage,
    facts: {
      ...facts,
      xcr0: kind === 'xcr0' ? BigInt(to % 3) : facts.xcr0,
      general: kind === 'general' ? { ...general, [to % 2 === 0 ? 'rax' : 'rip']: BigInt(at % 5) } : facts.general,
      msrs: kind === 'msr' ? facts.msrs.map((msr) => ({ ...msr, value: to < 60 ? null : BigInt(to % 2) })) : facts.msrs,
    },
  };
};

describe('[H4] when a value last changed', () => {
  test('is the same as by reading every stop, for every register, element and component', () => {
    const texts = REGISTERS.map(({ name }) => name);
    const path = fc.oneof(
      fc.constantFrom(...texts),
      fc.constantFrom(
        'xmm3:u32[1]',
        'ymm0:f64',
        'zmm17:u8[5]',
        'tmm2:bf16[3][7]',
        'tmm0:u8[1]',
        'tmm1:f32',
        'mxcsr.RC',
      ),
      fc.constantFrom('tilecfg.rows[0]', 'xmm0:u8[1]', 'rax', 'rip', 'xcr0', 'xfd', 'fsw', 'mm1', 'st1', 'mxcsr'),
    );
    fc.assert(
      fc.property(
        fc.array(edit, { minLength: 1, maxLength: 25 }),
        fc.array(path, { minLength: 5, maxLength: 5 }),
        fc.constantFrom(sampleCapture, sampleAmxCapture),
        fc.nat(40),
        (edits, paths, sample, asked) => {
          const captures = [sample()];
          for (const one of edits) captures.push(edited(captures.at(-1) as Capture, one));
          const history = createHistory();
          const stops = captures.map((capture) => history.add(structuredClone(capture)));
          const at = Math.min(asked, captures.length - 1);
          for (const text of paths) {
            const reader = pathReader(pathOf(text));
            const expected = slowly(captures, at, reader.differs);
            expect([text, lastChangeOf(stops, asked, reader)]).toEqual([text, expected]);
            expect(lastChangeOf(stops, at, { differs: reader.differs })).toBe(expected);
            const all = [...captures.keys()].filter(
              (place) => place > 0 && slowly(captures, place, reader.differs) === place,
            );
            expect(changesBetween(stops, 1, at, reader)).toEqual(all.filter((place) => place > 1 && place <= at));
          }
          for (const { bit } of COMPONENTS) {
            const counted = slowly(captures, at, (previous, now) => changedComponents(previous, now).includes(bit));
            expect([bit, lastChangeOf(stops, at, componentReader(bit))]).toEqual([bit, counted]);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('the value of a path differs where its text does', () => {
    const a = sampleCapture();
    const bytes = a.image.bytes.slice();
    bytes[160 + 3 * 16 + 5] = (bytes[160 + 3 * 16 + 5] ?? 0) ^ 1;
    const b = { ...a, image: { ...a.image, bytes } };
    for (const text of ['xmm3', 'xmm3:u32[1]', 'xmm3:u32[0]', 'ymm3', 'xmm4', 'zmm3:u8[5]', 'mxcsr']) {
      const path = pathOf(text);
      expect(pathReader(path).differs(a, b)).toBe(showText(a, path) !== showText(b, path));
    }
    expect(pathReader(pathOf('xmm3:u32[1]')).differs(a, b)).toBe(true);
    expect(pathReader(pathOf('xmm3:u32[0]')).differs(a, b)).toBe(false);
  });

  test('the first stop is no change, and no stops are none', () => {
    const history = createHistory();
    const kept = history.add(sampleCapture());
    expect(lastChangeOf([kept], 0, componentReader(BIT.AVX))).toBeNull();
    expect(lastChangeOf([], -1, componentReader(BIT.AVX))).toBeNull();
  });

  test('stops that share what a value is read from are not put together', () => {
    const history = createHistory();
    const first = sampleCapture();
    const stops = Array.from({ length: 200 }, (_, at) => {
      const bytes = first.image.bytes.slice();
      bytes[0x380] = at;
      return history.add({ ...first, image: { ...first.image, bytes } });
    });
    const reader = pathReader(pathOf('xmm3'));
    let asked = 0;
    const counting: ValueReader = {
      ...reader,
      differs: (previous, now) => {
        asked += 1;
        return reader.differs(previous, now);
      },
    };
    expect(lastChangeOf(stops, 199, counting)).toBeNull();
    expect(asked).toBe(0);
    expect(lastChangeOf(stops, 150, componentReader(BIT.ZMM_Hi256))).toBe(150);
  });
});
