import { hasBit } from '../bits/mask.ts';
import type { Facts } from '../capture/capture.ts';
import type { ComponentBit, Image } from '../capture/image.ts';
import { MSR_INDEX, MSRS } from '../cpu/msrs.ts';
import { componentRow } from './components.ts';
import { DYNAMIC_MASK, enumerated, msrValue, xfdValue } from './facts.ts';
import { viewComponent } from './view.ts';

export type EnablementState = 'yes' | 'no' | 'not-needed' | 'not-known';

/** The chain of a component: supported → enabled → permitted → in use. */
export interface Enablement {
  /** The guest's CPUID 0xD enumerates it. */
  readonly supported: EnablementState;
  /** Its bit in XCR0, or in IA32_XSS for a supervisor component. */
  readonly enabled: EnablementState;
  /** Granted to the VMM's guests by arch_prctl; not needed for most. */
  readonly permitted: EnablementState;
  /** Not in init state. */
  readonly inUse: EnablementState;
}

const state = (mask: bigint | null, bit: ComponentBit): EnablementState =>
  mask === null ? 'not-known' : hasBit(mask, bit) ? 'yes' : 'no';

// KVM's image never holds a supervisor component: its MSRs say whether it is in init, which is all zero.
const supervisorInUse = (facts: Facts, bit: ComponentBit): EnablementState => {
  const values = MSRS.filter((msr) => msr.component === bit).map((msr) => msrValue(facts, msr.index));
  if (values.some((value) => value !== null && value !== 0n)) return 'yes';
  return values.length > 0 && values.every((value) => value === 0n) ? 'no' : 'not-known';
};

/** How far a component has come: supported, enabled, permitted, in use; null of what is not known. */
export const enablementOf = (facts: Facts, image: Image, bit: ComponentBit): Enablement => {
  const supervisor = componentRow(bit)?.kind === 'supervisor';
  const view = viewComponent(image, bit);
  return {
    supported: state(enumerated(facts.guestCpuid), bit),
    enabled: state(supervisor ? msrValue(facts, MSR_INDEX.IA32_XSS) : facts.xcr0, bit),
    permitted: hasBit(DYNAMIC_MASK, bit) ? state(facts.guestPermission, bit) : 'not-needed',
    inUse: supervisor && view.state === 'absent' ? supervisorInUse(facts, bit) : view.state === 'inUse' ? 'yes' : 'no',
  };
};

/** The component's bit in IA32_XFD: the next use raises #NM. Null: IA32_XFD was not read. */
export const xfdArmed = (facts: Facts, bit: ComponentBit): boolean | null => {
  const xfd = xfdValue(facts);
  return xfd === null ? null : hasBit(xfd, bit);
};
