import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concat } from '../../app/bits/bytes.ts';
import type { Cpuid, CpuidEntry } from '../../app/cpu/cpuid.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { SAPPHIRE_RAPIDS_HOST } from '../../app/fixtures/sapphire-rapids-cpuid.ts';
import { encodeFrame, FrameReader } from '../../app/wire/frames.ts';
import { type HelloReply, MESSAGES } from '../../app/wire/messages.ts';
import { writeStruct } from '../../app/wire/struct.ts';
import { CPUID_ENTRY, HELLO_REPLY } from '../../app/wire/structs.ts';
import { findPreset } from '../../app/xsave/presets.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The helper of the production build, on this machine. */
const REAL_HELPER = join(ROOT, 'dist/native/tilescope-helper');
const MADE = join(ROOT, 'dist/test/hosts');

/** What everything above the helper learns of the machine: the helper's first answer. */
type Hello = Omit<HelloReply, 'cpuid'> & { readonly cpuid: Cpuid };
type Described = (here: Hello) => Partial<Hello>;

interface DescribedHost {
  readonly describe: Described;
  /** `-cpu` of the guests, so that they have no more than the machine that is described. */
  readonly guestCpu: string | null;
  /** Why no guest of this machine can stand for one of the described machine; null: it can. */
  readonly noGuests: string | null;
  /** The helper that runs there, as native/Makefile makes it; none: that of this machine. */
  readonly helper?: string;
  /** What KVM_CHECK_EXTENSION answers there, by number; null: there is no KVM; not there: as this machine's, or what a new one does. */
  readonly kvm?: ReadonlyMap<number, number> | null;
  /** What a VMM that is attached to may use there, its KVM supports and its guests’ CPUID has; none: what they are here. */
  readonly attachedXcr0?: bigint;
}

/** Linux 5.10: neither KVM_CAP_XSAVE2 (208) nor KVM_CAP_SYS_ATTRIBUTES (209), nor what else came after it. (linux/kvm.h) */
const KVM_5_10 = new Map([23, 41, 50, 55, 56, 74, 136, 153, 157].map((number) => [number, 1]));
/** Linux 6.18, with an image of so many bytes, and KVM_GUESTDBG_BLOCKIRQ. */
const newKvm = (imageBytes: number): ReadonlyMap<number, number> =>
  new Map([...KVM_5_10, [195, 1 << 20], [208, imageBytes], [209, 1], [235, 1]]);

const withEntry = (cpuid: Cpuid, leaf: number, subleaf: number, change: Partial<CpuidEntry>): Cpuid =>
  cpuid.map((entry) => (entry.leaf === leaf && entry.subleaf === subleaf ? { ...entry, ...change } : entry));

const entry = (cpuid: Cpuid, leaf: number, subleaf: number): CpuidEntry =>
  cpuid.find((one) => one.leaf === leaf && one.subleaf === subleaf) ?? {
    leaf,
    subleaf,
    eax: 0,
    ebx: 0,
    ecx: 0,
    edx: 0,
  };

const endOf = (cpuid: Cpuid): number =>
  Math.max(
    576,
    ...cpuid.flatMap(({ leaf, subleaf, eax, ebx, ecx }) =>
      leaf === 0xd && subleaf > 1 && (ecx & 1) === 0 ? [eax + ebx] : [],
    ),
  );

/** This machine without some of its user components: they are not enumerated, and all that lies behind them is left where it is. */
const without =
  (bits: readonly number[]): Described =>
  ({ cpuid, hostXcr0Supported }) => {
    const mask = bits.reduce((all, bit) => all | (1 << bit), 0);
    const left = cpuid.filter(({ leaf, subleaf }) => leaf !== 0xd || subleaf < 2 || !bits.includes(subleaf));
    const first = entry(left, 0xd, 0);
    const changed = { eax: first.eax & ~mask, ebx: endOf(left), ecx: endOf(left) };
    return { cpuid: withEntry(left, 0xd, 0, changed), hostXcr0Supported: hostXcr0Supported & ~BigInt(mask) };
  };

const withoutXsaves: Described = ({ cpuid }) => {
  const left = cpuid.filter(({ leaf, subleaf, ecx }) => leaf !== 0xd || subleaf < 2 || (ecx & 1) === 0);
  return { cpuid: withEntry(left, 0xd, 1, { eax: entry(left, 0xd, 1).eax & ~8, ecx: 0, edx: 0 }) };
};

