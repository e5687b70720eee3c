import { encodeTileConfig } from '../../xsave/tilecfg.ts';
import type { Program } from '../program.ts';
import { mixedBytes, tileSizes } from './data.ts';

/*
 * C (21 × 23, int32) = A (21 × 128, int8) · B (128 × 23, int8), two blocks by two, so that all eight tiles are in use and
 * three of the four products have a tail: 16 + 5 rows and 16 + 7 columns. B lies in quads of rows, as TDPBSSD reads it.
 */
export const INT8_SHAPE = { m: 21, n: 23, k: 128 } as const;
const { m, n, k } = INT8_SHAPE;

export const INT8_A = mixedBytes(m * k, 17);
export const INT8_B = mixedBytes(k * n, 91);
/** Where the program stores C. */
export const INT8_C_ADDRESS = 0x405000n;

export const INT8_PRODUCT: Program = {
  id: 'int8-product',
  title: 'int8 tile product',
  what: 'Multiplies two int8 matrices with TDPBSSD on all eight tiles, tails included',
  code: [
    ['bf 00 20 40 00', 'mov edi,0x402000'],
    ['c4 e2 78 49 07', 'ldtilecfg [rdi]'],
    ['be 00 30 40 00', 'mov esi,0x403000'],
    ['41 b9 00 40 40 00', 'mov r9d,0x404000'],
    ['41 b8 80 00 00 00', 'mov r8d,0x80'],
    ['41 ba 5c 00 00 00', 'mov r10d,0x5c'],
    ['c4 e2 7b 49 c0', 'tilezero tmm0'],
    ['c4 e2 7b 49 c8', 'tilezero tmm1'],
    ['c4 e2 7b 49 d0', 'tilezero tmm2'],
    ['c4 e2 7b 49 d8', 'tilezero tmm3'],
    ['b9 02 00 00 00', 'mov ecx,0x2'],
    ['c4 a2 7b 4b 24 06', 'tileloadd tmm4,[rsi+r8*1]'],
    ['c4 a2 7b 4b ac 06 00 08 00 00', 'tileloadd tmm5,[rsi+r8*1+0x800]'],
    ['c4 82 7b 4b 34 11', 'tileloadd tmm6,[r9+r10*1]'],
    ['c4 82 7b 4b 7c 11 40', 'tileloadd tmm7,[r9+r10*1+0x40]'],
    ['c4 e2 4b 5e c4', 'tdpbssd tmm0,tmm4,tmm6'],
    ['c4 e2 43 5e cc', 'tdpbssd tmm1,tmm4,tmm7'],
    ['c4 e2 4b 5e d5', 'tdpbssd tmm2,tmm5,tmm6'],
    ['c4 e2 43 5e dd', 'tdpbssd tmm3,tmm5,tmm7'],
    ['48 83 c6 40', 'add rsi,0x40'],
    ['49 81 c1 c0 05 00 00', 'add r9,0x5c0'],
    ['ff c9', 'dec ecx'],
    ['75 c0', 'jne 0x40103a'],
    ['bf 00 50 40 00', 'mov edi,0x405000'],
    ['c4 a2 7a 4b 04 17', 'tilestored [rdi+r10*1],tmm0'],
    ['c4 a2 7a 4b 4c 17 40', 'tilestored [rdi+r10*1+0x40],tmm1'],
    ['c4 a2 7a 4b 94 17 c0 05 00 00', 'tilestored [rdi+r10*1+0x5c0],tmm2'],
    ['c4 a2 7a 4b 9c 17 00 06 00 00', 'tilestored [rdi+r10*1+0x600],tmm3'],
    ['c4 e2 78 49 c0', 'tilerelease'],
    ['f4', 'hlt'],
  ],
  data: [
    {
      address: 0x402000n,
      bytes: encodeTileConfig({
        paletteId: 1,
        startRow: 0,
        tiles: tileSizes([16, 64], [16, 28], [5, 64], [5, 28], [16, 64], [5, 64], [16, 64], [16, 28]),
      }),
    },
    { address: 0x403000n, bytes: INT8_A },
    { address: 0x404000n, bytes: INT8_B },
  ],
  withAmx: true,
  xcr0: 0x602e7n,
  handlers: {},
};
