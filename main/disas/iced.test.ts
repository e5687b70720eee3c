import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { disassemble } from '../../app/disas/disassemble.ts';
import type { Bitness, Syntax } from '../../app/disas/instruction.ts';
import { bytesOfHex } from '../../app/model/memory.ts';
import { addressesOf } from '../../app/model/program.ts';
import { PROGRAMS } from '../../app/model/programs.ts';
import { createRandom } from '../fuzz/mutate.ts';
import { icedDecoder } from './iced.ts';

const isThere = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const OBJDUMP = isThere('objdump') ? null : 'objdump is not there (apt-get install binutils)';
const LLVM_MC = isThere('llvm-mc') ? null : 'llvm-mc is not there (apt-get install llvm)';
const PROGRAM = ['/usr/bin/bash', '/bin/sh'].find((path) => existsSync(path));

const read = (hex: string, address = 0x401000n, bitness: Bitness = 64, syntax: Syntax = 'intel') =>
  icedDecoder.decode(bytesOfHex(hex), address, bitness, syntax);

interface Line {
  readonly address: bigint;
  readonly code: Uint8Array;
  readonly text: string;
}

const listing = (syntax: Syntax, ...args: readonly string[]): readonly Line[] => {
  const options = ['-M', syntax === 'intel' ? 'intel' : 'att', '--insn-width=15', ...args];
  const text = execFileSync('objdump', options, { encoding: 'utf8', maxBuffer: 1 << 28 });
  return [...text.matchAll(/^ +([0-9a-f]+):\t([0-9a-f ]+?) *\t(.*)$/gm)].map(([, at = '', bytes = '', words = '']) => ({
    address: BigInt(`0x${at}`),
    code: bytesOfHex(bytes),
    text: words,
  }));
};

/** What two disassemblers write differently and mean alike. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/ *#.*| <[^>]*>/g, ''],
  [/ +/g, ' '],
  [/^((data16|cs|addr32|rex\.?\w*) )+(?=nop)/, ''],
  [/^nop[wl]?\b.*|^xchg (?:ax,ax|%ax,%ax)$/, 'nop'],
  [/\b([a-z]+) (?:0x)?([0-9a-f]+)$/, '$1 0x$2'],
  [/movabs/, 'mov'],
  [/\bds:(0x[0-9a-f]+)|\b([fg]s):(0x[0-9a-f]+)/, '$2[$1$3]'],
  [/\b([fg]s):\[/, '$1['],
  [/\+0x0\]/, ']'],
  [/0x0\(/, '('],
  [/\[rip([+-])(?:0x)([0-9a-f]+)\]/, '[rip]'],
  [/^imul (\S+),(\S+),(\$?0x\S+)$|^imul (\$?0x\S+),(\S+),(\S+)$/, 'imul three'],
  [/^imul (\S+),(\$?0x\S+)$|^imul (\$?0x\S+),(\S+)$/, 'imul three'],
  [/^(rep[nez]* )?(stos|movs|scas|lods|cmps|ins|outs)\w?\b.*/, '$1$2'],
  [/^(sar|shr|shl|rol|ror|rcl|rcr)([bwlq]?) (?:\$0x1,)?([^,]+?)(?:,0?x?1)?$/, '$1$2 $3'],
  [/^(push|pop|call|jmp|ret)q\b/, '$1'],
  [/^\{e?vex\} /, ''],
  [/^sal(?=[bwlq]?\b)/, 'shl'],
  [/^(iret|sysret|sysexit|pushf|popf|xlat)[dqbl]\b/, '$1'],
  [/^prefetchw?\b/, 'prefetch'],
];

const spelled = (text: string): string =>
  SPELLINGS.reduce((words, [pattern, by]) => words.replace(pattern, by), text).trim();

