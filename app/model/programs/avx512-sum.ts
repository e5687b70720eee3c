import type { Program } from '../program.ts';
import { i32Bytes } from './data.ts';

/** 43 numbers: two whole registers and a tail of 11 under an opmask. */
export const AVX512_COUNT = 43;
export const AVX512_NUMBERS = i32Bytes(AVX512_COUNT, 7);
/** Where the program finds its numbers. */
export const AVX512_SUM_ADDRESS = 0x403000n;

export const AVX512_SUM: Program = {
  id: 'avx512-sum',
  title: 'AVX-512 reduction',
  what: 'Sums 43 int32 in ZMM16, the tail under opmask k1, folds the halves down to XMM0, and ends with VZEROUPPER',
  code: [
    ['bf 00 20 40 00', 'mov edi,0x402000'],
    ['be 00 30 40 00', 'mov esi,0x403000'],
    ['b8 ff 07 00 00', 'mov eax,0x7ff'],
    ['c5 f8 92 c8', 'kmovw k1,eax'],
    ['62 a1 7d 40 ef c0', 'vpxord zmm16,zmm16,zmm16'],
    ['b9 02 00 00 00', 'mov ecx,0x2'],
    ['62 e1 7d 40 fe 07', 'vpaddd zmm16,zmm16,ZMMWORD PTR [rdi]'],
    ['48 83 c7 40', 'add rdi,0x40'],
    ['ff c9', 'dec ecx'],
    ['75 f2', 'jne 0x40101e'],
    ['62 f1 7e c9 6f 0f', 'vmovdqu32 zmm1{k1}{z},ZMMWORD PTR [rdi]'],
    ['62 e1 7d 40 fe c1', 'vpaddd zmm16,zmm16,zmm1'],
    ['62 b1 7d 48 6f c0', 'vmovdqa32 zmm0,zmm16'],
    ['62 f3 fd 48 3b c2 01', 'vextracti64x4 ymm2,zmm0,0x1'],
    ['c5 fd fe c2', 'vpaddd ymm0,ymm0,ymm2'],
    ['c4 e3 7d 39 c1 01', 'vextracti128 xmm1,ymm0,0x1'],
    ['c5 f9 fe c1', 'vpaddd xmm0,xmm0,xmm1'],
    ['c5 f9 70 c8 4e', 'vpshufd xmm1,xmm0,0x4e'],
    ['c5 f9 fe c1', 'vpaddd xmm0,xmm0,xmm1'],
    ['c5 f9 70 c8 b1', 'vpshufd xmm1,xmm0,0xb1'],
    ['c5 f9 fe c1', 'vpaddd xmm0,xmm0,xmm1'],
    ['c5 f9 7e c0', 'vmovd eax,xmm0'],
    ['89 06', 'mov DWORD PTR [rsi],eax'],
    ['62 e2 7d 48 7c c8', 'vpbroadcastd zmm17,eax'],
    ['62 e1 7e 48 7f 4e 01', 'vmovdqu32 ZMMWORD PTR [rsi+0x40],zmm17'],
    ['c5 f8 77', 'vzeroupper'],
    ['f4', 'hlt'],
  ],
  data: [{ address: 0x402000n, bytes: AVX512_NUMBERS }],
  withAmx: true,
  xcr0: 0x602e7n,
  handlers: {},
};
