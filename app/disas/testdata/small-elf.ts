import { writeU16, writeU32, writeU64 } from '../../bits/bytes.ts';
import { utf8FromText } from '../../bits/text.ts';

/** An ELF file of 64 bits with one loaded segment at 0x401000 and two functions, as small as one can be. */
export const smallElf = (): Uint8Array => {
  const names = utf8FromText('\0main\0helper\0');
  const [header, segment, sections, symbols] = [64, 56, 64 * 3, 24 * 3];
  const symbolsAt = header + segment + sections;
  const namesAt = symbolsAt + symbols;
  const file = new Uint8Array(namesAt + names.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  writeU16(file, 16, 2);
  writeU16(file, 18, 62);
  writeU64(file, 32, BigInt(header));
  writeU64(file, 40, BigInt(header + segment));
  for (const [at, value] of [
    [54, 56],
    [56, 1],
    [58, 64],
    [60, 3],
  ] as const) {
    writeU16(file, at, value);
  }
  writeU32(file, header, 1);
  writeU64(file, header + 16, 0x401000n);
  const section = (index: number, type: number, offset: number, bytes: number, link: number): void => {
    const at = header + segment + 64 * index;
    writeU32(file, at + 4, type);
    writeU64(file, at + 24, BigInt(offset));
    writeU64(file, at + 32, BigInt(bytes));
    writeU32(file, at + 40, link);
  };
  section(1, 2, symbolsAt, symbols, 2);
  section(2, 3, namesAt, names.length, 0);
  for (const [index, [name, address]] of [
    [1, 0x401000n],
    [6, 0x401010n],
  ].entries() as IterableIterator<[number, [number, bigint]]>) {
    const at = symbolsAt + 24 * (index + 1);
    writeU32(file, at, name);
    file[at + 4] = 0x12;
    writeU16(file, at + 6, 1);
    writeU64(file, at + 8, address);
    writeU64(file, at + 16, 0x10n);
  }
  file.set(names, namesAt);
  return file;
};
