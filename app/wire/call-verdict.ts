/** What the vCPU thread's seccomp filter says to a call Tilescope makes. */
export interface CallVerdict {
  readonly call: string;
  readonly number: string;
  /** SECCOMP_RET_* of linux/seccomp.h. */
  readonly action: number;
  readonly verdict: 'allowed' | 'refused' | 'kills' | 'not known';
}
