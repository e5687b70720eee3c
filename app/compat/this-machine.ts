import type { MachineFacts } from '../bridge.ts';
import type { Facts } from '../session/capture.ts';
import type { Destination } from './destination.ts';

const hexOrNull = (text: string | null): bigint | null =>
  text !== null && /^0x[0-9a-f]{1,16}$/.test(text) ? BigInt(text) : null;

/**
 * The machine Tilescope runs on, as a place to restore a state: its CPU and what its KVM supports. No guest there is looked
 * at, so that its CPUID, XCR0 and permission are not known.
 */
export const thisMachine = (machine: MachineFacts, kernelRelease: string | null): Destination => {
  const facts: Facts = {
    target: {
      kind: 'live',
      vmm: 'KVM',
      name: 'this host',
      pid: null,
      startTimeTicks: null,
      executable: null,
      vcpu: 0,
      tid: null,
    },
    takenAtMs: 0,
    pauseNs: null,
    inKvmRun: null,
    frozen: false,
    imageCall: 'KVM_GET_XSAVE2',
    kernelRelease,
    guestCpuid: [],
    hostCpuid: machine.cpuid,
    xcr0: null,
    msrs: [],
    guestPermission: null,
    hostPermission: null,
    supportedXcr0: hexOrNull(machine.supportedXcr0),
    sizes: { capXsave2Vm: null, capXsave2System: null, writtenBytes: null, legacyErrno: null },
    general: null,
    control: null,
    failed: [],
  };
  return { kind: 'target', facts };
};
