import type { FloatFormat } from './float-format.ts';

interface ElementRow {
  readonly name: string;
  readonly bytes: number;
  readonly kind: 'signed' | 'unsigned' | 'float';
  readonly float: FloatFormat | null;
}

const ieee = (precisionBits: number, exponentBits: number): FloatFormat => ({
  precisionBits,
  exponentBits,
  explicitInteger: false,
});

/** Every type an element can be read as. A new type is a new row. */
export const ELEMENT_TYPES = [
  { name: 'i8', bytes: 1, kind: 'signed', float: null },
  { name: 'i16', bytes: 2, kind: 'signed', float: null },
  { name: 'i32', bytes: 4, kind: 'signed', float: null },
  { name: 'i64', bytes: 8, kind: 'signed', float: null },
  { name: 'u8', bytes: 1, kind: 'unsigned', float: null },
  { name: 'u16', bytes: 2, kind: 'unsigned', float: null },
  { name: 'u32', bytes: 4, kind: 'unsigned', float: null },
  { name: 'u64', bytes: 8, kind: 'unsigned', float: null },
  { name: 'f16', bytes: 2, kind: 'float', float: ieee(11, 5) },
  { name: 'bf16', bytes: 2, kind: 'float', float: ieee(8, 8) },
  { name: 'f32', bytes: 4, kind: 'float', float: ieee(24, 8) },
  { name: 'f64', bytes: 8, kind: 'float', float: ieee(53, 11) },
  { name: 'f80', bytes: 10, kind: 'float', float: { precisionBits: 64, exponentBits: 15, explicitInteger: true } },
] as const satisfies readonly ElementRow[];

export type ElementType = (typeof ELEMENT_TYPES)[number]['name'];

const ROWS: ReadonlyMap<string, ElementRow> = new Map(ELEMENT_TYPES.map((row) => [row.name, row]));

export const isElementType = (text: string): text is ElementType => ROWS.has(text);

/** The row of a type. Throws where there is none. */
export const elementRow = (type: ElementType): ElementRow => {
  const row = ROWS.get(type);
  if (row === undefined) throw new Error(`Tilescope fault: no element type ${type}`);
  return row;
};

export const elementBytes = (type: ElementType): number => elementRow(type).bytes;

/** The least and greatest value of an integer type. */
export const integerRange = (type: ElementType): { readonly least: bigint; readonly greatest: bigint } => {
  const { bytes, kind } = elementRow(type);
  const bits = BigInt(bytes * 8);
  return kind === 'signed'
    ? { least: -(1n << (bits - 1n)), greatest: (1n << (bits - 1n)) - 1n }
    : { least: 0n, greatest: (1n << bits) - 1n };
};
