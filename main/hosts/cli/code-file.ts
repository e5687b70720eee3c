import { readFileSync } from 'node:fs';
import type { Answer } from '../../../app/bridge.ts';
import { MOST_INSTRUCTION_BYTES } from '../../../app/disas/instruction.ts';
import { elfMemory, readSegments } from '../../../app/formats/elf-memory.ts';
import { answer, messageOf, refuse, refuseProblem } from '../../../app/refusals/refusal.ts';
import type { CodeChoice } from './product-words.ts';

/** The bytes at a linear address, as long as an instruction may be; null: they are not in the file. */
export type CodeFile = (linear: bigint) => Uint8Array | null;

const ELF_MAGIC = '\x7fELF';

/** Code out of a file: of an ELF file what it loads, of any other all of its bytes. */
export const readCodeFile = ({ path, address }: CodeChoice): Answer<CodeFile> => {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    return refuse('file', `${path} cannot be read: ${messageOf(error)}`);
  }
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== ELF_MAGIC) {
    if (address === null) return refuse('usage', `where ${path} lies is not known: --code FILE@ADDR says it`);
    return answer((linear) => {
      const at = linear - address;
      return at < 0n || at >= BigInt(bytes.length)
        ? null
        : bytes.slice(Number(at), Number(at) + MOST_INSTRUCTION_BYTES);
    });
  }
  const reader = {
    bytes: bytes.length,
    read: (offset: number, count: number) => bytes.subarray(offset, offset + count),
  };
  const elf = elfMemory(reader, 'program');
  if (!elf.ok) return refuseProblem('file', elf.problem, { where: path });
  const { segments } = elf.value;
  const [lowest = 0n] = segments.map(({ linear }) => linear).sort((a, b) => (a < b ? -1 : 1));
  const moved = address === null ? 0n : address - lowest;
  return answer((linear) => {
    for (let count = MOST_INSTRUCTION_BYTES; count > 0; count -= 1) {
      const read = readSegments(reader, segments, 'linear', BigInt.asUintN(64, linear - moved), count);
      if (read !== null) return read;
    }
    return null;
  });
};
