import { assert } from '../bits/decoded.ts';
import { COMPONENTS } from './components.ts';

/** One field of a register. No field is wider than 53 bits, so that its value is always an exact number. */
export interface FieldRow {
  readonly name: string;
  readonly hi: number;
  readonly lo: number;
  readonly meaning: string;
  /** Words for the values that have one. */
  readonly values?: Readonly<Record<number, string>>;
  /** One of the six floating-point exceptions, and whether the bit says that it happened or that it is masked. */
  readonly exception?: { readonly is: 'raised' | 'masked'; readonly name: string };
}

const bit = (name: string, at: number, meaning: string): FieldRow => ({ name, hi: at, lo: at, meaning });
const span = (
  name: string,
  hi: number,
  lo: number,
  meaning: string,
  values?: Readonly<Record<number, string>>,
): FieldRow => (values === undefined ? { name, hi, lo, meaning } : { name, hi, lo, meaning, values });

const ROUNDING = { 0: 'nearest', 1: 'down', 2: 'up', 3: 'zero' } as const;

const X87_FLAGS = [
  ['IE', 'invalid operation'],
  ['DE', 'denormal operand'],
  ['ZE', 'division by zero'],
  ['OE', 'overflow'],
  ['UE', 'underflow'],
  ['PE', 'precision'],
] as const;

const flags = X87_FLAGS.map(
  ([name, meaning], at): FieldRow => ({
    ...bit(name, at, `${meaning} happened`),
    exception: { is: 'raised', name: meaning },
  }),
);
const masks = (from: number): FieldRow[] =>
  X87_FLAGS.map(([name, meaning], at) => ({
    ...bit(name.replace('E', 'M'), from + at, `${meaning} is masked`),
    exception: { is: 'masked', name: meaning },
  }));

const MXCSR: readonly FieldRow[] = [
  ...flags,
  bit('DAZ', 6, 'denormal operands count as zero'),
  ...masks(7),
  span('RC', 14, 13, 'rounding', ROUNDING),
  bit('FTZ', 15, 'results too small become zero'),
  bit('MM', 17, 'misaligned SSE operands are allowed, AMD only'),
];

const FCW: readonly FieldRow[] = [
  ...masks(0),
  span('PC', 9, 8, 'precision of the significand', { 0: '24 bits', 2: '53 bits', 3: '64 bits' }),
  span('RC', 11, 10, 'rounding', ROUNDING),
  bit('X', 12, 'infinity control of the 8087, without effect'),
];

const FSW: readonly FieldRow[] = [
  ...flags,
  bit('SF', 6, 'stack overflow or underflow'),
  bit('ES', 7, 'an unmasked exception is pending'),
  bit('C0', 8, 'condition code 0'),
  bit('C1', 9, 'condition code 1'),
  bit('C2', 10, 'condition code 2'),
  span('TOP', 13, 11, 'physical register that is ST(0)'),
  bit('C3', 14, 'condition code 3'),
  bit('B', 15, 'busy, mirrors ES'),
];

const FTW: readonly FieldRow[] = Array.from({ length: 8 }, (_, at) => ({
  ...bit(`R${at}`, at, `physical register R${at} is not empty`),
}));

const PKRU: readonly FieldRow[] = Array.from({ length: 16 }, (_, key) => [
  bit(`AD${key}`, 2 * key, `key ${key}: access disabled`),
  bit(`WD${key}`, 2 * key + 1, `key ${key}: writes disabled`),
]).flat();

const CR0: readonly FieldRow[] = [
  bit('PE', 0, 'protected mode'),
  bit('MP', 1, 'WAIT raises #NM while TS is set'),
  bit('EM', 2, 'x87 is emulated: its instructions raise #NM'),
  bit('TS', 3, 'task switched: x87 and SSE raise #NM'),
  bit('ET', 4, 'extension type, always 1'),
  bit('NE', 5, 'x87 errors raise #MF'),
  bit('WP', 16, 'supervisor obeys read-only pages'),
  bit('AM', 18, 'alignment checks may be enabled'),
  bit('NW', 29, 'not write-through'),
  bit('CD', 30, 'cache disabled'),
  bit('PG', 31, 'paging'),
];

