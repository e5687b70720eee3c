// Types only: a capture's facts are declared beside the capture, and this room reads them.
import type { Facts } from '../capture/capture.ts';
import type { ComponentBit } from '../capture/image.ts';
import { componentLabel } from './components.ts';
import { cpuVendor } from './facts.ts';

/** Where a field of the XSAVE area lands in QEMU's struct CPUArchState (CPUX86State), which is what migration sends. */
export interface QemuField {
  /** As the struct of target/i386/cpu.h names it. */
  readonly xsave: string;
  /** null: QEMU does not keep it. */
  readonly state: string | null;
  readonly note: string | null;
}

/**
 * `buffer`: QEMU copies it out of KVM's buffer and back. `msrs`: QEMU keeps it, by MSRs. `dropped`: QEMU knows no place for
 * it, so what the guest holds there is lost when QEMU writes its copy back, and in migration.
 */
export type QemuFate = 'buffer' | 'msrs' | 'dropped';

export interface QemuRow {
  readonly bit: ComponentBit;
  readonly fate: QemuFate;
  /** The row of x86_ext_save_areas; null: there is none. */
  readonly struct: string | null;
  readonly sizeBytes: number | null;
  /** Under TCG. Under KVM kvm_cpu_xsave_init() takes the host's offsets. null: the host's in both. */
  readonly tcgOffsetBytes: number | null;
  readonly fields: readonly QemuField[];
  /** One sentence without a full stop. */
  readonly note: string | null;
  /** The first version that has it; left out: older than any that is met. */
  readonly since?: readonly [major: number, minor: number];
}

/** The version whose source the rows were read in. */
export const QEMU_VERSION = '10.2.2';

const field = (xsave: string, state: string | null, note: string | null = null): QemuField => ({ xsave, state, note });

const buffer = (
  bit: number,
  struct: string,
  sizeBytes: number,
  tcgOffsetBytes: number | null,
  fields: readonly QemuField[],
  note: string | null = null,
): QemuRow => ({ bit, fate: 'buffer', struct, sizeBytes, tcgOffsetBytes, fields, note });

const LEGACY = 'X86LegacyXSaveArea';
/** Legacy region and header together: x87 and SSE share one row. */
const LEGACY_AND_HEADER_BYTES = 576;
const SINCE_11 = 'since QEMU 11.0; 10.2 and earlier drop it';
const [AMX_SINCE, CET_SINCE] = [
  [7, 0],
  [11, 0],
] as const;

const ROWS: readonly QemuRow[] = [
  buffer(0, LEGACY, LEGACY_AND_HEADER_BYTES, 0, [
    field('fcw', 'fpuc'),
    field('fsw', 'fpus, fpstt', 'the TOP bits go to fpstt'),
    field('ftw', 'fptags', 'fptags[i] = !(bit i of ftw)'),
    field('fpop', 'fpop'),
    field('fpip', 'fpip'),
    field('fpdp', 'fpdp'),
    field('fpregs', 'fpregs', 'copied as they lie: with KVM the index is the ST slot, not the physical register'),
  ]),
  buffer(1, LEGACY, LEGACY_AND_HEADER_BYTES, 0, [
    field('mxcsr', 'mxcsr'),
    field('mxcsr_mask', null, 'not read, written as 0'),
    field('xmm_regs[i]', 'xmm_regs[i].ZMM_Q(0..1)'),
  ]),
  buffer(2, 'XSaveAVX', 0x100, 0x240, [field('ymmh[i]', 'xmm_regs[i].ZMM_Q(2..3)')]),
  buffer(3, 'XSaveBNDREG', 0x40, 0x3c0, [field('bnd_regs', 'bnd_regs')]),
  buffer(4, 'XSaveBNDCSR', 0x40, 0x400, [field('bndcsr', 'bndcs_regs')]),
  buffer(5, 'XSaveOpmask', 0x40, 0x440, [field('opmask_regs', 'opmask_regs')]),
  buffer(6, 'XSaveZMM_Hi256', 0x200, 0x480, [field('zmm_hi256[i]', 'xmm_regs[i].ZMM_Q(4..7)')]),
  buffer(7, 'XSaveHi16_ZMM', 0x400, 0x680, [field('hi16_zmm', 'xmm_regs[16..31]')]),
  buffer(9, 'XSavePKRU', 8, 0xa80, [field('pkru', 'pkru', '32 bits')]),
  {
    bit: 11,
    fate: 'msrs',
    struct: 'XSaveCETU',
    sizeBytes: 0x10,
    tcgOffsetBytes: null,
    fields: [field('u_cet', 'u_cet', 'by MSR'), field('pl3_ssp', 'pl3_ssp', 'by MSR')],
    note: `IA32_U_CET and IA32_PL3_SSP by KVM_GET_MSRS, ${SINCE_11}`,
    since: CET_SINCE,
  },
  {
    bit: 12,
    fate: 'msrs',
    struct: 'XSaveCETS',
    sizeBytes: 0x18,
    tcgOffsetBytes: null,
    fields: [
      field('pl0_ssp', 'pl0_ssp', 'by MSR'),
      field('pl1_ssp', 'pl1_ssp', 'by MSR'),
      field('pl2_ssp', 'pl2_ssp', 'by MSR'),
    ],
    note: `IA32_PL0_SSP to IA32_PL2_SSP by KVM_GET_MSRS, ${SINCE_11}`,
    since: CET_SINCE,
  },
  {
    bit: 15,
    fate: 'msrs',
    struct: 'XSavesArchLBR',
    sizeBytes: 0x328,
    tcgOffsetBytes: 0,
    fields: [field('lbr_ctl, lbr_depth, lbr_records', 'msr_lbr_ctl, msr_lbr_depth, lbr_records', 'by IA32_LBR_* MSRs')],
    note: 'never in the buffer: the row has a size and no offset; the struct is XSaveArchLBR since QEMU 11.0',
  },
  {
    ...buffer(
      17,
      'XSaveXTILECFG',
      0x40,
      null,
      [field('xtilecfg', 'xtilecfg', '64 bytes')],
      "the offset is the host's in every case",
    ),
    since: AMX_SINCE,
  },
  {
    ...buffer(
      18,
      'XSaveXTILEDATA',
      0x2000,
      null,
      [field('xtiledata', 'xtiledata', '8192 bytes, copied only where the buffer is long enough')],
      'asks for it with ARCH_REQ_XCOMP_GUEST_PERM and only warns where that fails',
    ),
    since: AMX_SINCE,
  },
  {
    ...buffer(
      19,
      'XSaveAPX',
      0x80,
      0x3c0,
      [field('egprs', 'regs[16..31]')],
      `${SINCE_11}; APX and MPX exclude each other`,
    ),
    since: [11, 0],
  },
];

