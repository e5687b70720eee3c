import { describe, expect, test } from 'vitest';
import { writeU32 } from '../bits/bytes.ts';
import { type LoopStop, PRODUCT_CODE, tracedLoop } from '../fixtures/traced-loop.ts';
import { checkTracedProducts } from './traced-products.ts';

const withRip = (stop: LoopStop, rip: bigint): LoopStop => {
  const { general } = stop.capture.facts;
  if (general === null) throw new Error('the loop has registers');
  return { ...stop, capture: { ...stop.capture, facts: { ...stop.capture.facts, general: { ...general, rip } } } };
};

describe('[TP2] every tile product of a trace is checked', () => {
  test.each(Object.keys(PRODUCT_CODE) as (keyof typeof PRODUCT_CODE)[])('%s: as it should be', (instruction) => {
    expect(checkTracedProducts(tracedLoop(instruction, 5))).toEqual({
      ...{ checked: 5, differing: [], unchecked: [], unknownSteps: 0 },
    });
  });

  test('one element that is wrong in one round is named with its stop, and the rounds behind it are judged by what it left', () => {
    const stops = tracedLoop('TDPBSSD', 5, (tiles, round) => {
      if (round === 2) writeU32(tiles, 64 + 2 * 4, 0x5eed);
    });
    const { checked, differing } = checkTracedProducts(stops);
    expect(checked).toBe(5);
    expect(differing).toHaveLength(1);
    expect(differing[0]).toMatchObject({ stop: 7, rip: 0x401000n, instruction: 'TDPBSSD', c: 0, a: 1, b: 2 });
    expect(differing[0]?.comparison.differences).toMatchObject([{ row: 1, column: 2, foundBits: 0x5eed }]);
  });

  test('a byte outside rows × colsb is a difference', () => {
    const [one] = checkTracedProducts(tracedLoop('TDPBSSD', 1, (tiles) => tiles.set([1], 20))).differing;
    expect(one?.comparison).toMatchObject({ differences: [], nonZeroOutside: 1 });
  });

  test('one that raised an exception was not executed', () => {
    const stops = [...tracedLoop('TDPBSSD', 1, (tiles) => tiles.set([1], 0))];
    stops[1] = withRip(stops[1] as LoopStop, 0xffff_ffff_8100_0000n);
    expect(checkTracedProducts(stops)).toMatchObject({ checked: 0, differing: [], unchecked: [] });
  });

  test('where an instruction is not known, or a stop is no step, nothing is claimed', () => {
    const spoilt = tracedLoop('TDPBSSD', 1, (tiles) => tiles.set([1], 0));
    const unknown = spoilt.map((stop) => ({ ...stop, code: null }));
    expect(checkTracedProducts(unknown)).toMatchObject({ checked: 0, differing: [], unknownSteps: 3 });
    const written = spoilt.map((stop) => ({ ...stop, cause: 'apply' }));
    expect(checkTracedProducts(written)).toMatchObject({ checked: 0, differing: [], unknownSteps: 0 });
  });

  test('a product of tiles that do not fit, gone on from as if it had been executed', () => {
    const stops = tracedLoop('TDPBSSD', 1).map((stop) => ({
      ...stop,
      code: Uint8Array.of(0xc4, 0xe2, 0x63, 0x5e, 0xc1),
    }));
    const { unchecked } = checkTracedProducts(stops);
    expect(unchecked).toMatchObject([
      { stop: 1, b: 3, why: expect.stringContaining('executed where a CPU raises #UD') },
    ]);
  });
});