const CR4_BITS = [
  ['VME', 0, 'virtual-8086 extensions'],
  ['PVI', 1, 'protected-mode virtual interrupts'],
  ['TSD', 2, 'RDTSC for privilege level 0 only'],
  ['DE', 3, 'debugging extensions'],
  ['PSE', 4, 'large pages'],
  ['PAE', 5, 'physical address extension'],
  ['MCE', 6, 'machine check'],
  ['PGE', 7, 'global pages'],
  ['PCE', 8, 'RDPMC at every privilege level'],
  ['OSFXSR', 9, 'the system saves SSE state by FXSAVE'],
  ['OSXMMEXCPT', 10, 'the system handles #XM'],
  ['UMIP', 11, 'user-mode instruction prevention'],
  ['LA57', 12, 'five-level paging'],
  ['VMXE', 13, 'VMX'],
  ['SMXE', 14, 'SMX'],
  ['FSGSBASE', 16, 'RDFSBASE and its like'],
  ['PCIDE', 17, 'process-context identifiers'],
  ['OSXSAVE', 18, 'the system uses XSAVE; XCR0 can be read and written'],
  ['SMEP', 20, 'supervisor may not execute user pages'],
  ['SMAP', 21, 'supervisor may not access user pages'],
  ['PKE', 22, 'protection keys for user pages'],
  ['CET', 23, 'control-flow enforcement'],
  ['PKS', 24, 'protection keys for supervisor pages'],
  ['UINTR', 25, 'user interrupts'],
] as const;
const CR4: readonly FieldRow[] = CR4_BITS.map(([name, at, meaning]) => bit(name, at, meaning));

const EFER: readonly FieldRow[] = [
  bit('SCE', 0, 'SYSCALL'),
  bit('LME', 8, 'long mode is enabled'),
  bit('LMA', 10, 'long mode is active'),
  bit('NXE', 11, 'no-execute pages'),
  bit('SVME', 12, 'SVM, AMD only'),
  bit('LMSLE', 13, 'long-mode segment limits, AMD only'),
  bit('FFXSR', 14, 'fast FXSAVE, AMD only'),
];

const RFLAGS: readonly FieldRow[] = [
  bit('CF', 0, 'carry'),
  bit('PF', 2, 'parity'),
  bit('AF', 4, 'adjust'),
  bit('ZF', 6, 'zero'),
  bit('SF', 7, 'sign'),
  bit('TF', 8, 'single step'),
  bit('IF', 9, 'interrupts are enabled'),
  bit('DF', 10, 'string direction is down'),
  bit('OF', 11, 'overflow'),
  span('IOPL', 13, 12, 'I/O privilege level'),
  bit('NT', 14, 'nested task'),
  bit('RF', 16, 'resume'),
  bit('VM', 17, 'virtual-8086 mode'),
  bit('AC', 18, 'alignment check'),
  bit('VIF', 19, 'virtual interrupt flag'),
  bit('VIP', 20, 'virtual interrupt pending'),
  bit('ID', 21, 'CPUID can be used'),
];

/** U_CET and S_CET share one format (Linux asm/msr-index.h). */
const CET: readonly FieldRow[] = [
  bit('SH_STK_EN', 0, 'shadow stacks'),
  bit('WR_SHSTK_EN', 1, 'WRSS may write shadow stacks'),
  bit('ENDBR_EN', 2, 'indirect branch tracking'),
  bit('LEG_IW_EN', 3, 'legacy code map'),
  bit('NO_TRACK_EN', 4, 'the no-track prefix is obeyed'),
  bit('SUPPRESS_DIS', 5, 'suppression is disabled'),
  bit('SUPPRESS', 10, 'tracking is suppressed'),
  bit('TRACKER', 11, 'waiting for ENDBRANCH'),
  span('BITMAP_BASE', 63, 12, 'base of the legacy code bitmap, in pages'),
];

const UINTR_MISC: readonly FieldRow[] = [
  span('UITTSZ', 31, 0, 'index of the last entry of the user-interrupt target table'),
  span('UINV', 39, 32, 'vector that notifies of user interrupts'),
  bit('UIF', 63, 'user interrupts are delivered'),
];

const UINTR_TT: readonly FieldRow[] = [
  bit('SENDUIPI', 0, 'SENDUIPI may be used'),
  span('UITTADDR', 56, 4, 'address of the user-interrupt target table, in units of 16 bytes'),
];

const LBR_CTL: readonly FieldRow[] = [
  bit('LBREN', 0, 'branches are recorded'),
  bit('OS', 1, 'at privilege level 0'),
  bit('USR', 2, 'at privilege levels above 0'),
  bit('CALL_STACK', 3, 'as a call stack'),
  bit('JCC', 16, 'conditional branches taken'),
  bit('NEAR_REL_JMP', 17, 'near relative jumps'),
  bit('NEAR_IND_JMP', 18, 'near indirect jumps'),
  bit('NEAR_REL_CALL', 19, 'near relative calls'),
  bit('NEAR_IND_CALL', 20, 'near indirect calls'),
  bit('NEAR_RET', 21, 'near returns'),
  bit('OTHER_BRANCH', 22, 'other branches'),
];

