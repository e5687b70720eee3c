import { encodeTileConfig } from '../../xsave/tilecfg.ts';
import type { Program } from '../program.ts';
import { bf16Bytes, f32Bytes, tileSizes } from './data.ts';

/*
 * C (20 × 11, fp32) += A (20 × 26, bf16) · B (26 × 11, bf16), in one pass with tails everywhere: 16 + 4 rows, 13 pairs
 * of rows of B, 11 columns. C starts from a bias in memory.
 */
export const BF16_SHAPE = { m: 20, n: 11, k: 26 } as const;
const { m, n, k } = BF16_SHAPE;

export const BF16_A = bf16Bytes(m * k, 5);
export const BF16_B = bf16Bytes(k * n, 23);
export const BF16_BIAS = f32Bytes(m * n, 41);
/** Where the program stores C. */
export const BF16_C_ADDRESS = 0x405000n;

export const BF16_PRODUCT: Program = {
  id: 'bf16-product',
  title: 'bf16 tile product',
  what: 'Adds a product of bf16 matrices to an fp32 bias with TDPBF16PS, with a tail in every direction',
  code: [
    ['bf 00 20 40 00', 'mov edi,0x402000'],
    ['c4 e2 78 49 07', 'ldtilecfg [rdi]'],
    ['be 00 30 40 00', 'mov esi,0x403000'],
    ['41 b9 00 40 40 00', 'mov r9d,0x404000'],
    ['ba 00 50 40 00', 'mov edx,0x405000'],
    ['41 b8 34 00 00 00', 'mov r8d,0x34'],
    ['41 ba 2c 00 00 00', 'mov r10d,0x2c'],
    ['c4 a2 7b 4b 04 12', 'tileloadd tmm0,[rdx+r10*1]'],
    ['c4 a2 7b 4b 8c 12 c0 02 00 00', 'tileloadd tmm1,[rdx+r10*1+0x2c0]'],
    ['c4 a2 7b 4b 14 06', 'tileloadd tmm2,[rsi+r8*1]'],
    ['c4 a2 7b 4b 9c 06 40 03 00 00', 'tileloadd tmm3,[rsi+r8*1+0x340]'],
    ['c4 82 79 4b 24 11', 'tileloaddt1 tmm4,[r9+r10*1]'],
    ['c4 e2 5a 5c c2', 'tdpbf16ps tmm0,tmm2,tmm4'],
    ['c4 e2 5a 5c cb', 'tdpbf16ps tmm1,tmm3,tmm4'],
    ['c4 a2 7a 4b 04 12', 'tilestored [rdx+r10*1],tmm0'],
    ['c4 a2 7a 4b 8c 12 c0 02 00 00', 'tilestored [rdx+r10*1+0x2c0],tmm1'],
    ['c4 e2 79 49 47 40', 'sttilecfg [rdi+0x40]'],
    ['c4 e2 78 49 c0', 'tilerelease'],
    ['f4', 'hlt'],
  ],
  data: [
    {
      address: 0x402000n,
      bytes: encodeTileConfig({
        paletteId: 1,
        startRow: 0,
        tiles: tileSizes([16, 44], [4, 44], [16, 52], [4, 52], [13, 44]),
      }),
    },
    { address: 0x403000n, bytes: BF16_A },
    { address: 0x404000n, bytes: BF16_B },
    { address: BF16_C_ADDRESS, bytes: BF16_BIAS },
  ],
  withAmx: true,
  xcr0: 0x602e7n,
  handlers: {},
};
