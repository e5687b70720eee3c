import { encodeTileConfig } from '../../xsave/tilecfg.ts';
import type { Program } from '../program.ts';
import { tileSizes } from './data.ts';

/** A VMM that did not ask for guest permission: images of 4096 bytes, no AMX in CPUID, none in XCR0. */
export const NO_PERMISSION: Program = {
  id: 'no-permission',
  title: 'A guest without permission',
  what: 'The VMM did not ask for guest permission: XSETBV with AMX takes #GP, LDTILECFG takes #UD, images have 4096 bytes',
  code: [
    ['b8 0d 00 00 00', 'mov eax,0xd'],
    ['31 c9', 'xor ecx,ecx'],
    ['0f a2', 'cpuid'],
    ['0d 00 00 06 00', 'or eax,0x60000'],
    ['31 d2', 'xor edx,edx'],
    ['31 c9', 'xor ecx,ecx'],
    ['0f 01 d1', 'xsetbv'],
    ['b8 0d 00 00 00', 'mov eax,0xd'],
    ['0f a2', 'cpuid'],
    ['31 c9', 'xor ecx,ecx'],
    ['0f 01 d1', 'xsetbv'],
    ['b8 34 12 00 00', 'mov eax,0x1234'],
    ['62 f2 7d 48 7c c0', 'vpbroadcastd zmm0,eax'],
    ['bf 00 20 40 00', 'mov edi,0x402000'],
    ['c4 e2 78 49 07', 'ldtilecfg [rdi]'],
    ['f4', 'hlt'],
    ['48 83 c4 08', 'add rsp,0x8'],
    ['48 83 04 24 03', 'add QWORD PTR [rsp],0x3'],
    ['48 cf', 'iretq'],
    ['48 83 04 24 05', 'add QWORD PTR [rsp],0x5'],
    ['48 cf', 'iretq'],
  ],
  data: [
    {
      address: 0x402000n,
      bytes: encodeTileConfig({ paletteId: 1, startRow: 0, tiles: tileSizes([16, 64]) }),
    },
  ],
  withAmx: false,
  xcr0: 1n,
  handlers: { gp: 0x401037n, ud: 0x401042n },
};
