import { describe, expect, test } from 'vitest';
import { findVcpu, parseVcpuName, type VcpuName, vcpuNameText } from './vcpu-name.ts';

/** As QEMU makes them for `-smp 6,sockets=2,cores=3`. */
const GAPS = [0, 1, 2, 4, 5, 6].map((index, vmmNumber) => ({ index, vmmNumber }));
const UNNAMED = [0, 1, 2].map((index) => ({ index, vmmNumber: null }));

const found = (name: VcpuName, vcpus: readonly { index: number; vmmNumber: number | null }[]) => {
  const answer = findVcpu(name, vcpus, 'pid 1');
  return answer.ok ? answer.value : answer.refusal.what;
};

describe('[C60] --vcpu takes KVM’s number and the VMM’s', () => {
  test.each([
    ['3', { either: 3 }],
    ['kvm:3', 3],
    ['cpu:0', { cpu: 0 }],
    ['', null],
    ['-1', null],
    ['cpu:', null],
    ['cpu:x', null],
    ['65536', null],
    ['1e1', null],
  ] as const)('%j', (text, name) => {
    expect(parseVcpuName(text)).toEqual(name);
    if (name !== null) expect(vcpuNameText(name)).toBe(text);
  });

  test('a number that only one of them has names it', () => {
    expect(found({ either: 3 }, GAPS)).toBe(4);
    expect(found({ either: 6 }, GAPS)).toBe(6);
    expect(found({ either: 0 }, GAPS)).toBe(0);
    expect(found({ either: 2 }, UNNAMED)).toBe(2);
  });

  test('a number that names two vCPUs is refused, and both ways to say it are shown', () => {
    const refused = findVcpu({ either: 4 }, GAPS, 'pid 1');
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'no-such-vcpu', where: 'pid 1' } });
    if (refused.ok) return;
    expect(refused.refusal.what).toBe(
      "4 names two vCPUs: KVM's vCPU 4, the VMM's CPU 3, and KVM's vCPU 5, the VMM's CPU 4",
    );
    expect(refused.refusal.remedy).toBe('say --vcpu kvm:4 or --vcpu cpu:4');
    expect(found(4, GAPS)).toBe(4);
    expect(found({ cpu: 4 }, GAPS)).toBe(5);
  });

  test('a CPU that is not known is refused; a number that nothing has is left for the helper to refuse', () => {
    expect(found({ cpu: 1 }, UNNAMED)).toContain('no vCPU that is known');
    expect(found({ either: 9 }, GAPS)).toBe(9);
  });
});
