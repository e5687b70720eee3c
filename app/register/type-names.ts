import { isRegisterType, REGISTER_TYPES, type RegisterType, typeBytes } from './register-type.ts';

/** WinDbg's letters after a colon (`r xmm0:4f`), and the names people type for the same types. */
const TYPE_ALIASES: Readonly<Record<string, RegisterType>> = {
  ib: 'i8',
  ub: 'u8',
  iw: 'i16',
  uw: 'u16',
  id: 'i32',
  ud: 'u32',
  iq: 'i64',
  uq: 'u64',
  f: 'f32',
  d: 'f64',
  int8: 'i8',
  int16: 'i16',
  int32: 'i32',
  int64: 'i64',
  uint8: 'u8',
  uint16: 'u16',
  uint32: 'u32',
  uint64: 'u64',
  half: 'f16',
  fp16: 'f16',
  float: 'f32',
  fp32: 'f32',
  double: 'f64',
  fp64: 'f64',
  bfloat16: 'bf16',
  cfp16: 'cf16',
  e5m2: 'bf8',
  e4m3: 'hf8',
};

/** gdb's names for the members of its vector unions: v4_float, v16_int8. Its integers are signed. */
const UNION_TYPES: Readonly<Record<string, RegisterType>> = {
  int8: 'i8',
  int16: 'i16',
  int32: 'i32',
  int64: 'i64',
  float: 'f32',
  double: 'f64',
  half: 'f16',
  bfloat16: 'bf16',
};

export const TYPE_NAMES: readonly string[] = REGISTER_TYPES;

export interface TypeName {
  readonly type: RegisterType;
  /** How many elements the name promised ("16f", "v4_float"); null: it did not say. */
  readonly count: number | null;
}

/** "f32", "float", "16f"; null where it names no type. */
export const typeNamed = (text: string): TypeName | null => {
  const lower = text.toLowerCase();
  if (isRegisterType(lower)) return { type: lower, count: null };
  const plain = TYPE_ALIASES[lower];
  if (plain !== undefined) return { type: plain, count: null };
  const match = /^([1-9]\d{0,3})([a-z]+)$/.exec(lower);
  const counted = TYPE_ALIASES[match?.[2] ?? ''];
  return match === null || counted === undefined ? null : { type: counted, count: Number(match[1]) };
};

/** "v4_float" as gdb writes it after a dot; null where it is none. */
export const unionNamed = (text: string): TypeName | null => {
  const match = /^v([1-9]\d{0,3})_([a-z0-9]+)$/.exec(text.toLowerCase());
  const type = UNION_TYPES[match?.[2] ?? ''];
  return match === null || type === undefined ? null : { type, count: Number(match[1]) };
};

/** How many elements of a type a register of this width holds, or null where they do not divide it. */
export const elementCount = (widthBits: number, type: RegisterType): number | null => {
  const count = widthBits / 8 / typeBytes(type);
  return Number.isInteger(count) ? count : null;
};
