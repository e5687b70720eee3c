import { hexByte } from '../../bits/bytes.ts';
import { hexShort } from '../../bits/mask.ts';
import type { Image } from '../../capture/image.ts';
import type { ElementType } from '../../value/element-type.ts';
import { printElement } from '../../value/print.ts';
import { xcompBv, xstateBv } from '../../xsave/header.ts';
import { identifierOf, rowsOf, type Values } from './values.ts';

const LINE_BYTES = 16;

const cByte = (byte: number): string => `0x${hexByte(byte)}`;

/** File names and sources come from outside: nothing in them may end the comment. */
const comment = (text: string): string => text.replaceAll('*/', '* /').replaceAll(/[^\x20-\x7e]/g, '?');

/** The whole image, aligned as XSAVE and XRSTOR demand it. */
export const cImage = (image: Image, name = 'xsave_image'): string => {
  const lines: string[] = [];
  for (let at = 0; at < image.bytes.length; at += LINE_BYTES) {
    const row = Array.from(image.bytes.subarray(at, at + LINE_BYTES), cByte).join(', ');
    lines.push(`\t${row}, /* ${at} */\n`);
  }
  const about = `${image.layout.format} format, XSTATE_BV ${hexShort(xstateBv(image))}, XCOMP_BV ${hexShort(xcompBv(image))}`;
  const head = `/* XSAVE image: ${about}, layout: ${comment(image.layout.source)} */\n`;
  const declaration = `static const unsigned char ${name}[${image.bytes.length}] __attribute__((aligned(64))) = {\n`;
  return `${head}${declaration}${lines.join('')}};\n`;
};

/** The C type of an element, and how one is written; floats go as their bit patterns, which C keeps exactly. */
const C_TYPES: Readonly<Record<ElementType, string>> = {
  ...{ i8: 'int8_t', i16: 'int16_t', i32: 'int32_t', i64: 'int64_t' },
  ...{ u8: 'uint8_t', u16: 'uint16_t', u32: 'uint32_t', u64: 'uint64_t' },
  ...{ f16: 'uint16_t', bf16: 'uint16_t', f32: 'uint32_t', f64: 'uint64_t', f80: 'uint8_t' },
};

const PATTERNS: Partial<Record<ElementType, ElementType>> = {
  f16: 'u16',
  bf16: 'u16',
  f32: 'u32',
  f64: 'u64',
  f80: 'u8',
};

// -9223372036854775808 is an operator on a number that int64_t does not hold.
const cNumber = (type: ElementType, text: string): string => {
  if (text === '-9223372036854775808') return '(-9223372036854775807LL - 1)';
  if (text === '-2147483648') return '(-2147483647 - 1)';
  return type === 'i64' ? `${text}LL` : type === 'u64' ? `${text}ULL` : text;
};

/** An array of what a path selects; rows of a tile become rows of the array. */
export const cArray = (values: Values): string => {
  const pattern = PATTERNS[values.type] ?? values.type;
  const perElement = values.type === 'f80' ? 10 : 1;
  const shape = values.shape.length === 2 ? values.shape : [values.shape[0] ?? 1];
  const dimensions = [...shape.slice(0, -1), (shape.at(-1) ?? 1) * perElement];
  const rows = rowsOf({ ...values, type: pattern, shape: dimensions }, (type, bytes, at) =>
    cNumber(type, printElement(type, bytes, at)),
  );
  const isFloat = pattern !== values.type;
  const note = isFloat ? `, bit patterns of ${values.type}` : '';
  const body = rows.map((row) => (dimensions.length === 2 ? `\t{ ${row.join(', ')} },\n` : `\t${row.join(', ')},\n`));
  const brackets = dimensions.map((count) => `[${count}]`).join('');
  const declaration = `static const ${C_TYPES[values.type]} ${identifierOf(values.path)}${brackets} = {\n`;
  return `/* ${values.path}${note} */\n${declaration}${body.join('')}};\n`;
};