const byBit = new Map(ROWS.map((row) => [row.bit, row]));

const withoutRow = (bit: ComponentBit, version: string): QemuRow => ({
  bit,
  fate: 'dropped',
  struct: null,
  sizeBytes: null,
  tcgOffsetBytes: null,
  fields: [],
  note: `QEMU ${version} has no row for ${componentLabel(bit)}: neither its copy nor migration holds it`,
});

const isBefore = (version: string, [major, minor]: readonly [number, number]): boolean => {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
};

/**
 * Never undefined: a component without a row is one that QEMU drops, and so is one whose row came later than this version.
 *
 * @param version "7.2.22"; left out: not known
 */
export const qemuRow = (bit: ComponentBit, version?: string): QemuRow => {
  const row = byBit.get(bit);
  if (row === undefined) return withoutRow(bit, QEMU_VERSION);
  return version !== undefined && row.since !== undefined && isBefore(version, row.since)
    ? withoutRow(bit, version)
    : row;
};

/** Whose source the rows are, and which version runs, in a few words. */
export const qemuSourceWords = (version: string | undefined): string =>
  version === undefined
    ? `Read in the source of QEMU ${QEMU_VERSION}; which version this VMM is, is not known.`
    : version === QEMU_VERSION
      ? `Read in the source of this version.`
      : `Read in the source of QEMU ${QEMU_VERSION}; this VMM is ${version}.`;

export interface QemuNote {
  readonly id: string;
  /** One sentence without a full stop. */
  readonly sentence: string;
  readonly source: string;
  /** Bits it is about; empty: all. */
  readonly bits: readonly ComponentBit[];
}

const NOTES: readonly (QemuNote & { readonly vendor?: string })[] = [
  {
    id: 'header',
    sentence: 'xstate_bv is kept in CPUX86State.xstate_bv; xcomp_bv is written as 0',
    source: 'xsave_helper.c x86_cpu_xsave_all_areas',
    bits: [],
  },
  {
    id: 'bytes-trusted',
    sentence:
      'reading from KVM, QEMU takes the bytes whatever XSTATE_BV says: right for KVM, which fills in initial values',
    source: 'xsave_helper.c x86_cpu_xrstor_all_areas',
    bits: [],
  },
  {
    id: 'old-xstate-bv',
    sentence:
      'writing back, QEMU uses the XSTATE_BV it read last: what its gdb stub puts into a component in init is lost',
    source: 'xsave_helper.c x86_cpu_xsave_all_areas',
    bits: [],
  },
  {
    id: 'compacted-size',
    sentence: 'xsave_area_size() with compacted = true leaves out the 64-byte alignment of TILECFG and TILEDATA',
    source: 'cpu.c xsave_area_size',
    bits: [17, 18],
  },
  {
    id: 'qemu-7.2-amd',
    sentence:
      'QEMU 7.2 on an AMD host drops it: a monitor command that makes QEMU write its copy back cleared AVX, opmask, ZMM_Hi256 and Hi16_ZMM in XSTATE_BV',
    source: 'seen on QEMU 7.2 with KVM on AMD Zen 5; a fresh capture taken before the command has them',
    bits: [2, 5, 6, 7],
    vendor: 'AuthenticAMD',
  },
];

/** What to know of QEMU for this target. A note about one vendor's hosts is left out where the host is another's. */
export const qemuNotes = (facts: Facts): QemuNote[] => {
  const host = cpuVendor(facts.hostCpuid);
  return NOTES.filter(({ vendor }) => vendor === undefined || host === null || host === vendor).map(
    ({ id, sentence, source, bits }) => ({ id, sentence, source, bits }),
  );
};
