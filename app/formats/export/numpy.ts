import { concat, toHexInOrder, writeU16 } from '../../bits/bytes.ts';
import { utf8FromText } from '../../bits/text.ts';
import type { ElementType } from '../../value/element-type.ts';
import { printElement } from '../../value/print.ts';
import { identifierOf, rowsOf, type Values } from './values.ts';

/**
 * NumPy's names. It has no bfloat16 and no portable 80-bit float: bf16 goes out as its 16-bit patterns, f80 as ten raw
 * bytes each.
 */
const DTYPES: Readonly<Record<ElementType, string>> = {
  ...{ i8: '|i1', i16: '<i2', i32: '<i4', i64: '<i8' },
  ...{ u8: '|u1', u16: '<u2', u32: '<u4', u64: '<u8' },
  ...{ f16: '<f2', bf16: '<u2', f32: '<f4', f64: '<f8', f80: '|V10' },
};

const pythonShape = (shape: readonly number[]): string =>
  shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;

const NPY_MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0);

/**
 * A .npy file, version 1.0 (numpy/lib/format.py): magic, length of the header, the header as a Python literal, padded
 * with spaces so that the data begins at a multiple of 64, then the elements in C order.
 */
export const npyFile = (values: Values): Uint8Array => {
  const literal = `{'descr': '${DTYPES[values.type]}', 'fortran_order': False, 'shape': ${pythonShape(values.shape)}, }`;
  const before = NPY_MAGIC.length + 2;
  const padding = (64 - ((before + literal.length + 1) % 64)) % 64;
  const header = utf8FromText(`${literal}${' '.repeat(padding)}\n`);
  const length = new Uint8Array(2);
  writeU16(length, 0, header.length);
  return concat([NPY_MAGIC, length, header, values.bytes]);
};

const isPlain = (type: ElementType): boolean => /^[iu]/.test(type);

const literalOf = (values: Values): string => {
  const rows = rowsOf(values, printElement).map((row) => row.join(', '));
  if (values.shape.length === 0) return rows[0] ?? '';
  if (values.shape.length === 1) return `[${rows[0] ?? ''}]`;
  return `[\n${rows.map((row) => `    [${row}],\n`).join('')}]`;
};

const bytesLiteral = (bytes: Uint8Array): string => {
  const lines = toHexInOrder(bytes).match(/.{1,96}/g) ?? [];
  return lines.length === 0 ? "''" : lines.map((line) => `\n    '${line}'`).join('');
};

/**
 * Python source that makes the array. Integers are written as numbers. Floating point goes as bytes, so that every
 * pattern, payloads of NaN included, comes back bit for bit; the values stand above as a comment.
 */
export const numpySource = (values: Values): string => {
  const name = identifierOf(values.path);
  const dtype = DTYPES[values.type];
  const head = `import numpy as np\n\n# ${values.path}${values.isInit ? ', in init state' : ''}\n`;
  if (isPlain(values.type)) return `${head}${name} = np.array(${literalOf(values)}, dtype='${dtype}')\n`;
  const note =
    values.type === 'bf16' ? '# bfloat16 patterns: (a.astype(np.uint32) << 16).view(np.float32) gives values\n' : '';
  const comments = rowsOf(values, printElement).map((row) => `#   ${row.join(', ')}\n`);
  const data = `np.frombuffer(bytes.fromhex(${bytesLiteral(values.bytes)}), dtype='${dtype}')`;
  return `${head}${comments.join('')}${note}${name} = ${data}.reshape(${pythonShape(values.shape)})\n`;
};
