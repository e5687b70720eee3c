import { basename } from 'node:path';

/** What a VMM's command line says about it, for people: nothing is decided by it. */
export interface VmmNames {
  readonly vmm: string;
  readonly name: string;
}

/** The value of an option given as `--id foo`, `--id=foo`, or `-id foo`. */
const optionValue = (args: readonly string[], names: readonly string[]): string | null => {
  for (const [index, argument] of args.entries()) {
    for (const name of names) {
      if (argument === name) return args[index + 1] ?? null;
      if (argument.startsWith(`${name}=`)) return argument.slice(name.length + 1);
    }
  }
  return null;
};

/** QEMU's key lists, `-name foo,debug-threads=on`: the first value may stand without its key, and `,,` is a comma. */
const qemuKeys = (text: string, implied: string): ReadonlyMap<string, string> => {
  const keys = new Map<string, string>();
  for (const [index, item] of text.replaceAll(',,', '\0').split(',').entries()) {
    const clean = item.replaceAll('\0', ',');
    const equals = clean.indexOf('=');
    if (equals === -1) {
      if (index === 0) keys.set(implied, clean);
    } else keys.set(clean.slice(0, equals), clean.slice(equals + 1));
  }
  return keys;
};

/** The guest's name; else its UUID, the machine type, the first disk; what QEMU has been told decides. */
const qemuName = (args: readonly string[]): string | null => {
  const name = optionValue(args, ['-name', '--name']);
  if (name !== null) {
    const guest = qemuKeys(name, 'guest').get('guest');
    if (guest) return guest;
  }
  const uuid = optionValue(args, ['-uuid', '--uuid']);
  if (uuid) return uuid;
  const machine = optionValue(args, ['-machine', '-M', '--machine']);
  const type = machine === null ? undefined : qemuKeys(machine, 'type').get('type');
  return type || null;
};

const socketName = (args: readonly string[], names: readonly string[]): string | null => {
  const path = optionValue(args, names);
  if (path === null) return null;
  // Cloud Hypervisor also takes `--api-socket path=…`.
  return basename(path.replace(/^path=/, '')).replace(/\.(sock|socket)$/, '') || null;
};

interface VmmRow {
  readonly vmm: string;
  /** Of the executable's file name. */
  readonly executable: RegExp;
  readonly name: (args: readonly string[]) => string | null;
}

const VMMS: readonly VmmRow[] = [
  // Builds by another name: qemu-system-x86_64-microvm of Debian's, .qemu-system-x86_64-wrapped of Nix's.
  { vmm: 'QEMU', executable: /^\.?(qemu-system-[\w-]+|qemu-kvm[\w.-]*|kvm)$/, name: qemuName },
  {
    vmm: 'Firecracker',
    executable: /^firecracker/,
    name: (args) => optionValue(args, ['--id']) ?? socketName(args, ['--api-sock']),
  },
  {
    vmm: 'Cloud Hypervisor',
    executable: /^cloud-hypervisor/,
    name: (args) => socketName(args, ['--api-socket']),
  },
  {
    vmm: 'crosvm',
    executable: /^crosvm/,
    name: (args) => optionValue(args, ['--name']) ?? socketName(args, ['--socket', '-s']),
  },
  {
    vmm: 'kvmtool',
    executable: /^(lkvm|lkvm-static|kvmtool|vm)$/,
    name: (args) => optionValue(args, ['--name', '-n']),
  },
  // It starts itself again as runsc-sandbox, from a link without a name.
  { vmm: 'gVisor', executable: /^runsc(-sandbox)?$/, name: (args) => args.at(-1) ?? null },
  { vmm: 'libkrun', executable: /^(krunvm|krun|muvm|chroot_vm|libkrun.*)$/, name: () => null },
  { vmm: 'StratoVirt', executable: /^stratovirt$/, name: (args) => optionValue(args, ['-name', '--name']) },
];

/** A deleted executable, after an upgrade of the VMM, still has its name: the kernel appends this to the link. */
const withoutDeleted = (executable: string): string => executable.replace(/ \(deleted\)$/, '');

/**
 * Which VMM it is and what its guest is called.
 *
 * @param executable what /proc/PID/exe points to
 * @param cmdline the arguments, the program's own name first
 */
export const vmmNames = (executable: string, cmdline: readonly string[]): VmmNames => {
  const file = basename(withoutDeleted(executable)) || basename(cmdline[0] ?? '');
  const args = cmdline.slice(1);
  const called = basename(cmdline[0] ?? '');
  const row =
    VMMS.find((candidate) => candidate.executable.test(file)) ??
    (file === 'exe' ? VMMS.find((candidate) => candidate.executable.test(called)) : undefined);
  if (row === undefined) return { vmm: file || 'unknown VMM', name: file || 'unnamed' };
  return { vmm: row.vmm, name: row.name(args) || file };
};
