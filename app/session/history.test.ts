import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalBytes } from '../bits/bytes.ts';
import type { Capture } from '../capture/capture.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { BIT } from '../xsave/components.ts';
import { createHistory, wholeCapture } from './history.ts';
import { changedComponents } from './provenance.ts';
import { createPool } from './shared.ts';

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

  test('a changed component costs its own size, one longer than a tile the tile, and one that comes back costs nothing', () => {
    const history = createHistory();
    const sample = sampleAmxCapture();
    const at = byteOf(sample, BIT.XTILEDATA) + 2 * 1024 + 5;
    history.add(fresh(sample));
    const before = history.keptBytes;
    const changed = history.add(fresh(sample, (bytes) => bytes.set([(bytes[at] ?? 0) ^ 0xff], at)));
    expect(history.keptBytes - before).toBe(1024);
    expect(changed.changed).toEqual([BIT.XTILEDATA]);
    const back = history.add(fresh(sample));
    expect(history.keptBytes - before).toBe(1024);
    expect(back.changed).toEqual([BIT.XTILEDATA]);
    const small = history.add(
      fresh(sample, (bytes) => bytes.fill(0xa5, byteOf(sample, BIT.XTILECFG), byteOf(sample, BIT.XTILECFG) + 1)),
    );
    expect(history.keptBytes - before).toBe(1024 + 64);
    expect(small.changed).toEqual([BIT.XTILECFG]);
  });

  test('layouts, CPUID tables and facts that are equal are one object, those that come back among them', () => {
    const history = createHistory();
    const [first, , third, fourth] = [sampleCapture(), sampleAmxCapture(), sampleCapture(), sampleCapture()].map(
      (one) => history.add(fresh(one)),
    );
    expect(third?.layout).toBe(first?.layout);
    expect(third?.facts.guestCpuid).toBe(first?.facts.guestCpuid);
    expect(third?.facts.hostCpuid).toBe(first?.facts.hostCpuid);
    expect(third?.pieces.every((piece, at) => piece === first?.pieces[at])).toBe(true);
    expect(fourth?.facts).toBe(third?.facts);
    expect(fourth?.pieces).toBe(third?.pieces);
    const { general } = sampleCapture().facts;
    const moved = general && { ...general, rip: 0x1234n };
    const fifth = history.add({ ...sampleCapture(), facts: { ...sampleCapture().facts, general: moved } });
    expect(fifth.facts).toMatchObject({ general: moved });
    expect(fifth.facts.control).toBe(fourth?.facts.control);
    expect(fifth.facts.msrs).toBe(fourth?.facts.msrs);
  });

  test('layouts that differ in a word or a flag alone are two', () => {
    const history = createHistory();
    const { image, facts } = sampleCapture();
    const layouts = [
      image.layout,
      { ...image.layout, source: 'guest CPUID 0xD' },
      { ...image.layout, components: image.layout.components.map((place) => ({ ...place, xfdCapable: true })) },
    ];
    for (const layout of layouts) {
      expect(history.add({ image: { bytes: image.bytes, layout }, facts }).layout).toEqual(layout);
    }
  });

  test('things of one hash are told apart, and a crowd of them is not searched without end', () => {
    // Asked of the machine: ten times as many take ten times as long, and not a hundred times.
    const costOf = (count: number): number => {
      const pool = createPool<number>(() => 7, Object.is);
      const begun = process.cpuUsage();
      for (let one = 0; one < count; one += 1) if (pool(one, (kept) => kept) !== one) throw new Error(`${one}`);
      const { user, system } = process.cpuUsage(begun);
      return (user + system) / 1000;
    };
    costOf(10_000);
    expect(costOf(200_000)).toBeLessThan(costOf(20_000) * 50 + 500);
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
          for (const capture of [history.captureOf(one.kept), other.captureOf(one.kept), wholeCapture(one.kept)]) {
            expect(equalBytes(capture.image.bytes, one.capture.image.bytes)).toBe(true);
            expect(capture.image.layout).toEqual(one.capture.image.layout);
            expect(capture.facts).toEqual(one.capture.facts);
          }
          const previous = kept[at - 1]?.capture ?? null;
          expect(one.kept.changed).toEqual(changedComponents(previous, one.capture));
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
    expect(history.captureOf(kept).image.bytes).toEqual(sampleCapture().image.bytes);
    // Compared with what was kept, not with what the caller made of it.
    expect(history.add(fresh(sampleCapture())).changed).toEqual([]);
  });
});