const brand = (name: string): Cpuid => {
  const text = Buffer.alloc(48);
  text.write(name, 'ascii');
  return [0, 1, 2].map((at) => ({
    leaf: 0x80000002 + at,
    subleaf: 0,
    eax: text.readUInt32LE(at * 16),
    ebx: text.readUInt32LE(at * 16 + 4),
    ecx: text.readUInt32LE(at * 16 + 8),
    edx: text.readUInt32LE(at * 16 + 12),
  }));
};

const HAS_KVM = { kvmApiVersion: 12, kvmErrno: 0 };

/** The rest of a machine that is described whole. */
const NAMED = {
  ...{ kernelRelease: '6.18.0', ...HAS_KVM, yamaScope: 0 },
  // CAP_SYS_PTRACE, CAP_SYS_ADMIN: as root has them, whoever runs the stories.
  capabilities: (1n << 19n) | (1n << 21n),
};

/** AMX-BF16, AMX-TILE and AMX-INT8 of leaf 7 EDX: a CPU without XTILECFG and XTILEDATA has none of them. */
const AMX_FEATURES = (1 << 22) | (1 << 24) | (1 << 25);
const withoutAmx = (cpuid: Cpuid): Cpuid =>
  withEntry(cpuid, 7, 0, { edx: (entry(cpuid, 7, 0).edx & ~AMX_FEATURES) >>> 0 }).filter(
    ({ leaf, subleaf }) => leaf !== 7 || subleaf === 0,
  );

/** A CPU by its public enumeration, with the features of another one of its kind. */
const named = (preset: string, features: Cpuid, supported: bigint): Described => {
  const found = findPreset(preset);
  if (found === undefined) throw new Error(`no preset ${preset}`);
  const cpuid = [...features.filter(({ leaf }) => leaf < 0xd), ...found.cpuid, ...brand(found.label)];
  return () => ({ ...NAMED, cpuid, hostXcr0Supported: supported });
};

const FOREIGN = 'its XSAVE layout is not that of this machine, which every image of a guest here has';

const PICTURED_FEATURES = ['xsave', 'avx', 'avx2'];

const amd = (): Cpuid => sampleCapture().facts.hostCpuid;

/** What KVM gives the pictured guests: what lies at the same place on every CPU that has it. (AVX-512 and PKRU do not.) */
export const PICTURED_XCR0 = 7n;
/** AVX2, the one feature of leaf 7 that says something of these components. */
const PICTURED_LEAF_7 = { ebx: 1 << 5, ecx: 0, edx: 0 };

/** Where stories of live guests take place whose pictures are compared. */
export const PICTURED = 'guests';

/** By name, as TILESCOPE_TEST_HOST takes it. */
export const HOSTS: Readonly<Record<string, () => DescribedHost>> = {
  'no-pku': () => ({ describe: without([9]), guestCpu: 'host,-arch-capabilities,-pku', noGuests: null }),
  'no-avx512': () => ({
    describe: without([5, 6, 7]),
    guestCpu: 'host,-arch-capabilities,-avx512f',
    noGuests: null,
  }),
  'no-xsaves': () => ({
    describe: withoutXsaves,
    guestCpu: 'host,-arch-capabilities,-xsaves',
    noGuests: null,
  }),
  intel: () => ({
    describe: named('skylake-sp', withoutAmx(SAPPHIRE_RAPIDS_HOST), 0x2e7n),
    guestCpu: null,
    noGuests: FOREIGN,
    kvm: newKvm(2696),
  }),
  amx: () => ({
    describe: named('sapphire-rapids', SAPPHIRE_RAPIDS_HOST, 0x602e7n),
    guestCpu: null,
    noGuests: FOREIGN,
    kvm: newKvm(11008),
  }),
  'no-kvm': () => ({
    describe: () => ({ kvmApiVersion: 0, kvmErrno: 2, hostXcr0Supported: 0n }),
    guestCpu: null,
    noGuests: '/dev/kvm is absent on it',
    kvm: null,
  }),
  /** Linux before 5.17: its KVM answers 0 to KVM_CAP_XSAVE2, and images are KVM_GET_XSAVE's. */
  'old-kvm': () => ({
    describe: () => ({ kernelRelease: '5.10.0', hostXcr0Supported: 0n }),
    guestCpu: null,
    noGuests: null,
    helper: 'old-kvm',
    kvm: KVM_5_10,
  }),
  [PICTURED]: () => ({
    describe: named('broadwell', withEntry(withoutAmx(SAPPHIRE_RAPIDS_HOST), 7, 0, PICTURED_LEAF_7), PICTURED_XCR0),
    guestCpu: `qemu64,-svm,${PICTURED_FEATURES.map((name) => `+${name}`).join(',')}`,
    noGuests: null,
    kvm: newKvm(832),
    attachedXcr0: PICTURED_XCR0,
  }),
  /** Where the stories of recorded and model guests take place, so that their pictures are the same everywhere. */
  stories: () => ({ describe: named('zen5', amd(), 0x2e7n), guestCpu: null, noGuests: FOREIGN }),
};

