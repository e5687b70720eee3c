import type { TargetSummary } from '../../../app/bridge.ts';

/** What stands in the way of the calls, as far as the list knows before attaching. */
export const seccompSentence = (target: TargetSummary): string => {
  const filtered = target.vcpus.filter((vcpu) => vcpu.seccomp !== 'none').length;
  if (filtered === 0) return 'no seccomp filter on the vCPU threads';
  return filtered === target.vcpus.length
    ? 'seccomp on the vCPU threads: each call is judged before it is made'
    : `seccomp on ${filtered} of ${target.vcpus.length} vCPU threads`;
};