const BRANCH_TYPES = {
  ...{ 0: 'JCC', 1: 'near indirect jump', 2: 'near direct jump', 3: 'near indirect call', 4: 'near direct call' },
  ...{ 5: 'near return', 15: 'other' },
} as const;

/** Of every entry, and of the last event record. (Intel SDM vol. 3, architectural last branch records.) */
const LBR_INFO: readonly FieldRow[] = [
  span('CYC_CNT', 15, 0, 'cycles since the branch before'),
  span('BR_TYPE', 59, 56, 'kind of branch', BRANCH_TYPES),
  bit('CYC_CNT_VALID', 60, 'the cycles are counted'),
  bit('TSX_ABORT', 61, 'a transaction was aborted'),
  bit('IN_TSX', 62, 'inside a transaction'),
  bit('MISPRED', 63, 'the branch was predicted wrong'),
];

const PASID: readonly FieldRow[] = [
  span('PASID', 19, 0, 'process address space identifier'),
  bit('VALID', 31, 'ENQCMD may use it'),
];

/** One bit a component, by the component's own name: XCR0, XSS, XSTATE_BV, XCOMP_BV, XFD. */
const COMPONENT_MASK: readonly FieldRow[] = COMPONENTS.map((row) => bit(row.name, row.bit, row.holds));

/** Fields by register, the order in which they are shown. */
export const BITFIELDS = {
  mxcsr: MXCSR,
  fcw: FCW,
  fsw: FSW,
  ftw: FTW,
  pkru: PKRU,
  cr0: CR0,
  cr4: CR4,
  efer: EFER,
  rflags: RFLAGS,
  u_cet: CET,
  s_cet: CET,
  uintr_misc: UINTR_MISC,
  uintr_tt: UINTR_TT,
  lbr_ctl: LBR_CTL,
  ler_info: LBR_INFO,
  pasid: PASID,
  xcr0: COMPONENT_MASK,
  xss: COMPONENT_MASK,
  xstate_bv: COMPONENT_MASK,
  xcomp_bv: [...COMPONENT_MASK, bit('compacted', 63, 'the format is compacted')],
  xfd: COMPONENT_MASK,
  xfd_err: COMPONENT_MASK,
} as const satisfies Record<string, readonly FieldRow[]>;

export const fieldsOf = (register: string): readonly FieldRow[] =>
  /^(lbr_\d+|ler)_info$/.test(register) ? LBR_INFO : fieldsByName(register);

const fieldsByName = (register: string): readonly FieldRow[] =>
  (BITFIELDS as Readonly<Record<string, readonly FieldRow[]>>)[register] ?? [];

/** A stretch of a register that software has to leave zero. Fields may lie in it; the mask has the bits that are none. */
export interface ReservedRow {
  readonly hi: number;
  readonly lo: number;
  readonly mask: bigint;
}

/** Bit 17 of MXCSR is a field on AMD; any other bit of 31:16 raises #GP when it is loaded (SDM vol. 1, 10.2.3). */
const RESERVED: Readonly<Record<string, ReservedRow>> = { mxcsr: { hi: 31, lo: 16, mask: 0xfffd_0000n } };

export const reservedOf = (register: string): ReservedRow | null => RESERVED[register] ?? null;

/** What stands in the reserved bits, counted from the lowest of the stretch: zero where all is well. */
export const readReserved = (value: bigint, row: ReservedRow): bigint => (value & row.mask) >> BigInt(row.lo);

const widthOf = (row: FieldRow): bigint => BigInt(row.hi - row.lo + 1);

export const readField = (value: bigint | number, row: FieldRow): number =>
  Number(BigInt.asUintN(Number(widthOf(row)), BigInt(value) >> BigInt(row.lo)));

/** The largest value the field holds. */
export const fieldMaximum = (row: FieldRow): number => Number((1n << widthOf(row)) - 1n);

/** The register's value with this field replaced; the caller has checked that the field holds it. */
export const writeField = (value: bigint | number, row: FieldRow, field: number): bigint => {
  assert(Number.isInteger(field) && field >= 0 && field <= fieldMaximum(row), `${row.name} cannot hold ${field}`);
  const mask = ((1n << widthOf(row)) - 1n) << BigInt(row.lo);
  return (BigInt(value) & ~mask) | (BigInt(field) << BigInt(row.lo));
};

/** "down" for RC 1; the number where the value has no word. */
export const fieldWord = (value: bigint | number, row: FieldRow): string => {
  const field = readField(value, row);
  return row.values?.[field] ?? String(field);
};
