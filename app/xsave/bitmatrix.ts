import { bitsOf } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { type BitRow, type BitRowId, type Contradiction, RULES, XSETBV } from './bitmatrix-rules.ts';
import { componentLabel } from './components.ts';
import { enumerated, msrValue, xfdValue } from './facts.ts';
import { xcompBv, xstateBv } from './header.ts';
import { enumeratedUser } from './layout.ts';
import { stateContradictions } from './state-rules.ts';

export type { BitRow, BitRowId, Contradiction, Severity } from './bitmatrix-rules.ts';

type Values = Readonly<Record<BitRowId, bigint | null>>;

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
    const bits = bitsOf(broken((id) => values[id] ?? 0n, capture));
    if (bits.length > 0) {
      contradictions.push({ rule, bits, rows: ids, sentence: say(nameBits(bits), bits), source, severity });
    }
  }
  return { rows, contradictions: [...contradictions, ...stateContradictions(capture)] };
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
