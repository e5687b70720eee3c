import { equalBytes, readUint, toHexHighFirst } from '../bits/bytes.ts';
import type { Capture } from '../capture/capture.ts';
import type { ComponentView } from '../capture/image.ts';
import { parsePath } from '../register/path.ts';
import { readRegister } from '../register/read.ts';
import { type RegisterRow, registerRow, TILECFG_FIELDS } from '../register/registers.ts';
import type { ElementType } from '../value/element-type.ts';
import { elementBytes } from '../value/element-type.ts';
import { jsonElement, printElement } from '../value/print.ts';
import { BIT, componentLabel, componentRow, type FragmentRow } from '../xsave/components.ts';
import { componentBytesOrInit } from '../xsave/view.ts';
import { diffCaptures, largerBytes } from './compare.ts';
import { registerWords } from './diff-words.ts';

/** One value that differs: an element of a vector register, or a whole register. */
export interface DifferentValue {
  /** As typed to jump there: "zmm3:f32[12]", "k1", "mxcsr". */
  readonly path: string;
  readonly before: string;
  readonly after: string;
  /** B minus A where both are numbers, else what became of it: "4 bits set", "PE raised"; null: neither says anything. */
  readonly minus: string | null;
  /** How many bits differ; null where the two have no bits in common to compare (absent, not known). */
  readonly bits: number | null;
}

export interface DifferentComponent {
  /** null: outside the image. */
  readonly bit: number | null;
  readonly label: string;
  readonly before: ComponentView['state'] | null;
  readonly after: ComponentView['state'] | null;
  readonly changedBytes: number;
  readonly sizeBytes: number;
  readonly values: readonly DifferentValue[];
}

/** How vector registers are read: an element type, or hex by 32 bits. */
export type DiffType = Exclude<ElementType, 'f80'> | 'hex';

const bitsBetween = (a: Uint8Array, b: Uint8Array): number => {
  let count = 0;
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    for (let rest = (a[at] ?? 0) ^ (b[at] ?? 0); rest > 0; rest &= rest - 1) count += 1;
  }
  return count;
};

/** Decimal with a sign; null where either is no finite number, or the difference cannot be told apart from noise. */
const minusOf = (type: ElementType, a: Uint8Array, b: Uint8Array): string | null => {
  const [was, is] = [jsonElement(type, a, 0), jsonElement(type, b, 0)];
  const integer = /^[iu]/.test(type);
  if (integer) {
    const by = BigInt(is) - BigInt(was);
    return by > 0n ? `+${by}` : String(by);
  }
  const by = Number(is) - Number(was);
  if (Number.isNaN(Number(is)) || Number.isNaN(Number(was))) return 'not a number';
  if (!Number.isFinite(by) || typeof was !== 'number' || typeof is !== 'number') return null;
  return `${by > 0 ? '+' : ''}${Number(by.toPrecision(4))}`;
};

const vectorName = ({ fromBit, widthBits, first }: FragmentRow): string =>
  fromBit + widthBits <= 128 && first === 0 ? 'xmm' : fromBit + widthBits <= 256 && first === 0 ? 'ymm' : 'zmm';

const vectorValues = (fragment: FragmentRow, was: Uint8Array, is: Uint8Array, shown: DiffType): DifferentValue[] => {
  const type: ElementType = shown === 'hex' ? 'u32' : shown;
  const size = elementBytes(type);
  const values: DifferentValue[] = [];
  for (let at = 0; at < Math.max(was.length, is.length); at += size) {
    const [a, b] = [was.subarray(at, at + size), is.subarray(at, at + size)];
    if (equalBytes(a, b) || a.length !== b.length) continue;
    const register = `${vectorName(fragment)}${fragment.first + Math.floor(at / fragment.strideBytes)}`;
    const element = (fragment.fromBit / 8 + (at % fragment.strideBytes)) / size;
    const text = (bytes: Uint8Array): string =>
      shown === 'hex' ? toHexHighFirst(bytes) : printElement(type, bytes, 0);
    values.push({
      path: `${register}:${type}[${element}]`,
      before: text(a),
      after: text(b),
      minus: shown === 'hex' ? null : minusOf(type, a, b),
      bits: bitsBetween(a, b),
    });
  }
  return values;
};

const tileValues = (was: Uint8Array, is: Uint8Array, stride: number): DifferentValue[] =>
  Array.from({ length: Math.ceil(Math.max(was.length, is.length) / stride) }, (_, tile) => tile).flatMap((tile) => {
    const [a, b] = [was, is].map((bytes) => bytes.subarray(tile * stride, (tile + 1) * stride)) as [
      Uint8Array,
      Uint8Array,
    ];
    if (equalBytes(a, b)) return [];
    const filled = (bytes: Uint8Array): string =>
      `${bytes.reduce((sum, byte) => sum + (byte === 0 ? 0 : 1), 0)} bytes not 0`;
    return [{ path: `tmm${tile}`, before: filled(a), after: filled(b), minus: null, bits: bitsBetween(a, b) }];
  });

