import { hasBit, maskOf } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { BIT, COMPACTED_BIT, COMPONENTS } from './components.ts';
import { DYNAMIC_MASK, enumerated, msrValue } from './facts.ts';
import { enumeratedSupervisor, enumeratedUser } from './layout.ts';
import { MXCSR_END_BYTES, MXCSR_OFFSET_BYTES } from './legacy.ts';
import { supervisorFields } from './supervisor.ts';
import { initBytes, roomFor, viewComponent } from './view.ts';

/** A row of the matrix: a register, or what somebody supports or permits. */
export type BitRowId =
  | 'xcr0'
  | 'xss'
  | 'xstate_bv'
  | 'xcomp_bv'
  | 'xfd'
  | 'xfd_err'
  | 'guest_permission'
  | 'host_support';

export interface BitRow {
  readonly id: BitRowId;
  readonly label: string;
  /** null: not known, which differs from 0. */
  readonly value: bigint | null;
}

/** `danger`: writing such an image can take the host down. `error`: cannot be on a CPU, or is refused. `warning`: odd. */
export type Severity = 'danger' | 'error' | 'warning';

export interface Contradiction {
  readonly rule: string;
  readonly bits: readonly number[];
  readonly rows: readonly BitRowId[];
  /** One sentence without a full stop. */
  readonly sentence: string;
  readonly source: string;
  readonly severity: Severity;
}

/** A relation between the rows that a CPU, KVM or Linux keeps; each says which bits break it, and why that matters. */
export interface Rule {
  readonly rule: string;
  readonly rows: readonly BitRowId[];
  readonly source: string;
  readonly severity: Severity;
  /** The bits that break the rule; every row of `rows` is known when it is asked. */
  readonly broken: (row: (id: BitRowId) => bigint, capture: Capture) => bigint;
  readonly say: (names: string, bits: readonly number[]) => string;
}

const mask = (...bits: number[]): bigint => maskOf(bits);
const whole = (value: bigint, group: bigint): bigint => {
  const held = value & group;
  return held === 0n || held === group ? 0n : held;
};

const ofKind = (kind: 'user' | 'supervisor'): bigint =>
  maskOf(COMPONENTS.filter((row) => row.kind === kind).map((row) => row.bit));
const USERS = ofKind('user');
const SUPERVISORS = ofKind('supervisor');
const TILES = mask(BIT.XTILECFG, BIT.XTILEDATA);
const MPX = mask(BIT.BNDREGS, BIT.BNDCSR);
const AVX512 = mask(BIT.opmask, BIT.ZMM_Hi256, BIT.Hi16_ZMM);
const LEGACY = mask(BIT.x87, BIT.SSE);
const PKRU = mask(BIT.PKRU);
const COMPACTED = mask(COMPACTED_BIT);
const isCompacted = (xcompBv: bigint): boolean => hasBit(xcompBv, COMPACTED_BIT);
export const XSETBV = 'Intel SDM vol. 1 section 13.3; Linux __kvm_set_xcr';

const msrsOf = (bit: number, { facts }: Capture): bigint[] =>
  supervisorFields(bit).flatMap(({ msr }) => msrValue(facts, msr) ?? []);

/** Components in init whose bytes are neither their initial values nor zero. */
const dataUnderClearBit = (image: Image): bigint =>
  maskOf(
    image.layout.components.flatMap(({ bit }) => {
      const place = roomFor(image, bit);
      if (place === undefined || viewComponent(image, bit).state !== 'init') return [];
      const init = initBytes(bit, place.sizeBytes);
      const differs = (at: number): boolean => {
        const isMxcsr = bit === BIT.x87 && at >= MXCSR_OFFSET_BYTES && at < MXCSR_END_BYTES;
        const byte = image.bytes[place.offsetBytes + at];
        return byte !== 0 && byte !== init[at] && !isMxcsr;
      };
      return init.some((_, at) => differs(at)) ? [bit] : [];
    }),
  );

