import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { disassemble } from './disassemble.ts';
import type { InstructionDecoder } from './instruction.ts';
import { NEWER_AMX, newerAmx } from './newer-amx.ts';

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** As LLVM 22 assembles them; those of AMX-TRANSPOSE as GNU binutils 2.44 does. */
const ASSEMBLED = [
  ['c4 e2 73 5c da', 'tdpfp16ps %tmm1,%tmm2,%tmm3'],
  ['c4 e2 71 6c da', 'tcmmimfp16ps %tmm1,%tmm2,%tmm3'],
  ['c4 e2 70 6c da', 'tcmmrlfp16ps %tmm1,%tmm2,%tmm3'],
  ['c4 e5 70 fd da', 'tdpbf8ps %tmm1,%tmm2,%tmm3'],
  ['c4 e5 73 fd da', 'tdpbhf8ps %tmm1,%tmm2,%tmm3'],
  ['c4 e5 72 fd da', 'tdphbf8ps %tmm1,%tmm2,%tmm3'],
  ['c4 e5 71 fd da', 'tdphf8ps %tmm1,%tmm2,%tmm3'],
  ['c4 e2 71 48 da', 'tmmultf32ps %tmm1,%tmm2,%tmm3'],
  ['c4 a2 7b 4a 6c 46 40', 'tileloaddrs 0x40(%rsi,%r8,2),%tmm5'],
  ['c4 a2 79 4a 2c 06', 'tileloaddrst1 (%rsi,%r8,1),%tmm5'],
  ['62 e2 76 48 4a cb', 'tcvtrowd2ps %ecx,%tmm3,%zmm17'],
  ['62 e3 7e 48 07 cb 07', 'tcvtrowd2ps $0x7,%tmm3,%zmm17'],
  ['62 e2 77 48 6d cb', 'tcvtrowps2bf16h %ecx,%tmm3,%zmm17'],
  ['62 e3 7f 48 07 cb 07', 'tcvtrowps2bf16h $0x7,%tmm3,%zmm17'],
  ['62 e2 76 48 6d cb', 'tcvtrowps2bf16l %ecx,%tmm3,%zmm17'],
  ['62 e3 7e 48 77 cb 07', 'tcvtrowps2bf16l $0x7,%tmm3,%zmm17'],
  ['62 e2 74 48 6d cb', 'tcvtrowps2phh %ecx,%tmm3,%zmm17'],
  ['62 e3 7c 48 07 cb 07', 'tcvtrowps2phh $0x7,%tmm3,%zmm17'],
  ['62 e2 75 48 6d cb', 'tcvtrowps2phl %ecx,%tmm3,%zmm17'],
  ['62 e3 7f 48 77 cb 07', 'tcvtrowps2phl $0x7,%tmm3,%zmm17'],
  ['62 e2 75 48 4a cb', 'tilemovrow %ecx,%tmm3,%zmm17'],
  ['62 e3 7d 48 07 cb 07', 'tilemovrow $0x7,%tmm3,%zmm17'],
  ['c4 a2 78 6e b4 f5 00 00 00 10', 't2rpntlvwz0 0x10000000(%rbp,%r14,8),%tmm6'],
  ['c4 a2 78 6f b4 f5 00 00 00 10', 't2rpntlvwz0t1 0x10000000(%rbp,%r14,8),%tmm6'],
  ['c4 a2 79 6e b4 f5 00 00 00 10', 't2rpntlvwz1 0x10000000(%rbp,%r14,8),%tmm6'],
  ['c4 a2 79 6f b4 f5 00 00 00 10', 't2rpntlvwz1t1 0x10000000(%rbp,%r14,8),%tmm6'],
  ['c4 c5 78 f8 14 21', 't2rpntlvwz0rs (%r9),%tmm2'],
  ['c4 a5 78 f9 b4 f5 00 00 00 10', 't2rpntlvwz0rst1 0x10000000(%rbp,%r14,8),%tmm6'],
  ['c4 a5 79 f8 b4 f5 00 00 00 10', 't2rpntlvwz1rs 0x10000000(%rbp,%r14,8),%tmm6'],
  ['c4 a5 79 f9 b4 f5 00 00 00 10', 't2rpntlvwz1rst1 0x10000000(%rbp,%r14,8),%tmm6'],
  ['c4 e2 7a 5f f5', 'ttransposed %tmm5,%tmm6'],
  ['c4 e2 5a 6c f5', 'ttdpbf16ps %tmm4,%tmm5,%tmm6'],
  ['c4 e2 5b 6c f5', 'ttdpfp16ps %tmm4,%tmm5,%tmm6'],
  ['c4 e2 5b 6b f5', 'ttcmmimfp16ps %tmm4,%tmm5,%tmm6'],
  ['c4 e2 5a 6b f5', 'ttcmmrlfp16ps %tmm4,%tmm5,%tmm6'],
  ['c4 e2 58 6b f5', 'tconjtcmmimfp16ps %tmm4,%tmm5,%tmm6'],
  ['c4 e2 79 6b f5', 'tconjtfp16 %tmm5,%tmm6'],
  ['c4 e2 58 48 f5', 'ttmmultf32ps %tmm4,%tmm5,%tmm6'],
] as const;