/** The fields of TILECFG that differ; bytes that belong to none are told as the whole register. */
const configValues = (was: Uint8Array, is: Uint8Array): DifferentValue[] => {
  const values: DifferentValue[] = [];
  const told = new Set<number>();
  for (const { name, offsetBytes, sizeBytes, count } of TILECFG_FIELDS) {
    for (let index = 0; index < count; index += 1) {
      const at = offsetBytes + index * sizeBytes;
      for (let byte = at; byte < at + sizeBytes; byte += 1) told.add(byte);
      const [a, b] = [was.subarray(at, at + sizeBytes), is.subarray(at, at + sizeBytes)];
      if (equalBytes(a, b)) continue;
      const [before, after] = [Number(readUint(a, 0, sizeBytes)), Number(readUint(b, 0, sizeBytes))];
      const path = `tilecfg.${name}${count === 1 ? '' : `[${index}]`}`;
      const minus = `${after > before ? '+' : ''}${after - before}`;
      values.push({ path, before: String(before), after: String(after), minus, bits: bitsBetween(a, b) });
    }
  }
  return is.some((byte, at) => byte !== was[at] && !told.has(at)) ? [] : values;
};

const BY_ELEMENT: readonly string[] = ['vector', 'tmm'];

/** The component that a register is shown under: MXCSR, which is loaded by a rule of its own, under SSE. */
const homeOf = (row: RegisterRow): number | null =>
  row.source.kind === 'fragments' ? (row.source.parts[0]?.bit ?? null) : row.source.kind === 'mxcsr' ? BIT.SSE : null;

const wordsBits = (before: string, after: string): number | null => {
  const [a, b] = [before, after].map((text) => /^0x[0-9a-f]+$/.exec(text)?.[0]);
  if (a === undefined || b === undefined) return null;
  let count = 0;
  for (let rest = BigInt(a) ^ BigInt(b); rest > 0n; rest &= rest - 1n) count += 1;
  return count;
};

const bytesOfRegister = (capture: Capture, path: ReturnType<typeof parsePath>): Uint8Array | null => {
  const read = path.ok ? readRegister(capture, path.value) : path;
  return read.ok && 'bytes' in read.value ? read.value.bytes : null;
};

/** What differs, value by value, grouped by component; what lies outside the image comes last. Empty: equal. */
export const differences = (before: Capture, after: Capture, type: DiffType): readonly DifferentComponent[] => {
  const { components, registers } = diffCaptures(before, after);
  const whole = registers.flatMap(({ path, before: was, after: is }) => {
    const parsed = parsePath(path);
    const row = parsed.ok ? registerRow(parsed.value.register) : undefined;
    if (row === undefined) return [];
    const bit = homeOf(row);
    const file = bit === null ? undefined : componentRow(bit)?.fragment?.file;
    // Vectors and tiles are told element by element.
    if (row.source.kind === 'fragments' && file !== undefined && BY_ELEMENT.includes(file)) return [];
    const [a, b] = [before, after].map((capture) => bytesOfRegister(capture, parsed));
    const fields = path === 'tilecfg' && a != null && b != null ? configValues(a, b) : [];
    if (fields.length > 0) return fields.map((value) => ({ bit, value }));
    const words = a == null || b == null ? null : registerWords(row, a, b);
    const bits = a == null || b == null || a.length !== b.length ? wordsBits(was, is) : bitsBetween(a, b);
    return [{ bit, value: { path, before: was, after: is, minus: words, bits } }];
  });
  const bits = [...new Set([...components.map(({ bit }) => bit), ...whole.flatMap(({ bit }) => bit ?? [])])];
  const inside = bits
    .sort((a, b) => a - b)
    .map((bit): DifferentComponent => {
      const found = components.find((one) => one.bit === bit);
      const fragment = componentRow(bit)?.fragment ?? null;
      const [was, is] = [componentBytesOrInit(before.image, bit), componentBytesOrInit(after.image, bit)];
      const elements =
        fragment?.file === 'vector'
          ? vectorValues(fragment, was, is, type)
          : fragment?.file === 'tmm'
            ? tileValues(was, is, fragment.strideBytes)
            : [];
      return {
        bit,
        label: componentLabel(bit),
        before: found?.before ?? null,
        after: found?.after ?? null,
        changedBytes: found?.changedBytes ?? 0,
        sizeBytes: largerBytes(before.image, after.image, bit),
        values: [...elements, ...whole.filter((one) => one.bit === bit).map((one) => one.value)],
      };
    });
  const outside = whole.filter((one) => one.bit === null).map((one) => one.value);
  if (outside.length === 0) return inside;
  const rest = { label: 'Outside the components', before: null, after: null, changedBytes: 0, sizeBytes: 0 };
  return [...inside, { bit: null, ...rest, values: outside }];
};
