import { describe, expect, test } from 'vitest';
import { vmmNames } from './vmm.ts';

const names = (executable: string, line: string) => vmmNames(executable, line.split(' '));

describe('[C1] VMM and guest name from the command line', () => {
  test.each([
    ['/usr/bin/qemu-system-x86_64', 'qemu-system-x86_64 -name guest=web-1,debug-threads=on -m 64', 'QEMU', 'web-1'],
    ['/usr/bin/qemu-system-x86_64', 'qemu-system-x86_64 -name db -enable-kvm', 'QEMU', 'db'],
    ['/usr/bin/qemu-system-x86_64', 'qemu-system-x86_64 -name debug-threads=on,guest=late', 'QEMU', 'late'],
    [
      '/usr/bin/qemu-system-x86_64',
      'qemu -uuid 6b29fc40-ca47-1067-b31d-00dd010662da -M q35',
      'QEMU',
      '6b29fc40-ca47-1067-b31d-00dd010662da',
    ],
    ['/usr/bin/qemu-system-x86_64', 'qemu -machine q35,accel=kvm', 'QEMU', 'q35'],
    ['/usr/bin/qemu-system-x86_64', 'qemu -machine accel=kvm', 'QEMU', 'qemu-system-x86_64'],
    ['/usr/libexec/qemu-kvm', 'qemu-kvm -name rhel', 'QEMU', 'rhel'],
    ['/usr/bin/qemu-system-x86_64-microvm', 'qemu-system-x86_64-microvm -name small', 'QEMU', 'small'],
    ['/nix/store/a-qemu/bin/.qemu-system-x86_64-wrapped', 'qemu-system-x86_64 -name nix', 'QEMU', 'nix'],
    ['/usr/bin/qemu-system-x86_64 (deleted)', 'qemu -name old', 'QEMU', 'old'],
    ['/opt/firecracker', 'firecracker --id vm7 --api-sock /run/fc.sock', 'Firecracker', 'vm7'],
    ['/opt/firecracker-v1.9.0-x86_64', 'firecracker --id=vm8', 'Firecracker', 'vm8'],
    ['/opt/firecracker', 'firecracker --api-sock /run/api.socket', 'Firecracker', 'api'],
    ['/usr/bin/cloud-hypervisor', 'cloud-hypervisor --api-socket path=/run/ch-a.sock', 'Cloud Hypervisor', 'ch-a'],
    ['/usr/bin/cloud-hypervisor-static', 'cloud-hypervisor --kernel k', 'Cloud Hypervisor', 'cloud-hypervisor-static'],
    ['/usr/bin/crosvm', 'crosvm run --name tiny vmlinux', 'crosvm', 'tiny'],
    ['/usr/bin/crosvm', 'crosvm run -s /tmp/one.sock vmlinux', 'crosvm', 'one'],
    ['/usr/bin/lkvm', 'lkvm run --name k1 -k bzImage', 'kvmtool', 'k1'],
    ['/usr/local/bin/runsc', 'runsc-sandbox --root=/run/runsc boot --bundle=/b web-7', 'gVisor', 'web-7'],
    ['/usr/bin/krunvm', 'krunvm start fedora', 'libkrun', 'krunvm'],
    ['/usr/bin/stratovirt', 'stratovirt -name light -machine microvm', 'StratoVirt', 'light'],
    ['/home/me/my-vmm', 'my-vmm --kernel k', 'my-vmm', 'my-vmm'],
  ])('%s: %s', (executable, line, vmm, name) => {
    expect(names(executable, line)).toEqual({ vmm, name });
  });

  test('a doubled comma is a comma of the name', () => {
    expect(vmmNames('/usr/bin/qemu-system-x86_64', ['qemu', '-name', 'guest=a,,b,process=p'])).toEqual({
      vmm: 'QEMU',
      name: 'a,b',
    });
  });

  test('an option at the very end has no value, and nothing at all still has a name', () => {
    expect(vmmNames('/usr/bin/qemu-system-x86_64', ['qemu', '-name'])).toEqual({
      vmm: 'QEMU',
      name: 'qemu-system-x86_64',
    });
    expect(vmmNames('', [])).toEqual({ vmm: 'unknown VMM', name: 'unnamed' });
  });
});