const NOTHING: InstructionDecoder = { decode: () => null };

describe('[DA2] the newer AMX instructions', () => {
  test.each(ASSEMBLED)('%s is %s', (hex, text) => {
    const code = bytesOf(hex);
    const behind = Uint8Array.from([...code, 0xf4, 0xf4]);
    expect(newerAmx.decode(behind, 0n, 64, 'att')).toMatchObject({ text, bytes: code, isBad: false });
    // One byte less is none, and other code than 64-bit code has none of them.
    expect(newerAmx.decode(code.subarray(0, -1), 0n, 64, 'att')).toBeNull();
    expect(newerAmx.decode(behind, 0n, 32, 'att')).toBeNull();
  });

  test('every row of the table is held against an assembler', () => {
    const forms = ASSEMBLED.map(([hex]) => newerAmx.decode(bytesOf(hex), 0n, 64, 'intel')?.mnemonic);
    expect(forms.sort()).toEqual(NEWER_AMX.map(({ name }) => name).sort());
  });

  test('Intel syntax turns the operands round', () => {
    const intel = (hex: string) => newerAmx.decode(bytesOf(hex), 0n, 64, 'intel')?.text;
    expect(intel('c4 e2 73 5c da')).toBe('tdpfp16ps tmm3,tmm2,tmm1');
    expect(intel('c4 a2 7b 4a 6c 46 c0')).toBe('tileloaddrs tmm5,[rsi+r8*2-0x40]');
    expect(intel('62 e3 7e 48 07 cb 07')).toBe('tcvtrowd2ps zmm17,tmm3,0x7');
    expect(intel('c4 e2 7b 4a 2c 25 00 10 00 00')).toBe('tileloaddrs tmm5,[0x1000]');
  });

  test('what it reads and writes', () => {
    const read = (hex: string) => newerAmx.decode(bytesOf(hex), 0n, 64, 'intel');
    expect(read('c4 e5 70 fd da')).toMatchObject({ reads: ['tmm3', 'tmm2', 'tmm1'], writes: ['tmm3'], memory: [] });
    expect(read('c4 a2 79 6e b4 f5 00 00 00 10')).toMatchObject({
      reads: ['rbp', 'r14'],
      writes: ['tmm6', 'tmm7'],
      memory: [{ base: 'rbp', index: 'r14', scale: 8, displacement: 0x10000000n, reads: true, writes: false }],
    });
    expect(read('62 e2 76 48 4a cb')).toMatchObject({ reads: ['tmm3', 'ecx'], writes: ['zmm17'] });
  });

  test.each([
    ['an odd pair', 'c4 a2 78 6e bc f5 00 00 00 10'],
    ['a ninth tile', 'c4 62 73 5c da'],
    ['W set', 'c4 e2 f3 5c da'],
    ['256 bits', 'c4 e2 77 5c da'],
    ['a mask', '62 e2 76 49 4a cb'],
    ['no SIB byte', 'c4 e2 7b 4a 2e'],
  ])('%s is none of them', (_what, hex) => {
    expect(newerAmx.decode(bytesOf(hex), 0n, 64, 'intel')).toBeNull();
  });

  test('whatever the bytes: as many as there are, each once, and an end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 0, max: 80 }), (code, count) => {
        const all = disassemble(NOTHING, code, 0xffff_ffff_ffff_fff0n, count, { bitness: 64, syntax: 'att' });
        const joined = all.flatMap(({ bytes }) => [...bytes]);
        expect(joined).toEqual([...code.subarray(0, joined.length)]);
        expect(all.length).toBeLessThanOrEqual(count);
      }),
    );
  });
});
