import { encodeTileConfig } from '../../xsave/tilecfg.ts';
import type { Program } from '../program.ts';
import { mixedBytes, tileSizes } from './data.ts';

/** What an operating system does: TILEDATA stays armed until a task uses it; the #NM handler disarms, and the use is retried. */
export const XFD_FIRST_USE: Program = {
  id: 'xfd-first-use',
  title: 'First use under armed XFD',
  what: 'Arms TILEDATA in IA32_XFD; the first TILELOADD takes #NM, the handler disarms, and the load is retried',
  code: [
    ['b9 c4 01 00 00', 'mov ecx,0x1c4'],
    ['b8 00 00 04 00', 'mov eax,0x40000'],
    ['31 d2', 'xor edx,edx'],
    ['0f 30', 'wrmsr'],
    ['bf 00 20 40 00', 'mov edi,0x402000'],
    ['c4 e2 78 49 07', 'ldtilecfg [rdi]'],
    ['be 00 30 40 00', 'mov esi,0x403000'],
    ['41 b9 00 40 40 00', 'mov r9d,0x404000'],
    ['41 b8 40 00 00 00', 'mov r8d,0x40'],
    ['c4 a2 7b 4b 04 06', 'tileloadd tmm0,[rsi+r8*1]'],
    ['c4 82 7b 4b 0c 01', 'tileloadd tmm1,[r9+r8*1]'],
    ['c4 e2 7b 49 d0', 'tilezero tmm2'],
    ['c4 e2 71 5e d0', 'tdpbusd tmm2,tmm0,tmm1'],
    ['be 00 50 40 00', 'mov esi,0x405000'],
    ['c4 a2 7a 4b 14 06', 'tilestored [rsi+r8*1],tmm2'],
    ['c4 e2 78 49 c0', 'tilerelease'],
    ['b9 c4 01 00 00', 'mov ecx,0x1c4'],
    ['b8 00 00 04 00', 'mov eax,0x40000'],
    ['0f 30', 'wrmsr'],
    ['f4', 'hlt'],
    ['b9 c5 01 00 00', 'mov ecx,0x1c5'],
    ['0f 32', 'rdmsr'],
    ['31 c0', 'xor eax,eax'],
    ['31 d2', 'xor edx,edx'],
    ['0f 30', 'wrmsr'],
    ['b9 c4 01 00 00', 'mov ecx,0x1c4'],
    ['0f 30', 'wrmsr'],
    ['48 cf', 'iretq'],
  ],
  data: [
    {
      address: 0x402000n,
      bytes: encodeTileConfig({ paletteId: 1, startRow: 0, tiles: tileSizes([9, 48], [12, 40], [9, 40]) }),
    },
    { address: 0x403000n, bytes: mixedBytes(16 * 64, 3) },
    { address: 0x404000n, bytes: mixedBytes(16 * 64, 29) },
  ],
  withAmx: true,
  xcr0: 0x602e7n,
  handlers: { nm: 0x40105cn },
};
