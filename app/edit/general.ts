import { bytesOfUint } from '../bits/bytes.ts';
import { bitsOf, hasBit, hexShort, maskOf } from '../bits/mask.ts';
import type { ControlRegisters, GeneralRegisters } from '../capture/capture.ts';
import { GENERAL_NAMES, type GeneralName } from '../register/registers.ts';

/** General registers that a write names, each with its value. */
export type GeneralValues = { readonly [Name in GeneralName]?: bigint };

/** In the order of the register list. */
export const namesOf = (values: GeneralValues): readonly GeneralName[] =>
  GENERAL_NAMES.filter((name) => values[name] !== undefined);

/**
 * The whole set that KVM_SET_REGS takes: what was read, with the registers named changed. Null: there is nothing to
 * write, since nothing was read, or each of them holds its value already.
 */
export const generalSet = (present: GeneralRegisters | null, values: GeneralValues): GeneralRegisters | null => {
  if (present === null) return null;
  const changed = namesOf(values).some((name) => values[name] !== present[name]);
  return changed ? { ...present, ...values } : null;
};

/** How many bytes differ between two sets. */
export const generalBytes = (before: GeneralRegisters, after: GeneralRegisters): number => {
  let count = 0;
  for (const name of GENERAL_NAMES) {
    count += bytesOfUint(before[name] ^ after[name], 8).reduce((sum, byte) => sum + (byte === 0 ? 0 : 1), 0);
  }
  return count;
};

/** The first register of a set that does not hold what was written; null: each does. */
export const firstDifference = (written: GeneralRegisters, after: GeneralRegisters): GeneralName | null =>
  GENERAL_NAMES.find((name) => written[name] !== after[name]) ?? null;

/** Bits of RFLAGS that no CPU has: 3, 5, 15 and all above 21 read 0 (Intel SDM vol. 1, 3.4.3). */
const RFLAGS_ZERO = maskOf([3, 5, 15]) | ~((1n << 22n) - 1n);
const RFLAGS_ONE_BIT = 1;
const RFLAGS_VM_BIT = 17;
const EFER_LMA_BIT = 10;
const CR4_LA57_BIT = 12;

const rflagsRefusal = (value: bigint, control: ControlRegisters | null): string | null => {
  if (!hasBit(value, RFLAGS_ONE_BIT)) return 'bit 1 of RFLAGS always reads 1';
  const zero = BigInt.asUintN(64, value & RFLAGS_ZERO);
  if (zero !== 0n) return `bit ${bitsOf(zero)[0]} of RFLAGS is reserved and has to be 0`;
  const longMode = control !== null && hasBit(control.efer, EFER_LMA_BIT);
  return longMode && hasBit(value, RFLAGS_VM_BIT) ? 'VM cannot be 1 in IA-32e mode' : null;
};

const ripRefusal = (value: bigint, control: ControlRegisters | null): string | null => {
  if (control === null) return null;
  if (!hasBit(control.efer, EFER_LMA_BIT)) {
    return value >> 32n === 0n ? null : 'outside IA-32e mode it has 32 bits';
  }
  const widthBits = hasBit(control.cr4, CR4_LA57_BIT) ? 57 : 48;
  const canonical = BigInt.asUintN(64, BigInt.asIntN(widthBits, value));
  return canonical === value ? null : `${hexShort(value)} is not canonical with ${widthBits} address bits`;
};

/**
 * Why a value cannot stand in a general register; null: it can. KVM_SET_REGS takes any, and the next entry of the guest
 * fails over it, which ends the guest (Intel SDM vol. 3, 27.3.1.4: checks on guest RIP, RFLAGS and SSP).
 */
export const generalRefusal = (name: GeneralName, value: bigint, control: ControlRegisters | null): string | null => {
  if (name === 'rflags') return rflagsRefusal(value, control);
  return name === 'rip' ? ripRefusal(value, control) : null;
};
