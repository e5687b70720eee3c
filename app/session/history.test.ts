import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { BIT } from '../xsave/components.ts';
import type { Capture } from './capture.ts';
import { createHistory } from './history.ts';
import { changedComponents } from './provenance.ts';

/** As it comes over the bridge: nothing is shared with another. */
const fresh = (capture: Capture, change?: (bytes: Uint8Array) => void): Capture => {
  const copy = structuredClone(capture);
  change?.(copy.image.bytes);
  return copy;
};
/** A byte inside a component that is in use. */
const byteOf = (capture: Capture, bit: number): number =>
  capture.image.layout.components.find((place) => place.bit === bit)?.offsetBytes ?? -1;

describe('[H1] a history keeps equal components once', () => {
  test('the second of two equal stops costs nothing', () => {
    const history = createHistory();
    const first = history.add(fresh(sampleCapture()));
    const bytes = history.keptBytes;
    expect(bytes).toBeLessThanOrEqual(sampleCapture().image.bytes.length);
    const second = history.add(fresh(sampleCapture()));
    expect(history.keptBytes).toBe(bytes);
    expect(second.pieces.every((piece, at) => piece === first.pieces[at])).toBe(true);
    expect(second.layout).toBe(first.layout);
    expect(second.facts.hostCpuid).toBe(first.facts.hostCpuid);
    expect(second.changed).toEqual([]);
  });

  test('a changed component costs its own size, and one that comes back costs nothing', () => {
    const history = createHistory();
    const sample = sampleAmxCapture();
    const at = byteOf(sample, BIT.XTILEDATA);
    history.add(fresh(sample));
    const before = history.keptBytes;
    const changed = history.add(fresh(sample, (bytes) => bytes.set([(bytes[at] ?? 0) ^ 0xff], at)));
    expect(history.keptBytes - before).toBe(8192);
    expect(changed.changed).toEqual([BIT.XTILEDATA]);
    const back = history.add(fresh(sample));
    expect(history.keptBytes - before).toBe(8192);
    expect(back.changed).toEqual([BIT.XTILEDATA]);
  });

  test('XCR0 and MSRs count as changed outside the image', () => {
    const history = createHistory();
    const sample = sampleCapture();
    expect(history.add(sample).changedOutside).toBe(false);
    expect(history.add({ ...sample, facts: { ...sample.facts, xcr0: 7n } }).changedOutside).toBe(true);
  });
});

describe('[H2] what is kept is given back byte for byte', () => {
  test('over random changes, cut images and other layouts among them', () => {
    const samples = [sampleCapture(), sampleAmxCapture()];
    const change = fc.record({ which: fc.nat(1), at: fc.nat(11_007), to: fc.nat(255), cut: fc.nat(400) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 60 }), (changes) => {
        const history = createHistory();
        const added = changes.map(({ which, at, to, cut }) => {
          const capture = fresh(samples[which] as Capture, (bytes) => bytes.fill(to, at, at + 3));
          const { image } = capture;
          const bytes = cut % 5 === 0 ? image.bytes.slice(0, image.bytes.length - cut) : image.bytes;
          return { ...capture, image: { ...image, bytes } };
        });
        const kept = added.map((capture) => ({ capture: structuredClone(capture), kept: history.add(capture) }));
        // More than are held whole at once, so that they are put together again.
        const other = createHistory();
        for (const [at, one] of kept.entries()) {
          expect(history.captureOf(one.kept)).toEqual(one.capture);
          expect(other.captureOf(one.kept)).toEqual(one.capture);
          const former = kept[at - 1]?.capture ?? null;
          expect(one.kept.changed).toEqual(changedComponents(former, one.capture));
        }
      }),
      { numRuns: 30 },
    );
  });

  test('the same stop is the same object', () => {
    const history = createHistory();
    const kept = history.add(sampleCapture());
    expect(history.captureOf(kept)).toBe(history.captureOf(kept));
  });

  test('the bytes of a caller who goes on writing do not change what is kept', () => {
    const history = createHistory();
    const capture = fresh(sampleCapture());
    const kept = history.add(capture);
    capture.image.bytes.fill(0xee);
    expect(createHistory().captureOf(kept).image.bytes).toEqual(sampleCapture().image.bytes);
  });
});
