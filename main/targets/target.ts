import type { Answer, CallVerdict } from '../../app/bridge.ts';
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
  readonly canWrite: boolean;
  readonly frozen: boolean;
  readonly verdicts: readonly CallVerdict[];
  capture(): Promise<Answer<Capture>>;
  freeze(): Promise<Answer<null>>;
  resume(): Promise<Answer<null>>;
  /** KVM_SET_XSAVE. The write guard stands in the helper, whatever is asked here. */
  writeImage(image: Uint8Array): Promise<Answer<Written>>;
  /** KVM_SET_XCRS. */
  writeXcr0(value: bigint): Promise<Answer<Written>>;
  /** KVM_SET_MSRS, for an MSR on the closed list. putToInitFirst: the safe order of arming IA32_XFD. */
  writeMsr(index: number, value: bigint, putToInitFirst: boolean): Promise<Answer<Written>>;
  detach(): Promise<Answer<null>>;
  /** Told once when the target ended or the helper died. Returns the way out of the subscription. */
  onGone(listener: (reason: Extract<Answer<never>, { ok: false }>['refusal']) => void): () => void;
}