const encodeHello = ({ cpuid, ...head }: Hello): Uint8Array =>
  concat([
    writeStruct(HELLO_REPLY, { ...head, cpuidCount: cpuid.length }),
    ...cpuid.map((one) => writeStruct(CPUID_ENTRY, one)),
  ]);

const helloHere = (helper: string = REAL_HELPER): Hello => {
  const payload = MESSAGES.hello.encode(null);
  const input = encodeFrame({ requestId: 1, code: MESSAGES.hello.code, status: 0, payload });
  const { stdout, error } = spawnSync(helper, [], { input });
  if (error !== undefined) throw error;
  const reply = MESSAGES.hello.decode(new FrameReader().push(stdout).frames[0]?.payload ?? new Uint8Array(0));
  if (!reply.ok) throw new Error('the helper does not say hello');
  return reply.value;
};

/** Whole at once: several runs make the same files beside each other. */
const put = (path: string, make: (beside: string) => void): void => {
  const beside = `${path}.${randomUUID()}`;
  make(beside);
  renameSync(beside, path);
};

const built = (): string => {
  const program = join(MADE, 'described-helper');
  const source = join(import.meta.dirname, '../guest/described_helper.c');
  const newest = Math.max(...[source, join(ROOT, 'native/wire/protocol.h')].map((path) => statSync(path).mtimeMs));
  if (existsSync(program) && statSync(program).mtimeMs > newest) return program;
  mkdirSync(MADE, { recursive: true });
  const flags = ['-std=c17', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror'];
  put(program, (beside) => execFileSync('cc', [...flags, source, '-o', beside]));
  return program;
};

const OTHER_NUMBERS = 'the helper of this host has numbers for KVM_GET_XSAVE2 and its like that no filter knows';

/** A helper of the tests, compiled for this kind of machine: a target of native/Makefile. */
const madeHelper = (target: string): string => {
  const folder = join(MADE, 'native');
  mkdirSync(folder, { recursive: true });
  execFileSync('make', ['-s', '-C', join(ROOT, 'native'), `OUT=${folder}`, target], { stdio: ['ignore', 2, 2] });
  return join(folder, `helper-${target}`);
};

/** As `tilescope-helper --kvm` prints it. */
const kvmLines = (answers: ReadonlyMap<number, number> | null): string =>
  [...(answers ?? [])].map(([number, value]) => `${number} ${value}\n`).join('');

/** This machine with a KVM: one that has none of its own can still be taken for one, as far as no guest is needed. */
const withKvm = (here: Hello): Hello =>
  here.kvmErrno === 0 ? here : { ...here, ...HAS_KVM, hostXcr0Supported: BigInt(entry(here.cpuid, 0xd, 0).eax >>> 0) };

const kvmHere = (helper: string, { cpuid }: Hello): string => {
  const { status, stdout } = spawnSync(helper, ['--kvm'], { encoding: 'utf8' });
  return status === 0 ? stdout : kvmLines(newKvm(endOf(cpuid)));
};

/** What a Tilescope is started with, so that it takes this machine for the described one. */
export const describedHost = (name: string): Readonly<Record<string, string>> => {
  const host = HOSTS[name]?.();
  if (host === undefined) throw new Error(`no host is named ${name}: ${Object.keys(HOSTS).join(', ')}`);
  const program = built();
  const helper = host.helper === undefined ? REAL_HELPER : madeHelper(host.helper);
  const here = withKvm(helloHere(helper));
  const file = join(MADE, `${name}.hello`);
  put(file, (beside) => writeFileSync(beside, encodeHello({ ...here, ...host.describe(here) })));
  return {
    TILESCOPE_HELPER: program,
    TILESCOPE_REAL_HELPER: helper,
    TILESCOPE_DESCRIBED_HOST: file,
    ...(host.helper === undefined ? {} : { TILESCOPE_OTHER_NUMBERS: OTHER_NUMBERS }),
    TILESCOPE_DESCRIBED_KVM: host.kvm === undefined ? kvmHere(helper, here) : kvmLines(host.kvm),
    ...(host.noGuests === null ? {} : { TILESCOPE_NO_TARGETS: host.noGuests }),
    ...(host.attachedXcr0 === undefined ? {} : { TILESCOPE_DESCRIBED_XCR0: `0x${host.attachedXcr0.toString(16)}` }),
    ...(host.guestCpu === null ? {} : { TILESCOPE_GUEST_CPU: host.guestCpu }),
  };
};
