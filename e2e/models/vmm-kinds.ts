import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DEMO, isThere } from './limited-vmm.ts';

/** One VMM in one configuration, as it is started for the table. */
export interface VmmKind {
  readonly name: string;
  readonly words: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** It says that its guest runs; the others are given a moment. */
  readonly saysReady: boolean;
  /** Of a filter that keeps Tilescope out unless it is suspended. */
  readonly suspend: boolean;
  /** Given by hand: what comes of it is for the table to say. */
  readonly isGiven?: boolean;
  /** What comes of the others where that is not yes: in the list, and of a write. */
  readonly listed?: string;
  readonly written?: string;
  /** Its runtime starts threads and maps memory all the time. */
  readonly neverRests?: boolean;
  /** How often KVM_RUN returned EINTR to it, where it counts that. */
  readonly eintr?: () => number;
  /** What it has found changed in its own memory, where it looks. */
  readonly harmed?: () => number;
}

const NATIVE = join(import.meta.dirname, '../../native');
const folder = mkdtempSync(join(tmpdir(), 'tilescope-vmms-'));
export const cleanUp = (): void => rmSync(folder, { recursive: true, force: true });

/** inc dword [0x7e00]; jmp: at the reset vector of a ROM, and as a kernel. */
const COUNTS = Buffer.from([0x66, 0xff, 0x06, 0x00, 0x7e, 0xeb, 0xf9]);

const rom = (): string => {
  const path = join(folder, 'rom');
  const bytes = Buffer.alloc(0x10000);
  Buffer.from([0x31, 0xc0, 0x8e, 0xd8, 0xfa]).copy(bytes, 0);
  COUNTS.copy(bytes, 5);
  Buffer.from([0xea, 0x00, 0x00, 0x00, 0xf0]).copy(bytes, 0xfff0);
  writeFileSync(path, bytes);
  return path;
};

/** One that is unpacked beside the system's has its firmware beside itself. */
const firmwareOf = (program: string): string[] =>
  ['../share/qemu', '../share/seabios']
    .map((path) => join(dirname(program), path))
    .filter((path) => program.includes('/') && existsSync(path))
    .flatMap((path) => ['-L', path]);

const qemu = (program: string): VmmKind[] => {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const version = /version (\d+\.\d+)/.exec(stdout ?? '')?.[1];
  if (version === undefined) throw new Error(`${program} is no QEMU`);
  const base = (more: readonly string[]): string[] => [
    ...[program, ...firmwareOf(program), '-accel', 'kvm', '-cpu', 'host,-arch-capabilities', '-m', '64'],
    ...['-display', 'none', '-nodefaults', '-serial', 'none', '-bios', rom(), ...more],
  ];
  const rows: [string, readonly string[]][] = [
    ['pc', ['-M', 'pc', '-name', 'a,debug-threads=on']],
    ['q35, no thread names', ['-M', 'q35']],
    ['q35, irqchip split', ['-M', 'q35,kernel-irqchip=split', '-name', 'a,debug-threads=on']],
    ['microvm', ['-M', 'microvm', '-name', 'a,debug-threads=on']],
    ['-smp 6,sockets=2,cores=3', ['-M', 'q35', '-smp', '6,sockets=2,cores=3', '-name', 'a,debug-threads=on']],
    ['-sandbox on', ['-M', 'q35', '-sandbox', 'on', '-name', 'a,debug-threads=on']],
  ];
  return rows.map(([name, more]) => ({
    ...{ name: `QEMU ${version}, ${name}`, words: base(more), saysReady: false, suspend: false },
  }));
};

const kvmtool = (program: string): VmmKind => {
  const kernel = join(folder, 'kernel');
  writeFileSync(kernel, COUNTS);
  mkdirSync(join(folder, '.lkvm'), { recursive: true });
  return {
    ...{ name: 'kvmtool', words: [program, 'run', '-k', kernel, '-c', '1', '-m', '64', '--nodefaults'] },
    ...{ environment: { HOME: folder }, saysReady: false, suspend: false },
  };
};

/** The page in front of its memory: struct demo_page of native/demo/demo.h, its first vCPU. */
const EINTR_OFFSET = 40;
/** Bytes amid small stacks, and registers that KVM_RUN keeps: how many were found changed. */
const HARM_OFFSETS = [128, 136];

const demo = (name: string, suspend: boolean, ...more: string[]): VmmKind => {
  const page = join(folder, `page-${name.replaceAll(/\W/g, '-')}`);
  return {
    ...{ name, words: [DEMO, '--program', 'integer', '--shm', page, ...more], saysReady: true, suspend },
    eintr: () => Number(readFileSync(page).readBigUInt64LE(EINTR_OFFSET)),
    harmed: () => HARM_OFFSETS.reduce((sum, at) => sum + Number(readFileSync(page).readBigUInt64LE(at)), 0),
  };
};

const goVmm = (): VmmKind[] => {
  const source = join(NATIVE, 'test/go_vmm.go');
  if (!existsSync(source) || !isThere('go')) return [];
  const program = join(folder, 'go-vmm');
  execFileSync('go', ['build', '-o', program, source], {
    env: { ...process.env, GOFLAGS: '-mod=mod', GO111MODULE: 'off', CGO_ENABLED: '0', GOCACHE: join(folder, 'go') },
  });
  const memory = join(folder, 'go-memory');
  writeFileSync(memory, Buffer.alloc(0x10000));
  const wrongSums = (): number => readFileSync(memory).readUInt32LE(0x7e04);
  return [
    {
      ...{ name: 'a VMM in Go', words: [program, memory], saysReady: false, suspend: false },
      neverRests: true,
      harmed: wrongSums,
    },
  ];
};

/** Given by hand, as NAME=COMMAND: nothing is known of it but what it does. The shell is the VMM from then on. */
const given = (words: string): VmmKind => {
  const at = words.indexOf('=');
  const command = words.slice(at + 1);
  return {
    ...{ name: words.slice(0, at), words: ['sh', '-c', `exec ${command}`], saysReady: false, suspend: false },
    ...{ neverRests: true, isGiven: true },
  };
};

const list = (name: string): string[] => (process.env[name] ?? '').split('\n').filter((path) => path !== '');

/** Every VMM that is installed, or named. */
export const vmmKinds = (): readonly VmmKind[] => [
  ...[...(isThere('qemu-system-x86_64') ? ['qemu-system-x86_64'] : []), ...list('TILESCOPE_QEMU')].flatMap(qemu),
  ...[...(isThere('lkvm') ? ['lkvm'] : []), ...list('TILESCOPE_KVMTOOL')].map(kvmtool),
  ...list('TILESCOPE_VMM').map(given),
  ...goVmm(),
  demo('demo VMM', false),
  demo('demo VMM, KVM_RUN on a stack of 2 KiB', false, '--small-stack'),
  { ...demo('under Firecracker’s filter', false, '--seccomp', 'firecracker'), written: 'no: KVM_SET_XSAVE' },
  demo('under Firecracker’s filter, suspended', true, '--seccomp', 'firecracker'),
  { ...demo('under Cloud Hypervisor’s filter', true, '--seccomp', 'cloud-hypervisor'), listed: 'no, told why' },
];