export const RULES: readonly Rule[] = [
  {
    rule: 'xfd-covers-image',
    rows: ['xstate_bv', 'xfd'],
    source: 'Linux fpu/core.c, traps.c: #NM in the host kernel',
    severity: 'danger',
    broken: (row) => row('xstate_bv') & row('xfd'),
    say: (names) => `${names} in XSTATE_BV while IA32_XFD arms it: writing this image can take the host down`,
  },
  {
    rule: 'xcr0-without-x87',
    rows: ['xcr0'],
    source: XSETBV,
    severity: 'error',
    broken: (row) => (hasBit(row('xcr0'), BIT.x87) ? 0n : mask(BIT.x87)),
    say: () => 'XCR0 bit 0 (x87) is clear: it is always set',
  },
  {
    rule: 'avx-without-sse',
    rows: ['xcr0'],
    source: XSETBV,
    severity: 'error',
    broken: (row) => (hasBit(row('xcr0'), BIT.AVX) && !hasBit(row('xcr0'), BIT.SSE) ? mask(BIT.AVX) : 0n),
    say: () => 'XCR0 has AVX without SSE',
  },
  {
    rule: 'mpx-not-together',
    rows: ['xcr0'],
    source: XSETBV,
    severity: 'error',
    broken: (row) => whole(row('xcr0'), MPX),
    say: (names) => `XCR0 has ${names} alone: BNDREGS and BNDCSR are set together`,
  },
  {
    rule: 'avx512-not-together',
    rows: ['xcr0'],
    source: XSETBV,
    severity: 'error',
    broken: (row) => whole(row('xcr0'), AVX512),
    say: (names) => `XCR0 has ${names} alone: opmask, ZMM_Hi256 and Hi16_ZMM are set together`,
  },
  {
    rule: 'avx512-without-avx',
    rows: ['xcr0'],
    source: XSETBV,
    severity: 'error',
    broken: (row) => (hasBit(row('xcr0'), BIT.AVX) ? 0n : row('xcr0') & AVX512),
    say: (names) => `XCR0 has ${names} without AVX`,
  },
  {
    rule: 'tilecfg-without-tiledata',
    rows: ['xcr0'],
    source: XSETBV,
    severity: 'error',
    broken: (row) => whole(row('xcr0'), TILES),
    say: (names) => `XCR0 has ${names} alone: TILECFG and TILEDATA are set together`,
  },
  {
    rule: 'cpuid-half-amx',
    rows: [],
    source: 'guest CPUID 0xD.0; XSETBV then raises #GP',
    severity: 'error',
    broken: (_row, capture) => whole(enumeratedUser(capture.facts.guestCpuid) ?? 0n, TILES),
    say: (names) => `the guest's CPUID 0xD has ${names} alone: a guest that enables AMX takes #GP`,
  },
  {
    rule: 'tiles-without-config',
    rows: ['xstate_bv'],
    source: 'Intel SDM vol. 1 section 18.2',
    severity: 'warning',
    broken: (row) => (hasBit(row('xstate_bv'), BIT.XTILECFG) ? 0n : row('xstate_bv') & mask(BIT.XTILEDATA)),
    say: () => 'TILEDATA is in use while TILECFG is in init: no instruction leaves it so',
  },
  {
    rule: 'pkru-leaked',
    rows: ['xcr0', 'xstate_bv'],
    source: 'Linux 8647c52e9504',
    severity: 'warning',
    broken: (row) => row('xstate_bv') & ~row('xcr0') & PKRU,
    say: () =>
      'PKRU is in XSTATE_BV and not in XCR0: the host has leaked it into the image. Kernels with ad856280ddea and without 8647c52e9504 (5.17 to 6.5) refuse it with EINVAL; convert --without pkru drops it',
  },
  {
    rule: 'xstate-bv-outside-xcr0',
    rows: ['xcr0', 'xstate_bv'],
    source: 'Intel SDM vol. 1 section 13.8.1',
    severity: 'error',
    // KVM reports x87 and SSE for a guest that never wrote XCR0; PKRU, and supervisor bits in the standard format, have
    // rules of their own.
    broken: (row) =>
      row('xstate_bv') &
      ~(row('xcr0') | LEGACY | PKRU | row('xss') | COMPACTED | (isCompacted(row('xcomp_bv')) ? 0n : SUPERVISORS)),
    say: (names) => `XSTATE_BV has ${names}, which neither XCR0 nor IA32_XSS enables`,
  },
  {
    rule: 'xcomp-bv-outside',
    rows: ['xcomp_bv', 'xstate_bv'],
    source: 'Intel SDM vol. 1 section 13.8.2',
    severity: 'error',
    broken: (row) => (hasBit(row('xcomp_bv'), COMPACTED_BIT) ? row('xstate_bv') & ~row('xcomp_bv') & ~LEGACY : 0n),
    say: (names) => `XSTATE_BV has ${names}, for which XCOMP_BV says there is no room`,
  },
  {
    rule: 'xcomp-bv-standard',
    rows: ['xcomp_bv'],
    source: 'Linux validate_user_xstate_header',
    severity: 'error',
    broken: (row) => (hasBit(row('xcomp_bv'), COMPACTED_BIT) ? 0n : row('xcomp_bv')),
    say: () => 'XCOMP_BV is not zero and its bit 63 is clear: neither format',
  },
  {
    rule: 'xfd-not-capable',
    rows: ['xfd'],
    source: 'Intel SDM vol. 1 section 13.14; CPUID 0xD.n.ECX[2]',
    severity: 'error',
    broken: (row, { image }) => {
      const capable = image.layout.components.filter((place) => place.xfdCapable).map((place) => place.bit);
      return row('xfd') & ~maskOf(capable) & ~DYNAMIC_MASK;
    },
    say: (names) => `IA32_XFD has ${names}, which cannot be armed`,
  },
  {
    rule: 'xfd-err-not-armed',
    rows: ['xfd', 'xfd_err'],
    source: 'Intel SDM vol. 1 section 13.14',
    severity: 'warning',
    broken: (row) => row('xfd_err') & ~row('xfd'),
    say: (names) => `IA32_XFD_ERR still names ${names}, no longer armed: software has not cleared it`,
  },
  {
    rule: 'not-permitted',
    rows: ['xstate_bv', 'guest_permission'],
    source: 'Linux arch/x86/kernel/fpu/xstate.c, ARCH_REQ_XCOMP_GUEST_PERM',
    severity: 'error',
    broken: (row) => row('xstate_bv') & DYNAMIC_MASK & ~row('guest_permission'),
    say: (names) => `XSTATE_BV has ${names} without guest permission: KVM_SET_XSAVE would refuse it`,
  },
  {
    rule: 'enabled-not-permitted',
    rows: ['xcr0', 'guest_permission'],
    source: 'Linux arch/x86/kernel/fpu/xstate.c, ARCH_REQ_XCOMP_GUEST_PERM',
    severity: 'error',
    broken: (row) => row('xcr0') & DYNAMIC_MASK & ~row('guest_permission'),
    say: (names) => `XCR0 has ${names} without guest permission of the VMM`,
  },
  {
    rule: 'xcr0-beyond-host',
    rows: ['xcr0', 'host_support'],
    source: 'CPUID 0xD.0 of the host',
    severity: 'error',
    broken: (row) => row('xcr0') & ~row('host_support'),
    say: (names) => `XCR0 has ${names}, which the host does not have`,
  },
  {
    rule: 'xss-beyond-cpuid',
    rows: ['xss'],
    source: 'CPUID 0xD.1.ECX of the guest',
    severity: 'error',
    broken: (row, { facts }) => {
      const offered = enumeratedSupervisor(facts.guestCpuid);
      return offered === null ? 0n : row('xss') & ~offered & ~USERS;
    },
    say: (names) => `IA32_XSS has ${names}, which the guest's CPUID does not have`,
  },
  {
    rule: 'xss-user',
    rows: ['xss'],
    source: 'Intel SDM vol. 1 section 13.3: a component is user or supervisor, never both',
    severity: 'error',
    broken: (row) => row('xss') & USERS,
    say: (names) => `IA32_XSS has ${names}, a user component: it belongs to XCR0`,
  },
  {
    rule: 'xss-without-msr',
    rows: ['xss'],
    source: 'Linux KVM_GET_MSRS; KVM images hold no supervisor component',
    severity: 'warning',
    broken: (row, capture) =>
      maskOf(
        COMPONENTS.filter(
          ({ bit, kind }) =>
            kind === 'supervisor' &&
            hasBit(row('xss'), bit) &&
            viewComponent(capture.image, bit).state === 'absent' &&
            msrsOf(bit, capture).length === 0,
        ).map(({ bit }) => bit),
      ),
    say: (names) => `IA32_XSS enables ${names} and none of its MSRs was read: that state is not in this capture`,
  },
  {
    rule: 'msr-without-xss',
    rows: ['xss'],
    source: 'Intel SDM vol. 1 section 13.11: XSAVES saves what XCR0 and IA32_XSS enable',
    severity: 'warning',
    broken: (row, capture) =>
      maskOf(
        COMPONENTS.filter(
          ({ bit, kind }) =>
            kind === 'supervisor' && !hasBit(row('xss'), bit) && msrsOf(bit, capture).some((value) => value !== 0n),
        ).map(({ bit }) => bit),
      ),
    say: (names) =>
      `the MSRs of ${names} are not zero and IA32_XSS does not enable it: the guest's XSAVES leaves it out`,
  },
  {
    rule: 'xcr0-supervisor',
    rows: ['xcr0'],
    source: XSETBV,
    severity: 'error',
    broken: (row) => row('xcr0') & SUPERVISORS,
    say: (names) => `XCR0 has ${names}, a supervisor component: it belongs to IA32_XSS`,
  },
  {
    rule: 'xcr0-beyond-cpuid',
    rows: ['xcr0'],
    source: 'CPUID 0xD.0 of the guest; KVM_SET_XCRS refuses it',
    severity: 'error',
    broken: (row, { facts }) => {
      const offered = enumeratedUser(facts.guestCpuid);
      return offered === null ? 0n : row('xcr0') & ~offered & ~SUPERVISORS & ~1n;
    },
    say: (names) => `XCR0 has ${names}, which the guest's CPUID does not have`,
  },
  {
    rule: 'supervisor-in-standard',
    rows: ['xstate_bv', 'xcomp_bv'],
    source: 'Intel SDM vol. 1 section 13.4.3: supervisor components have no place in the standard format',
    severity: 'error',
    broken: (row) => (isCompacted(row('xcomp_bv')) ? 0n : row('xstate_bv') & SUPERVISORS),
    say: (names) => `XSTATE_BV of a standard image has ${names}, a supervisor component: KVM_SET_XSAVE refuses it`,
  },
  {
    rule: 'xstate-bv-beyond-host',
    rows: ['xstate_bv', 'host_support'],
    source: 'Linux fpu_copy_uabi_to_guest_fpstate',
    severity: 'error',
    broken: (row, { facts }) =>
      row('xstate_bv') & ~(facts.supportedXcr0 ?? row('host_support')) & ~LEGACY & ~SUPERVISORS & ~COMPACTED,
    say: (names) =>
      `XSTATE_BV has ${names}, which KVM on this host does not support: KVM_SET_XSAVE refuses it with EINVAL`,
  },
  {
    rule: 'xcomp-bv-not-enabled',
    rows: ['xcomp_bv', 'xcr0', 'xss'],
    source: 'Intel SDM vol. 1 section 13.12: XRSTORS raises #GP',
    severity: 'error',
    broken: (row) =>
      isCompacted(row('xcomp_bv')) ? row('xcomp_bv') & ~(row('xcr0') | row('xss') | LEGACY | COMPACTED) : 0n,
    say: (names) => `XCOMP_BV has room for ${names}, which neither XCR0 nor IA32_XSS enables: XRSTORS raises #GP`,
  },
  {
    rule: 'bit-63',
    rows: ['xstate_bv'],
    source: 'Intel SDM vol. 1 section 13.4.2: bit 63 is the mark of XCOMP_BV and never a component',
    severity: 'error',
    broken: (row) => row('xstate_bv') & COMPACTED,
    say: () => 'XSTATE_BV bit 63 is set: it is reserved',
  },
  {
    rule: 'apx-with-mpx',
    rows: [],
    source: 'Linux fpu__init_system_xstate, 6.16',
    severity: 'error',
    // APX lies at 960, where MPX was.
    broken: (_row, { facts }) => {
      const both = (seen: bigint): bigint =>
        hasBit(seen, BIT.APX) && (seen & MPX) !== 0n ? seen & (MPX | mask(BIT.APX)) : 0n;
      return both(enumerated(facts.guestCpuid) ?? 0n) | both(enumerated(facts.hostCpuid) ?? 0n);
    },
    say: (names) => `CPUID 0xD has ${names} together: Linux then turns XSAVE off altogether`,
  },
  {
    rule: 'bytes-under-clear-bit',
    rows: ['xstate_bv', 'xcomp_bv'],
    source: 'Intel SDM vol. 1 section 13.8.1; KVM itself writes initial values there',
    severity: 'warning',
    // XSAVEC and XSAVES leave such bytes in compacted images as a matter of course.
    broken: (row, { image }) => (isCompacted(row('xcomp_bv')) ? 0n : dataUnderClearBit(image)),
    say: (names) => `there are bytes for ${names} under a clear XSTATE_BV bit: they are stale and will not be loaded`,
  },
];
