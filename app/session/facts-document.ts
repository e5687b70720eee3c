import { decoded } from '../bits/decoded.ts';
import { hexShort } from '../bits/mask.ts';
import type {
  ControlRegisters,
  DescriptorRegisters,
  Facts,
  GeneralRegisters,
  SegmentRegisters,
  TargetIdentity,
} from '../capture/capture.ts';
import type { CpuidEntry } from '../cpu/cpuid.ts';
import { msrRow } from '../cpu/msrs.ts';
import { flag, hex32Text, hex64Text, integer, list, nullable, object, oneOf, type Reader, text } from './shape.ts';

/** The facts around an image as plain JSON: a row for each, which says how it is written and how it is read back. */
export type FactsFields = {
  readonly [K in keyof Facts]: { readonly write: (value: Facts[K]) => unknown; readonly read: Reader<Facts[K]> };
};

const MAX_ENTRIES = 4096;
const MAX_TEXT_CHARACTERS = 65_536;
/** What an errno may be. (linux/err.h, MAX_ERRNO) */
const MAX_ERRNO = 4095;

export const shortText = text(MAX_TEXT_CHARACTERS);
/** Times and other counts. */
export const count = integer(0, Number.MAX_SAFE_INTEGER);
const bytes = integer(0, 2 ** 32 - 1);
const errno = integer(0, MAX_ERRNO);
const [u64, processId] = [hex64Text, nullable(integer(0, 2 ** 31 - 1))];

const hex = (value: number): string => `0x${value.toString(16)}`;
const hexOrNull = (value: bigint | null): string | null => (value === null ? null : hexShort(value));

type Registers = GeneralRegisters | ControlRegisters | SegmentRegisters | DescriptorRegisters;

/** @param was those that are equal in it are left out */
export const hexFields = (fields: Registers | null, was: Registers | null = null): Record<string, string> | null => {
  if (fields === null) return null;
  const [now, before] = [fields, was] as unknown as readonly [Record<string, bigint>, Record<string, bigint> | null];
  const written: Record<string, string> = {};
  for (const name in now) if (now[name] !== before?.[name]) written[name] = hexShort(now[name] ?? 0n);
  return written;
};

const cpuidDocument = (entry: CpuidEntry): Record<keyof CpuidEntry, string> => ({
  leaf: hex(entry.leaf),
  subleaf: hex(entry.subleaf),
  eax: hex(entry.eax),
  ebx: hex(entry.ebx),
  ecx: hex(entry.ecx),
  edx: hex(entry.edx),
});

/** Documents of before have none. */
const leftOut: Reader<string | undefined> = (value, path) =>
  value === undefined ? decoded(undefined) : shortText(value, path);

const targetFields: Reader<TargetIdentity> = object({
  kind: oneOf('live', 'model', 'file'),
  vmm: shortText,
  name: shortText,
  pid: processId,
  startTimeTicks: nullable(u64),
  executable: nullable(shortText),
  vmmVersion: leftOut,
  vcpu: bytes,
  tid: processId,
});

/** What is left out stays so. */
const targetReader: Reader<TargetIdentity> = (value, path) => {
  const target = targetFields(value, path);
  if (!target.ok || target.value.vmmVersion !== undefined) return target;
  const { vmmVersion: _, ...known } = target.value;
  return decoded(known);
};

const generalReader: Reader<GeneralRegisters> = object({
  rax: u64,
  rbx: u64,
  rcx: u64,
  rdx: u64,
  rsi: u64,
  rdi: u64,
  rsp: u64,
  rbp: u64,
  r8: u64,
  r9: u64,
  r10: u64,
  r11: u64,
  r12: u64,
  r13: u64,
  r14: u64,
  r15: u64,
  rip: u64,
  rflags: u64,
});

const segmentsReader: Reader<SegmentRegisters | null> = nullable(
  object({ cs: u64, ss: u64, ds: u64, es: u64, fs: u64, gs: u64, fs_base: u64, gs_base: u64 }),
);

const descriptorsReader: Reader<DescriptorRegisters | null> = nullable(
  object({
    cs_base: u64,
    cs_l: u64,
    cs_d: u64,
    cpl: u64,
    gdt_base: u64,
    gdt_limit: u64,
    idt_base: u64,
    idt_limit: u64,
  }),
);

const same = <T>(value: T): unknown => value;
const mask = { write: hexOrNull, read: nullable(u64) };
const cpuid = {
  write: (table: readonly CpuidEntry[]) => table.map(cpuidDocument),
  read: list(
    object({ leaf: hex32Text, subleaf: hex32Text, eax: hex32Text, ebx: hex32Text, ecx: hex32Text, edx: hex32Text }),
    MAX_ENTRIES,
  ),
};

export const FACTS_FIELDS: FactsFields = {
  target: {
    write: (target) => ({ ...target, startTimeTicks: hexOrNull(target.startTimeTicks) }),
    read: targetReader,
  },
  takenAtMs: { write: same, read: count },
  pauseNs: mask,
  inKvmRun: { write: same, read: nullable(flag) },
  frozen: { write: same, read: flag },
  imageCall: { write: same, read: shortText },
  kernelRelease: { write: same, read: nullable(shortText) },
  xcr0: mask,
  msrs: {
    write: (msrs) =>
      msrs.map((msr) => ({
        index: hex(msr.index),
        name: msrRow(msr.index)?.name ?? null,
        value: hexOrNull(msr.value),
        errno: msr.errno,
      })),
    read: list(object({ index: hex32Text, value: nullable(u64), errno }), MAX_ENTRIES),
  },
  guestPermission: mask,
  hostPermission: mask,
  supportedXcr0: mask,
  sizes: {
    write: (sizes) => ({ ...sizes }),
    read: object({
      capXsave2Vm: nullable(bytes),
      capXsave2System: nullable(bytes),
      writtenBytes: nullable(bytes),
      legacyErrno: nullable(errno),
    }),
  },
  general: { write: (fields) => hexFields(fields), read: nullable(generalReader) },
  control: {
    write: (fields) => hexFields(fields),
    read: nullable(object({ cr0: u64, cr2: u64, cr3: u64, cr4: u64, cr8: u64, efer: u64 })),
  },
  segments: {
    write: (fields) => hexFields(fields),
    // Documents of before have none.
    read: (value, path) => (value === undefined ? decoded(null) : segmentsReader(value, path)),
  },
  descriptors: {
    write: (fields) => hexFields(fields),
    read: (value, path) => (value === undefined ? decoded(null) : descriptorsReader(value, path)),
  },
  failed: {
    write: (failed) => failed.map((failure) => ({ ...failure })),
    read: list(object({ call: shortText, errno }), MAX_ENTRIES),
  },
  guestCpuid: cpuid,
  hostCpuid: cpuid,
};

export const FACT_NAMES = Object.keys(FACTS_FIELDS) as readonly (keyof Facts)[];

/** One fact as it stands in a document. */
export const factDocument = <K extends keyof Facts>(facts: Facts, name: K): unknown =>
  FACTS_FIELDS[name].write(facts[name]);

export const factsDocument = (facts: Facts): Readonly<Record<string, unknown>> =>
  Object.fromEntries(FACT_NAMES.map((name) => [name, factDocument(facts, name)]));

const readers = Object.fromEntries(FACT_NAMES.map((name) => [name, FACTS_FIELDS[name].read]));

/** All of them, from a document of any origin. */
export const factsReader = object(readers) as Reader<unknown> as Reader<Facts>;
