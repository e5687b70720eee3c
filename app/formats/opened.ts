import type { SessionDocument } from '../bridge.ts';
import type { Capture, Facts, TargetIdentity } from '../session/capture.ts';
import type { Image } from '../xsave/image.ts';

/** What a file can be. Found by its content, never by its name. */
export type FileKind = 'capture' | 'session' | 'raw' | 'elf-core' | 'firecracker' | 'cloud-hypervisor';

/** The state of one thread, of one vCPU, or at one stop. */
export interface OpenedState {
  /** "thread 4711", "vCPU 0", "image", "stop 3, edits written". */
  readonly label: string;
  /** By which it is chosen: the thread's id in a core, the vCPU's index in a snapshot, the stop's number in a session. */
  readonly number: number;
  /** Of a session put together anew each time that it is asked for. */
  readonly capture: Capture;
}

export interface OpenedFile {
  readonly kind: FileKind;
  /** At least one. */
  readonly states: readonly OpenedState[];
  /** All stops of a saved session, whichever state was asked for; there for kind 'session' alone. */
  readonly session?: SessionDocument;
}

export interface OpenOptions {
  /** The CPU whose layout the image has, by its preset name; it takes the place of what the file says or suggests. */
  readonly preset?: string;
  /** One state only: the thread's id in a core, the vCPU's index in a snapshot, the stop's number in a session. */
  readonly thread?: number;
}

/** Who a file speaks of. Files seldom say more than this. */
export const fileTarget = (name: string, vmm: string, more: Partial<TargetIdentity> = {}): TargetIdentity => ({
  kind: 'file',
  vmm,
  name,
  pid: null,
  startTimeTicks: null,
  executable: null,
  vcpu: 0,
  tid: null,
  ...more,
});

/** The facts of a file that holds none but those given. takenAtMs is 0: no format read here holds the time. */
export const factsOf = (target: TargetIdentity, imageCall: string, known: Partial<Facts> = {}): Facts => ({
  target,
  takenAtMs: 0,
  pauseNs: null,
  inKvmRun: null,
  frozen: false,
  imageCall,
  kernelRelease: null,
  guestCpuid: [],
  hostCpuid: [],
  xcr0: null,
  msrs: [],
  guestPermission: null,
  hostPermission: null,
  supportedXcr0: null,
  sizes: { capXsave2Vm: null, capXsave2System: null, writtenBytes: null, legacyErrno: null },
  general: null,
  control: null,
  failed: [],
  ...known,
});

export const stateOf = (label: string, image: Image, facts: Facts): OpenedState => ({
  label,
  number: facts.target.vcpu,
  capture: { image, facts },
});
