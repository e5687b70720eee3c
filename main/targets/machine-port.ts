import type { Answer, TargetList } from '../../app/bridge.ts';
import type { TargetIdentity } from '../../app/capture/capture.ts';
import type { MachinePort } from '../../app/debug/held-vcpus.ts';
import type { Target } from '../../app/debug/target.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';

interface Reach {
  readonly listTargets: () => Promise<Answer<TargetList>>;
  readonly openLive: (pid: number, startTimeTicks: bigint, vcpu: number) => Promise<Answer<Target>>;
}

/** The way to all vCPUs of a live target's process; null of any other target. */
export const machinePort =
  ({ listTargets, openLive }: Reach) =>
  ({ kind, pid, startTimeTicks }: TargetIdentity): MachinePort | null => {
    if (kind !== 'live' || pid === null || startTimeTicks === null) return null;
    const where = `pid ${pid}`;
    return {
      vcpus: async () => {
        const listed = await listTargets();
        if (!listed.ok) return listed;
        const found = listed.value.targets.find(
          (one) => one.pid === pid && BigInt(one.startTimeTicks) === startTimeTicks,
        );
        if (found === undefined) return refuse('target-gone', 'the target has ended', { where });
        if (found.vcpusLeftOut > 0)
          return refuse('not-held', `${found.vcpusLeftOut} vCPUs more than are listed cannot be held`, { where });
        const numbers = found.vcpus.map(({ index }) => index);
        return new Set(numbers).size === numbers.length
          ? answer(numbers)
          : refuse('not-held', 'the process runs several VMs: which of their vCPUs belong together is not known', {
              where,
            });
      },
      open: (vcpu) => openLive(pid, startTimeTicks, vcpu),
    };
  };
