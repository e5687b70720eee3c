import type { Answer, CallVerdict, Refusal } from '../../app/bridge.ts';
import type { Capture, TargetIdentity } from '../../app/session/capture.ts';

/** What a write left behind: the image read back in the same stop, or the register's value. */
export interface Written {
  readonly readBack: Uint8Array;
  readonly value: bigint;
  readonly pauseNs: bigint;
}

/** A vCPU that can be read, and perhaps written: live over the helper, a model in software, or a file. */
export interface Target {
  readonly identity: TargetIdentity;
  readonly vcpus: readonly number[];
  readonly canWrite: boolean;
  readonly frozen: boolean;
  readonly verdicts: readonly CallVerdict[];
  capture(): Promise<Answer<Capture>>;
  freeze(): Promise<Answer<null>>;
  /** How long the vCPU had stood still, in nanoseconds. */
  resume(): Promise<Answer<bigint>>;
  /** KVM_SET_XSAVE. The write guard stands in the helper, whatever is asked here. */
  writeImage(image: Uint8Array): Promise<Answer<Written>>;
  /** KVM_SET_XCRS. */
  writeXcr0(value: bigint): Promise<Answer<Written>>;
  /** KVM_SET_MSRS, for an MSR on the closed list. putToInitFirst: the safe order of arming IA32_XFD. */
  writeMsr(index: number, value: bigint, putToInitFirst: boolean): Promise<Answer<Written>>;
  detach(): Promise<Answer<null>>;
  /** Told once, when the target ended. Returns the way out of the subscription. */
  onGone(listener: (reason: Refusal) => void): () => void;
  /** Told when the helper died, with why, and with null once another has taken its place. */
  onHelper(listener: (problem: string | null) => void): () => void;
}
