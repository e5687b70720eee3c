import { expect, test } from 'vitest';
import { INSTRUCTION_CLASSES, type InstructionClass, isOfClass } from './instruction-class.ts';

const code = (text: string): Uint8Array => Uint8Array.from(text.split(' '), (byte) => Number.parseInt(byte, 16));
const classOf = (text: string): readonly InstructionClass[] =>
  (Object.keys(INSTRUCTION_CLASSES) as InstructionClass[]).filter((one) => isOfClass(code(text), 64, one));

test.each([
  ['c4 e2 7b 4b 04 1e', ['tile']], // tileloadd
  ['c4 e2 78 49 c0', ['tile']], // tilerelease
  ['c4 e2 6b 5e c1', ['tile']], // tdpbssd
  ['62 f1 7c 48 58 c1', ['avx512']], // vaddps zmm
  ['c5 f8 92 c8', ['avx512']], // kmovw
  ['c4 e3 f9 30 c9 01', ['avx512']], // kshiftrw
  ['c5 f8 58 c1', []], // vaddps xmm
  ['c4 e2 7d 5a 06', []], // vbroadcasti128
  ['0f ae 20', ['xsave']], // xsave
  ['48 0f ae 68 40', ['xsave']], // xrstor64
  ['0f ae f0', []], // mfence
  ['66 0f ae 30', []], // clwb
  ['0f ae 38', []], // clflush
  ['0f c7 21', ['xsave']], // xsavec
  ['0f c7 08', []], // cmpxchg8b
  ['0f 30', ['wrmsr xfd']],
  ['0f 32', []], // rdmsr
  ['90', []],
] as const)('[RC10] %s', (text, expected) => {
  expect(classOf(text)).toEqual(expected);
});
