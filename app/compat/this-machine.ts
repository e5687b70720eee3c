import { factsOf, targetOf } from '../capture/capture.ts';
import type { Destination } from './destination.ts';
import type { MachineFacts } from './machine-facts.ts';

const hexOrNull = (text: string | null): bigint | null =>
  text !== null && /^0x[0-9a-f]{1,16}$/.test(text) ? BigInt(text) : null;

/**
 * The machine Tilescope runs on, as a place to restore a state: its CPU and what its KVM supports. No guest there is looked
 * at, so that its CPUID, XCR0 and permission are not known.
 */
export const thisMachine = (machine: MachineFacts, kernelRelease: string | null): Destination => {
  const facts = factsOf(targetOf('live', 'KVM', 'this host'), 'KVM_GET_XSAVE2', {
    kernelRelease,
    hostCpuid: machine.cpuid,
    supportedXcr0: hexOrNull(machine.supportedXcr0),
  });
  return { kind: 'target', facts };
};
