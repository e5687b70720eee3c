import type { ControlRegisters, GeneralRegisters, SegmentRegisters } from '../capture/capture.ts';
import { KVM_REGS } from '../cpu/general-numbers.ts';
import { MSRS, msrRow } from '../cpu/msrs.ts';
import { type FieldRow, fieldsOf } from '../xsave/bitfields.ts';
import { BIT, COMPONENTS, REGISTER_FILES, type RegisterFile } from '../xsave/components.ts';
import { XCOMP_BV_OFFSET_BYTES, XSTATE_BV_OFFSET_BYTES } from '../xsave/header.ts';
import { fullTagWord, ST_BYTES, ST_OFFSET_BYTES, ST_STRIDE_BYTES } from '../xsave/legacy.ts';
import { supervisorFields } from '../xsave/supervisor.ts';
import { PALETTE_1 } from '../xsave/tilecfg.ts';

/** A part of a register inside one component, lowest part first. */
export interface FragmentPlace {
  readonly bit: number;
  /** From the start of the component. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** Where a register's bits are found. */
export type RegisterSource =
  | { readonly kind: 'fragments'; readonly parts: readonly FragmentPlace[] }
  /** Physical register Rn, which TOP places in one of the stack slots. */
  | { readonly kind: 'mm'; readonly index: number }
  | { readonly kind: 'mxcsr' }
  | { readonly kind: 'mxcsr-mask' }
  | { readonly kind: 'header'; readonly offsetBytes: number }
  | { readonly kind: 'xcr0' }
  | { readonly kind: 'msr'; readonly index: number }
  /** A field of a supervisor component, in a compacted image that has room for it; else an MSR that a file may hold. */
  | { readonly kind: 'supervisor'; readonly part: FragmentPlace; readonly msr: number }
  | { readonly kind: 'general'; readonly key: keyof GeneralRegisters }
  | { readonly kind: 'control'; readonly key: keyof ControlRegisters }
  | { readonly kind: 'segment'; readonly key: keyof SegmentRegisters }
  /** Put together of others, to be read alone. */
  | {
      readonly kind: 'derived';
      readonly from: RegisterSource;
      readonly derive: (whole: Uint8Array) => Uint8Array;
      readonly remedy: string;
    };

export interface RegisterRow {
  readonly name: string;
  readonly widthBits: number;
  readonly source: RegisterSource;
  /** Row strides of a tile; null: one line of elements. */
  readonly rowBytes: number | null;
  readonly fields: readonly FieldRow[];
}

/** Fields of TILECFG that are not bits: bytes and words, some of them one a tile. */
export const TILECFG_FIELDS = [
  { name: 'palette_id', offsetBytes: 0, sizeBytes: 1, count: 1 },
  { name: 'start_row', offsetBytes: 1, sizeBytes: 1, count: 1 },
  { name: 'colsb', offsetBytes: 16, sizeBytes: 2, count: 16 },
  { name: 'rows', offsetBytes: 48, sizeBytes: 1, count: 16 },
] as const;

/** The fragments of register `index` of a file that lie below widthBits, from the component table. */
const fragmentsOf = (file: RegisterFile, index: number, widthBits: number): FragmentPlace[] =>
  COMPONENTS.flatMap(({ bit, fragment }) => {
    if (fragment === null || fragment.file !== file || fragment.fromBit >= widthBits) return [];
    if (index < fragment.first || index >= fragment.first + fragment.count) return [];
    const sizeBytes = Math.min(fragment.widthBits, widthBits - fragment.fromBit) / 8;
    return [{ bit, offsetBytes: (index - fragment.first) * fragment.strideBytes, sizeBytes }];
  });

const single = (name: string, widthBits: number, source: RegisterSource): RegisterRow => ({
  name,
  widthBits,
  source,
  rowBytes: null,
  fields: fieldsOf(name),
});

const x87 = (offsetBytes: number, sizeBytes: number): RegisterSource => ({
  kind: 'fragments',
  parts: [{ bit: BIT.x87, offsetBytes, sizeBytes }],
});

export type GeneralName = keyof GeneralRegisters;

/** In the order of struct kvm_regs. */
export const GENERAL_NAMES: readonly GeneralName[] = KVM_REGS;
const CONTROL_KEYS = ['cr0', 'cr2', 'cr3', 'cr4', 'cr8', 'efer'] as const satisfies readonly (keyof ControlRegisters)[];

/** Selectors have 16 bits, bases 64. */
const SEGMENTS = [
  ...(['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const).map((key) => ({ key, widthBits: 16 })),
  ...(['fs_base', 'gs_base'] as const).map((key) => ({ key, widthBits: 64 })),
];

/** "uintr_handler", "lbr_3_from_ip": of those that KVM gives by MSR there is a row of the MSR already. */
const SUPERVISOR: readonly RegisterRow[] = COMPONENTS.filter(({ kind }) => kind === 'supervisor').flatMap(({ bit }) =>
  supervisorFields(bit)
    .filter(({ msr }) => msrRow(msr) === undefined)
    .map(({ name, offsetBytes, msr }) =>
      single(name.toLowerCase().replace(/^ia32_/, ''), 64, {
        kind: 'supervisor',
        part: { bit, offsetBytes, sizeBytes: 8 },
        msr,
      }),
    ),
);

const numbered = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const FILES = Object.keys(REGISTER_FILES) as RegisterFile[];

/** The registers of a file; those of tiles are matrices. */
const registersOf = (file: RegisterFile): RegisterRow[] => {
  const { views, numbers } = REGISTER_FILES[file];
  const places = numbers === null ? [null] : numbered(numbers.count).map((offset) => numbers.first + offset);
  return views.flatMap(({ prefix, widthBits }) =>
    places.map((place) => ({
      ...single(`${prefix}${place ?? ''}`, widthBits, {
        kind: 'fragments',
        parts: fragmentsOf(file, place ?? 0, widthBits),
      }),
      rowBytes: file === 'tmm' ? PALETTE_1.rowBytes : null,
    })),
  );
};

/** Every register that has a path, in the order of help and lists. */
export const REGISTERS: readonly RegisterRow[] = [
  ...FILES.filter((file) => REGISTER_FILES[file].numbers !== null).flatMap(registersOf),
  ...numbered(8).map((index) => single(`st${index}`, 80, x87(ST_OFFSET_BYTES + ST_STRIDE_BYTES * index, ST_BYTES))),
  ...numbered(8).map((index) => single(`mm${index}`, 64, { kind: 'mm', index })),
  single('mxcsr', 32, { kind: 'mxcsr' }),
  single('mxcsr_mask', 32, { kind: 'mxcsr-mask' }),
  single('fcw', 16, x87(0, 2)),
  single('fsw', 16, x87(2, 2)),
  single('ftw', 8, x87(4, 1)),
  single('fop', 16, x87(6, 2)),
  single('fip', 64, x87(8, 8)),
  single('fdp', 64, x87(16, 8)),
  ...FILES.filter((file) => REGISTER_FILES[file].numbers === null).flatMap(registersOf),
  single('bndcfgu', 64, { kind: 'fragments', parts: [{ bit: BIT.BNDCSR, offsetBytes: 0, sizeBytes: 8 }] }),
  single('bndstatus', 64, { kind: 'fragments', parts: [{ bit: BIT.BNDCSR, offsetBytes: 8, sizeBytes: 8 }] }),
  single('xstate_bv', 64, { kind: 'header', offsetBytes: XSTATE_BV_OFFSET_BYTES }),
  single('xcomp_bv', 64, { kind: 'header', offsetBytes: XCOMP_BV_OFFSET_BYTES }),
  single('xcr0', 64, { kind: 'xcr0' }),
  ...MSRS.map((msr) => single(msr.path, 64, { kind: 'msr', index: msr.index })),
  ...SUPERVISOR,
  ...GENERAL_NAMES.map((key) => single(key, 64, { kind: 'general', key })),
  ...CONTROL_KEYS.map((key) => single(key, 64, { kind: 'control', key })),
  ...SEGMENTS.map(({ key, widthBits }) => single(key, widthBits, { kind: 'segment', key })),
];

/** Part of a general register, as "eax" and "ah" name it. */
const partOfGeneral = (name: string, key: GeneralName, offsetBytes: number, sizeBytes: number): RegisterRow =>
  single(name, sizeBytes * 8, {
    kind: 'derived',
    from: { kind: 'general', key },
    derive: (whole) => whole.subarray(offsetBytes, offsetBytes + sizeBytes),
    remedy: `write ${key}`,
  });

const partsOfGeneral = (): RegisterRow[] => [
  ...(['a', 'b', 'c', 'd'] as const).flatMap((letter) => [
    partOfGeneral(`e${letter}x`, `r${letter}x`, 0, 4),
    partOfGeneral(`${letter}x`, `r${letter}x`, 0, 2),
    partOfGeneral(`${letter}l`, `r${letter}x`, 0, 1),
    partOfGeneral(`${letter}h`, `r${letter}x`, 1, 1),
  ]),
  ...(['si', 'di', 'bp', 'sp'] as const).flatMap((name) => [
    partOfGeneral(`e${name}`, `r${name}`, 0, 4),
    // gdb's sp is the whole register.
    ...(name === 'sp' ? [] : [partOfGeneral(name, `r${name}`, 0, 2)]),
    partOfGeneral(`${name}l`, `r${name}`, 0, 1),
  ]),
  partOfGeneral('eip', 'rip', 0, 4),
  ...([8, 9, 10, 11, 12, 13, 14, 15] as const).flatMap((index) => [
    partOfGeneral(`r${index}d`, `r${index}`, 0, 4),
    partOfGeneral(`r${index}w`, `r${index}`, 0, 2),
    partOfGeneral(`r${index}l`, `r${index}`, 0, 1),
  ]),
];

/** The upper halves under gdb's raw names: ymm3h is bits 255:128 of zmm3, zmm3h bits 511:256. */
const upperHalf = (width: 'ymm' | 'zmm', index: number): RegisterRow => {
  const [from, to] = width === 'ymm' ? [128, 256] : [256, 512];
  let below = 0;
  const parts = fragmentsOf('vector', index, to).flatMap((part) => {
    const start = Math.max(from / 8 - below, 0);
    below += part.sizeBytes;
    return start >= part.sizeBytes
      ? []
      : [{ bit: part.bit, offsetBytes: part.offsetBytes + start, sizeBytes: part.sizeBytes - start }];
  });
  return single(`${width}${index}h`, to - from, { kind: 'fragments', parts });
};

/**
 * More names for what lies in REGISTERS, as gdb has them. They have paths, and no place in lists: each would tell a second
 * time what another tells.
 */
const VIEWS: readonly RegisterRow[] = [
  ...numbered(32).flatMap((index) => [upperHalf('ymm', index), upperHalf('zmm', index)]),
  single('fioff', 32, x87(8, 4)),
  single('fiseg', 16, x87(12, 2)),
  single('fooff', 32, x87(16, 4)),
  single('foseg', 16, x87(20, 2)),
  single('ftag', 16, {
    kind: 'derived',
    from: x87(0, ST_OFFSET_BYTES + ST_STRIDE_BYTES * 8),
    derive: fullTagWord,
    remedy: 'write ftw, which the image holds',
  }),
  ...partsOfGeneral(),
];

/** Other names for the same register, as gdb and the kernel write them. */
const ALIASES: Readonly<Record<string, string>> = {
  fctrl: 'fcw',
  fstat: 'fsw',
  eflags: 'rflags',
  xfeatures: 'xstate_bv',
  bndcfg: 'bndcfgu',
  st: 'st0',
  pc: 'rip',
  sp: 'rsp',
  fp: 'rbp',
  ...Object.fromEntries([0, 1, 2, 3].map((index) => [`bnd${index}raw`, `bnd${index}`])),
};

const byName = new Map([...VIEWS, ...REGISTERS].map((row) => [row.name, row]));

/** Case-insensitive; a leading "$", as in gdb, is the caller's to strip. */
export const registerRow = (name: string): RegisterRow | undefined => {
  const lower = name.toLowerCase();
  return byName.get(lower) ?? byName.get(ALIASES[lower] ?? '') ?? byName.get(lower.replace(/^ia32_/, ''));
};

const distance = (a: string, b: string): number => {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const change = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(change, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
};

/** Up to three names that differ from a wrong one by two letters at most, nearest first. */
export const nearNames = (wrong: string, names: readonly string[]): string[] =>
  names
    .map((name) => ({ name, away: distance(wrong.toLowerCase().slice(0, 40), name.toLowerCase()) }))
    .filter(({ away }) => away <= 2)
    .sort((a, b) => a.away - b.away)
    .slice(0, 3)
    .map(({ name }) => name);