describe('[DA1] disassembly', () => {
  test.each([
    ['c4 a2 7b 4b ac 06 00 08 00 00', 'tileloadd tmm5,[rsi+r8*1+0x800]', 'tileloadd 0x800(%rsi,%r8,1),%tmm5'],
    ['c4 e2 4b 5e c4', 'tdpbssd tmm0,tmm4,tmm6', 'tdpbssd %tmm6,%tmm4,%tmm0'],
    ['48 8b 05 c6 3c ae 00', 'mov rax,QWORD PTR [rip+0xae3cc6]', 'mov 0xae3cc6(%rip),%rax'],
    ['75 c0', 'jne 0x400fc2', 'jne 0x400fc2'],
    ['f0 48 0f b1 0e', 'lock cmpxchg QWORD PTR [rsi],rcx', 'lock cmpxchg %rcx,(%rsi)'],
  ])('%s', (hex, intel, att) => {
    expect(read(hex)?.text).toBe(intel);
    expect(read(hex, 0x401000n, 64, 'att')?.text).toBe(att);
  });

  test('what an instruction reads, writes and goes to', () => {
    expect(read('c4 a2 7b 4b ac 06 00 08 00 00')).toMatchObject({
      ...{ mnemonic: 'tileloadd', flow: 'next', target: null, reads: ['r8', 'rsi'], writes: ['tmm5'] },
      memory: [{ base: 'rsi', index: 'r8', scale: 1, displacement: 0x800n, bytes: null, reads: true, writes: false }],
    });
    expect(read('c4 e2 4b 5e c4')).toMatchObject({ reads: ['tmm0', 'tmm4', 'tmm6'], writes: ['tmm0'], memory: [] });
    expect(read('c4 e2 78 49 07')?.memory).toMatchObject([{ base: 'rdi', bytes: 64, reads: true }]);
    expect(read('48 8b 05 c6 3c ae ff')).toMatchObject({
      target: 0xffff_ffff_ffee_4ccdn & 0xffff_ffff_ffff_ffffn,
      memory: [{ base: 'rip', displacement: 0xffff_ffff_ffee_4ccdn, bytes: 8 }],
    });
    expect(read('75 c0')).toMatchObject({ flow: 'branch', target: 0x400fc2n, reads: ['rflags.ZF'] });
    expect(read('ff c9')?.writes).toEqual(['rcx', 'rflags.PF', 'rflags.AF', 'rflags.ZF', 'rflags.SF', 'rflags.OF']);
    expect(read('64 48 8b 04 25 28 00 00 00')?.memory).toMatchObject([
      { segment: 'fs', base: null, displacement: 40n },
    ]);
    expect(read('e8 01 00 00 00')).toMatchObject({ flow: 'call', target: 0x401006n });
    expect(read('c3')?.flow).toBe('return');
  });

  test('32-bit and 16-bit code is another', () => {
    expect(read('40', 0n, 32)?.text).toBe('inc eax');
    expect(read('40', 0n, 64)).toBeNull();
    expect(read('8b 07', 0n, 16)?.text).toBe('mov ax,WORD PTR [bx]');
  });

  test('bytes that are cut short are none', () => {
    expect(read('48 8b')).toBeNull();
    expect(disassemble(icedDecoder, bytesOfHex('90 48 8b'), 0n, 5, { bitness: 64, syntax: 'intel' })).toHaveLength(1);
  });

  test.each(PROGRAMS.map((program) => [program.id, program] as const))('the built-in program %s', (_id, program) => {
    const at = addressesOf(program.code);
    for (const [index, [hex, text]] of program.code.entries()) {
      expect(spelled(read(hex, at[index])?.text ?? 'none')).toBe(spelled(text));
    }
  });

  test.skipIf(OBJDUMP !== null || PROGRAM === undefined)(
    `a whole program reads as objdump reads it${OBJDUMP === null ? '' : `: ${OBJDUMP}`}`,
    () => {
      for (const syntax of ['intel', 'att'] as const) {
        const lines = listing(syntax, '-d', PROGRAM ?? '').filter((_, at) => at % 20 === 0);
        expect(lines.length).toBeGreaterThan(1_000);
        const differing = lines.flatMap(({ address, code, text }) => {
          const ours = icedDecoder.decode(code, address, 64, syntax);
          const same = ours !== null && ours.bytes.length === code.length && spelled(ours.text) === spelled(text);
          return same ? [] : [`${text} | ${ours?.text} | ${Buffer.from(code).toString('hex')}`];
        });
        expect(differing.slice(0, 20)).toEqual([]);
      }
    },
  );

  /** Bytes by chance, with a prefix that leads somewhere before most of them. */
  const chance = (count: number): readonly Uint8Array[] => {
    const random = createRandom(20_261);
    const byte = () => random.below(256);
    return Array.from({ length: count }, (_, at) => {
      const code = Uint8Array.from({ length: 15 }, byte);
      const heads = [
        [],
        [0xc4, (byte() & 0xe0) | (1 + random.below(3))],
        [0x62, (byte() & 0xf0) | (1 + random.below(3)), byte() | 4, byte() & 0xef],
        [0x0f],
        [0x66, 0x0f, 0x38],
        [0x48 | random.below(8)],
      ];
      code.set(heads[at % heads.length] ?? []);
      return code;
    });
  };

  test.skipIf(OBJDUMP !== null)(
    `lengths and names are objdump’s, of bytes by chance${OBJDUMP === null ? '' : `: ${OBJDUMP}`}`,
    () => {
      const codes = chance(6_000);
      const folder = mkdtempSync(join(tmpdir(), 'tilescope-chance-'));
      try {
        const stride = 32;
        const all = new Uint8Array(codes.length * stride).fill(0x90);
        for (const [at, code] of codes.entries()) all.set(code, at * stride);
        writeFileSync(join(folder, 'code.bin'), all);
        const lines = listing('intel', '-D', '-b', 'binary', '-m', 'i386:x86-64', join(folder, 'code.bin'));
        // A prefix that has no effect objdump takes for an instruction of its own.
        const isWhole = ({ text }: Line) =>
          !/bad|^(rex|data16|[c-gs]s|addr32|lock|rep|bnd|xacquire|xrelease|fwait)/.test(text);
        let [both, differing] = [0, [] as string[]];
        for (const line of lines.filter((one) => Number(one.address) % stride === 0 && isWhole(one))) {
          const code = codes[Number(line.address) / stride] ?? new Uint8Array();
          const ours = icedDecoder.decode(code, line.address, 64, 'intel');
          if (ours === null) continue;
          both += 1;
          const name = (text: string) => text.replace(/^\{e?vex\} /, '').split(/[ {]/)[0] ?? '';
          if (ours.bytes.length !== line.code.length) differing.push(`${line.text} | ${ours.text}`);
          else if (spelled(name(ours.text)) !== spelled(name(line.text))) differing.push(`${line.text} | ${ours.text}`);
        }
        expect(both).toBeGreaterThan(2_000);
        expect(differing).toEqual([]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );

  test.skipIf(LLVM_MC !== null)(`lengths are LLVM’s${LLVM_MC === null ? '' : `: ${LLVM_MC}`}`, () => {
    const ours = chance(6_000)
      .flatMap((code) => icedDecoder.decode(code, 0n, 64, 'att') ?? [])
      .filter((one) => one.mnemonic !== 'ud2');
    const line = (bytes: Uint8Array) => Array.from(bytes, (byte) => `0x${byte.toString(16)}`).join(' ');
    // Behind each sixteen NOPs: whatever LLVM makes of the bytes, it is back in step at the next one.
    const pad = Array.from({ length: 16 }, () => '0x90').join(' ');
    const input = ours.map(({ bytes }) => `${line(bytes)}\n${pad} 0x0f 0x0b\n`).join('');
    const told = spawnSync('llvm-mc', ['--disassemble', '--triple=x86_64'], { input, encoding: 'utf8' });
    const unknown = new Set([...told.stderr.matchAll(/^<stdin>:(\d+):/gm)].map(([, at]) => (Number(at) - 1) >> 1));
    const said = told.stdout
      .replace(/^\t\.text\n/, '')
      .split(/^\tud2\n/m)
      .slice(0, -1);
    expect(said.length).toBe(ours.length);
    const known = ours.flatMap((one, at) =>
      unknown.has(at) || one.mnemonic === 'nop' ? [] : [{ one, said: said[at] ?? '' }],
    );
    expect(known.length).toBeGreaterThan(2_000);
    // A prefix that has no effect stands on a line of its own.
    const isPrefix = (text: string) =>
      /^\t(rep|repne|[c-gs]s|addr(16|32)|data(16|32)|lock|rex64|xacquire|xrelease)\s*$/.test(text);
    const linesOf = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .filter((one) => !isPrefix(one)).length;
    const differing = known.filter((each) => linesOf(each.said) !== 17);
    expect(differing.map((each) => `${each.one.text} | ${each.said.split('\tnop')[0]}`)).toEqual([]);
  });
});
