import type { Answer } from '../../app/bridge.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';

/**
 * A vCPU has two numbers. KVM's is the APIC id, which has gaps where a socket's cores are no power of two; the VMM counts its
 * CPUs from 0 on. A plain number is KVM's; `{ either }` is what a person typed, who may mean the one or the other.
 */
export type VcpuName = number | { readonly either: number } | { readonly cpu: number };

/** The greatest index that is taken for a vCPU's. */
const MAX_VCPU_INDEX = 65_535;

/** `3`, `kvm:3` or `cpu:3`; null where it is none of them. */
export const parseVcpuName = (text: string): VcpuName | null => {
  const [, by, digits = ''] = /^(kvm:|cpu:)?(\d{1,5})$/.exec(text) ?? [];
  const number = Number(digits);
  if (digits === '' || number > MAX_VCPU_INDEX) return null;
  return by === 'kvm:' ? number : by === 'cpu:' ? { cpu: number } : { either: number };
};

export const vcpuNameText = (name: VcpuName): string =>
  typeof name === 'number' ? `kvm:${name}` : 'cpu' in name ? `cpu:${name.cpu}` : String(name.either);

/** The numbers of one vCPU; vmmNumber null: not known. */
interface Numbers {
  readonly index: number;
  readonly vmmNumber: number | null;
}

/** KVM's number of the vCPU that is meant, of those of one process. Never a guess between two. */
export const findVcpu = (name: VcpuName, vcpus: readonly Numbers[], where: string): Answer<number> => {
  if (typeof name === 'number') return answer(name);
  const number = 'cpu' in name ? name.cpu : name.either;
  const byCpu = vcpus.find((vcpu) => vcpu.vmmNumber === number);
  if ('cpu' in name) {
    return byCpu === undefined
      ? refuse('no-such-vcpu', `the process has no vCPU that is known to be its VMM's CPU ${number}`, {
          where,
          remedy: 'tilescope list --json shows the numbers; --vcpu kvm:N takes KVM’s',
        })
      : answer(byCpu.index);
  }
  const byKvm = vcpus.find((vcpu) => vcpu.index === number);
  if (byKvm !== undefined && byCpu !== undefined && byKvm.index !== byCpu.index) {
    const other = byKvm.vmmNumber === null ? '' : `, the VMM's CPU ${byKvm.vmmNumber}`;
    return refuse(
      'no-such-vcpu',
      `${number} names two vCPUs: KVM's vCPU ${number}${other}, and KVM's vCPU ${byCpu.index}, the VMM's CPU ${number}`,
      { where, remedy: `say --vcpu kvm:${number} or --vcpu cpu:${number}` },
    );
  }
  return answer(byKvm?.index ?? byCpu?.index ?? number);
};
