import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Monitor } from './monitor.ts';

/** What a disk needs, each behind what it needs itself. */
const MODULES = [
  ...['virtio/virtio_ring', 'virtio/virtio', 'virtio/virtio_pci_modern_dev', 'virtio/virtio_pci_legacy_dev'],
  ...['virtio/virtio_pci', 'block/virtio_blk'],
];
const BUSYBOX = '/bin/busybox';
const DISK_BYTES = 32 << 20;

/**
 * Its symbols and its BTF go to two disks; then a process is most of the time in one system call, and the kernel prints its own
 * calls of it: those of one that was not interrupted between two such calls.
 */
const INIT = `#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
for m in ${MODULES.map((name) => basename(name)).join(' ')}; do $b insmod /$m.ko; done
$b cat /proc/kallsyms > /dev/vda; $b cat /sys/kernel/btf/vmlinux > /dev/vdb; $b sync
/bin/dd if=/dev/zero of=/dev/null bs=1M &
$b sleep 1
$b echo "banner $($b cat /proc/version)"
until echo "$calls" | $b grep -q vfs_read; do calls=$($b cat /proc/$!/stack); done
$b echo "$calls"
$b echo "ready $! $($b wc -c < /sys/kernel/btf/vmlinux) end"
wait
`;

const kernels = existsSync('/boot') ? readdirSync('/boot').filter((name) => name.startsWith('vmlinuz-')) : [];
const kernel = kernels.find((name) =>
  MODULES.every((path) => existsSync(`/lib/modules/${name.slice('vmlinuz-'.length)}/kernel/drivers/${path}.ko`)),
);

/** null: a Linux of this machine's can be booted. */
export const LINUX_ABSENT: string | null =
  kernel === undefined
    ? 'no kernel with virtio modules is in /boot (linux-image-amd64)'
    : existsSync(BUSYBOX) && spawnSync('ldd', [BUSYBOX]).status !== 0
      ? null
      : `no static ${BUSYBOX} (busybox-static)`;

/** This machine's own Linux kernel, booted on an emulated CPU, which KASLR has moved: no KVM is needed. */
export class LinuxGuest {
  readonly pid: number;
  /** What the guest printed of itself. */
  readonly banner: string;
  /** Names of /proc/PID/stack, the innermost first. */
  readonly stack: readonly string[];
  readonly symbols: string;
  readonly btf: string;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #monitor: Monitor;

  private constructor(folder: string, child: ChildProcess, monitor: Monitor, said: string) {
    [this.#folder, this.#child, this.#monitor] = [folder, child, monitor];
    const [, pid = '', btfBytes = ''] = /^ready (\d+) (\d+) end/m.exec(said) ?? [];
    this.pid = Number(pid);
    this.banner = /^banner (.*?)\r?$/m.exec(said)?.[1] ?? '';
    this.stack = [...said.matchAll(/^\[<0>\] ([\w.]+)\+/gm)].map(([, name]) => name ?? '');
    [this.symbols, this.btf] = [join(folder, 'kallsyms'), join(folder, 'btf')];
    const text = readFileSync(join(folder, 'vda'));
    writeFileSync(this.symbols, text.subarray(0, text.indexOf(0)));
    writeFileSync(this.btf, readFileSync(join(folder, 'vdb')).subarray(0, Number(btfBytes)));
  }

  static async start(): Promise<LinuxGuest> {
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-linux-'));
    const root = join(folder, 'root');
    for (const name of ['bin', 'proc', 'sys', 'dev']) mkdirSync(join(root, name), { recursive: true });
    copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
    symlinkSync('busybox', join(root, 'bin/dd'));
    const release = kernel?.slice('vmlinuz-'.length);
    for (const path of MODULES) {
      copyFileSync(`/lib/modules/${release}/kernel/drivers/${path}.ko`, join(root, `${basename(path)}.ko`));
    }
    writeFileSync(join(root, 'init'), INIT);
    chmodSync(join(root, 'init'), 0o755);
    execFileSync('sh', ['-c', `find . | ${BUSYBOX} cpio -o -H newc > ../initramfs 2> /dev/null`], { cwd: root });
    const disks = ['vda', 'vdb'].flatMap((name) => {
      writeFileSync(join(folder, name), '');
      truncateSync(join(folder, name), DISK_BYTES);
      return ['-drive', `file=${join(folder, name)},if=virtio,format=raw`];
    });
    const child = spawn(
      'qemu-system-x86_64',
      [
        ...['-accel', 'tcg', '-cpu', 'max', '-m', '256', '-nodefaults', '-display', 'none', '-no-reboot', ...disks],
        ...['-serial', `file:${join(folder, 'console')}`],
        ...['-monitor', `unix:${join(folder, 'monitor')},server=on,wait=off`],
        ...['-kernel', `/boot/${kernel}`, '-initrd', join(folder, 'initramfs')],
        ...['-append', 'console=ttyS0 quiet panic=-1 mitigations=off'],
      ],
      { stdio: 'ignore' },
    );
    const monitor = await Monitor.open(join(folder, 'monitor'), () =>
      child.exitCode === null ? null : `QEMU ended with ${child.exitCode}`,
    );
    for (;;) {
      const said = readFileSync(join(folder, 'console'), 'utf8');
      if (/^ready .* end/m.test(said)) return new LinuxGuest(folder, child, monitor, said);
      if (child.exitCode !== null) throw new Error(`the guest ended: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** It stands still in it, and goes on afterwards. */
  async dump(): Promise<string> {
    const file = join(this.#folder, 'dump');
    await this.#monitor.ask('stop');
    rmSync(file, { force: true });
    await this.#monitor.ask(`dump-guest-memory ${file}`);
    return file;
  }

  ask(command: string): Promise<string> {
    return this.#monitor.ask(command);
  }

  async stop(): Promise<void> {
    this.#monitor.close();
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
