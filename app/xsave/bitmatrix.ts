import { bitsOf, hasBit, maskOf } from '../bits/mask.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import type { Capture } from '../session/capture.ts';
import { BIT, COMPACTED_BIT, componentLabel } from './components.ts';
import { DYNAMIC_MASK, enumerated, msrValue, xfdValue } from './facts.ts';
import { xcompBv, xstateBv } from './header.ts';
import { enumeratedSupervisor, enumeratedUser } from './layout.ts';

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

type Values = Readonly<Record<BitRowId, bigint | null>>;

interface Rule {
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

const TILES = mask(BIT.XTILECFG, BIT.XTILEDATA);
const MPX = mask(BIT.BNDREGS, BIT.BNDCSR);
const AVX512 = mask(BIT.opmask, BIT.ZMM_Hi256, BIT.Hi16_ZMM);
const LEGACY = mask(BIT.x87, BIT.SSE);
const PKRU = mask(BIT.PKRU);
const COMPACTED = mask(COMPACTED_BIT);
const XSETBV = 'Intel SDM vol. 1 section 13.3; Linux __kvm_set_xcr';

const RULES: readonly Rule[] = [
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
    say: () => 'PKRU is in XSTATE_BV and not in XCR0: the host has leaked it into the image',
  },
  {
    rule: 'xstate-bv-outside-xcr0',
    rows: ['xcr0', 'xstate_bv'],
    source: 'Intel SDM vol. 1 section 13.8.1',
    severity: 'error',
    // KVM reports x87 and SSE for a guest that never wrote XCR0; PKRU has a rule of its own.
    broken: (row) => row('xstate_bv') & ~(row('xcr0') | LEGACY | PKRU | row('xss')),
    say: (names) => `XSTATE_BV has ${names}, which XCR0 does not enable`,
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
      return offered === null ? 0n : row('xss') & ~offered;
    },
    say: (names) => `IA32_XSS has ${names}, which the guest's CPUID does not have`,
  },
];

const rowsOf = (capture: Capture): BitRow[] => {
  const { facts, image } = capture;
  return [
    { id: 'xcr0', label: 'XCR0', value: facts.xcr0 },
    { id: 'xss', label: 'XSS', value: msrValue(facts, MSR_INDEX.IA32_XSS) },
    { id: 'xstate_bv', label: 'XSTATE_BV', value: xstateBv(image) },
    { id: 'xcomp_bv', label: 'XCOMP_BV', value: xcompBv(image) },
    { id: 'xfd', label: 'IA32_XFD', value: xfdValue(facts) },
    { id: 'xfd_err', label: 'XFD_ERR', value: msrValue(facts, MSR_INDEX.IA32_XFD_ERR) },
    { id: 'guest_permission', label: 'Guest permission', value: facts.guestPermission },
    { id: 'host_support', label: 'Host support', value: enumerated(facts.hostCpuid) ?? facts.supportedXcr0 },
  ];
};

const nameBits = (bits: readonly number[]): string =>
  bits.map((bit) => `bit ${bit} (${componentLabel(bit)})`).join(', ');

/** One row a register, one column a component, and every rule that they break. A rule with an unknown row says nothing. */
export const bitMatrix = (capture: Capture): { readonly rows: BitRow[]; readonly contradictions: Contradiction[] } => {
  const rows = rowsOf(capture);
  const values = Object.fromEntries(rows.map((row) => [row.id, row.value])) as Values;
  const contradictions: Contradiction[] = [];
  for (const { rule, rows: ids, source, severity, broken, say } of RULES) {
    if (ids.some((id) => values[id] === null)) continue;
    const bits = bitsOf(broken((id) => values[id] ?? 0n, capture) & ~COMPACTED);
    if (bits.length > 0) {
      contradictions.push({ rule, bits, rows: ids, sentence: say(nameBits(bits), bits), source, severity });
    }
  }
  return { rows, contradictions };
};

/** Why XSETBV, and so KVM_SET_XCRS, would refuse this XCR0: the first rule it breaks, or null. */
export const xcr0Refusal = (value: bigint, capture: Capture): string | null => {
  for (const { rows, source, broken, say } of RULES) {
    if (source !== XSETBV || !rows.includes('xcr0')) continue;
    const bits = bitsOf(broken(() => value, capture));
    if (bits.length > 0) return say(nameBits(bits), bits);
  }
  const offered = enumeratedUser(capture.facts.guestCpuid);
  const beyond = offered === null ? 0n : value & ~offered & ~1n;
  return beyond === 0n ? null : `${nameBits(bitsOf(beyond))} is not in the guest's CPUID 0xD`;
};
