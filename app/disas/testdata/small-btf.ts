import { concat, writeU16, writeU32 } from '../../bits/bytes.ts';
import { utf8FromText } from '../../bits/text.ts';

/** BTF with the structures by which a task is named. */

type Member = readonly [name: string, type: number, bits: number];

const STRUCT = 4;
const UNION = 5;
const INT = 1;

/** @param isLoop a structure without a name that holds itself */
export const smallBtf = ({ isLoop = false } = {}): Uint8Array => {
  const names: number[] = [0];
  const name = (text: string): number => {
    if (text === '') return 0;
    const at = names.length;
    names.push(...utf8FromText(text), 0);
    return at;
  };
  const types: Uint8Array[] = [];
  const type = (kind: number, called: string, size: number, behind: readonly number[], count = 0): void => {
    const bytes = new Uint8Array(12 + behind.length * 4);
    writeU32(bytes, 0, name(called));
    writeU32(bytes, 4, (kind << 24) | count);
    writeU32(bytes, 8, size);
    for (const [at, word] of behind.entries()) writeU32(bytes, 12 + at * 4, word);
    types.push(bytes);
  };
  const structure = (kind: number, called: string, size: number, members: readonly Member[]): void =>
    type(
      kind,
      called,
      size,
      members.flatMap(([text, of, bits]) => [name(text), of, bits]),
      members.length,
    );
  type(INT, 'int', 4, [0x20]);
  // 2: what stands in pcpu_hot without a name; 3: the union around it.
  structure(STRUCT, '', 16, [
    ['preempt_count', 1, 0],
    ['current_task', 1, 64],
    ['flag', 1, 3],
  ]);
  structure(UNION, '', 64, [
    ['', 2, 0],
    ['pad', 1, 0],
  ]);
  structure(STRUCT, 'pcpu_hot', 64, [['', 3, 0]]);
  structure(STRUCT, 'task_struct', 0x100, [
    ['state', 1, 0],
    ['pid', 1, 0x98 * 8],
    ['tgid', 1, 0x9c * 8],
    ['comm', 1, 0xb8 * 8],
  ]);
  if (isLoop) structure(STRUCT, 'loop', 4, [['', 7, 0]]);
  if (isLoop) structure(STRUCT, '', 4, [['', 7, 0]]);
  const body = concat(types);
  const header = new Uint8Array(24);
  writeU16(header, 0, 0xeb9f);
  header[2] = 1;
  for (const [at, value] of [
    [4, 24],
    [8, 0],
    [12, body.length],
    [16, body.length],
    [20, names.length],
  ] as const)
    writeU32(header, at, value);
  return concat([header, body, Uint8Array.from(names)]);
};
