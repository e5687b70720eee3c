import { describe, expect, test } from 'vitest';
import { PRODUCTS } from '../tile/product-instruction.ts';
import { tileProductAt } from './tile-product.ts';

const at = (hex: string) => tileProductAt(Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')));

describe('[TP1] tile products by their bytes', () => {
  // As GNU binutils 2.44 and LLVM 22 assemble them: C is ModRM.reg, A ModRM.rm, B VEX.vvvv.
  test.each([
    ['c4 e2 73 5e da', 'TDPBSSD'],
    ['c4 e2 72 5e da', 'TDPBSUD'],
    ['c4 e2 71 5e da', 'TDPBUSD'],
    ['c4 e2 70 5e da', 'TDPBUUD'],
    ['c4 e2 72 5c da', 'TDPBF16PS'],
    ['c4 e2 73 5c da', 'TDPFP16PS'],
    ['c4 e2 71 6c da', 'TCMMIMFP16PS'],
    ['c4 e2 70 6c da', 'TCMMRLFP16PS'],
    ['c4 e5 70 fd da', 'TDPBF8PS'],
    ['c4 e5 73 fd da', 'TDPBHF8PS'],
    ['c4 e5 72 fd da', 'TDPHBF8PS'],
    ['c4 e5 71 fd da', 'TDPHF8PS'],
    ['c4 e2 71 48 da', 'TMMULTF32PS'],
  ])('%s is %s', (hex, name) => {
    expect(at(hex)).toEqual({ name, c: 3, a: 2, b: 1, bytes: 5 });
    expect(PRODUCTS.map((one) => one.name)).toContain(name);
    expect(at(hex.slice(0, -3))).toBeNull();
  });

  test.each([
    ['another instruction', '90 90 90 90 90'],
    ['a memory operand', 'c4 e2 73 5e 1a'],
    ['C beyond tmm7', 'c4 62 73 5e da'],
    ['A beyond tmm7', 'c4 c2 73 5e da'],
    ['B beyond tmm7', 'c4 e2 33 5e da'],
    ['VEX.L', 'c4 e2 77 5e da'],
    ['VEX.W', 'c4 e2 f3 5e da'],
    ['66 before VEX, which raises #UD', '66 c4 e2 73 5e da'],
    ['TTDPBF16PS, which has no reference', 'c4 e2 5a 6c f5'],
  ])('%s is none', (_what, hex) => {
    expect(at(hex)).toBeNull();
  });

  test('prefixes that mean nothing here belong to it', () => {
    expect(at('64 67 c4 e2 73 5e da')).toMatchObject({ name: 'TDPBSSD', bytes: 7 });
  });
});
