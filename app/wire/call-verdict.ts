/** What the vCPU thread's seccomp filter says to a call Tilescope makes. */
export interface CallVerdict {
  readonly call: string;
  readonly number: string;
  readonly verdict: 'allowed' | 'refused' | 'kills' | 'not known';
}
