import { bytesOfUint, concat, writeU32, writeU64 } from '../../bits/bytes.ts';
import { utf8FromText } from '../../bits/text.ts';
import type { Cpuid } from '../../cpu/cpuid.ts';
import { crc64 } from '../crc64.ts';

/*
 * A Firecracker state file written after Firecracker's own definitions (see firecracker.ts), for tests: bincode with
 * fixed-width integers, kvm structures as strings of bytes. The registers are numbered so that a swapped field shows.
 */
export interface VcpuSample {
  readonly cpuid: Cpuid;
  readonly msrs: readonly { readonly index: number; readonly value: bigint }[];
  readonly xcr0: bigint;
  readonly image: Uint8Array;
  /** Registers other than the numbered ones: where it executes, its page tables. */
  readonly rip?: bigint;
  readonly cr3?: bigint;
  readonly cr4?: bigint;
}

const u64 = (value: number | bigint): Uint8Array => bytesOfUint(BigInt(value), 8);
const blob = (bytes: Uint8Array): Uint8Array => concat([u64(bytes.length), bytes]);
const text = (characters: string): Uint8Array => blob(utf8FromText(characters));

const flexible = (entries: readonly Uint8Array[]): Uint8Array =>
  concat([blob(bytesOfUint(BigInt(entries.length), 8)), u64(entries.length), ...entries.map(blob)]);

const words = (sizeBytes: number, values: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(sizeBytes);
  for (const [index, value] of values.entries()) writeU32(bytes, 4 * index, value);
  return bytes;
};

const cpuidEntry2 = ({ leaf, subleaf, eax, ebx, ecx, edx }: Cpuid[number]): Uint8Array =>
  words(40, [leaf, subleaf, leaf === 0xd ? 1 : 0, eax, ebx, ecx, edx]);

const msrEntry = ({ index, value }: VcpuSample['msrs'][number]): Uint8Array =>
  concat([words(8, [index]), bytesOfUint(value, 8)]);

/** rax is 0x1000, rbx 0x1001, … rip 0x1010, rflags 0x1011, in the order of struct kvm_regs. */
export const sampleRegs = ({ rip }: Partial<VcpuSample> = {}): Uint8Array =>
  concat(Array.from({ length: 18 }, (_, index) => u64(index === 16 ? (rip ?? 0x1010) : 0x1000 + index)));

/** cr0 is 0x80050033, cr2 0x2, cr3 0x3000, cr4 0x4, cr8 0x8, efer 0xd01. */
export const sampleSregs = ({ cr3, cr4 }: Partial<VcpuSample> = {}): Uint8Array => {
  const bytes = new Uint8Array(312).fill(0x5a, 0, 224);
  for (const [index, value] of [0x80050033, 0x2, cr3 ?? 0x3000, cr4 ?? 0x4, 0x8, 0xd01].entries()) {
    writeU64(bytes, 224 + 8 * index, BigInt(value));
  }
  return bytes;
};

export const sampleXcrs = (xcr0: bigint): Uint8Array => {
  const bytes = new Uint8Array(392);
  writeU32(bytes, 0, 1);
  writeU64(bytes, 16, xcr0);
  return bytes;
};

const xsave = (image: Uint8Array, major: number): Uint8Array => {
  const region = image.slice(0, 4096);
  if (major < 6) return blob(region);
  const extra = image.subarray(4096);
  const count = extra.length / 4;
  return concat([blob(concat([u64(count), region])), u64(count), extra]);
};

const vcpuState = (vcpu: VcpuSample, major: number): Uint8Array => {
  const half = Math.ceil(vcpu.msrs.length / 2);
  const chunks = [vcpu.msrs.slice(0, half), vcpu.msrs.slice(half)];
  return concat([
    flexible(vcpu.cpuid.map(cpuidEntry2)),
    u64(chunks.length),
    ...chunks.map((chunk) => flexible(chunk.map(msrEntry))),
    ...[128, 1024, 4].map((sizeBytes) => blob(new Uint8Array(sizeBytes).fill(0x11))),
    ...[blob(sampleRegs(vcpu)), blob(sampleSregs(vcpu)), blob(new Uint8Array(64)), blob(sampleXcrs(vcpu.xcr0))],
    xsave(vcpu.image, major),
    ...[Uint8Array.of(1), words(4, [2_900_000])],
  ]);
};

/** What stands before the vCPUs in format 4 and in the later ones; its size changes, and nothing in it is read. */
const beforeVcpus = (major: number): Uint8Array => {
  const vmInfo = concat([
    u64(1024),
    Uint8Array.of(0),
    words(4, [5]),
    text('/vmlinux'),
    Uint8Array.of(0),
    Uint8Array.of(1),
  ]);
  const boot = text('console=ttyS0 reboot=k');
  const regions = concat([u64(1), u64(0), u64(1 << 30), ...(major === 4 ? [u64(0)] : [])]);
  const chips = [112, 48, 520, 520, 520].map((sizeBytes) => blob(new Uint8Array(sizeBytes).fill(0x22)));
  const parts = major < 6 ? [regions, ...chips, u64(0)] : [u64(0), regions, ...chips];
  return concat([vmInfo, boot, ...parts]);
};

export const firecrackerFile = (version: string, vcpus: readonly VcpuSample[]): Uint8Array => {
  const major = Number(version.split('.')[0]);
  const devices = concat([u64(0), u64(0), new Uint8Array(5), Uint8Array.of(1), text('rootfs')]);
  const body = concat([
    ...[u64(0x0710_1984_8664_0000n), text(version), beforeVcpus(major)],
    ...[u64(vcpus.length), ...vcpus.map((vcpu) => vcpuState(vcpu, major)), devices],
  ]);
  return concat([body, bytesOfUint(crc64(body), 8)]);
};

/** Where the checksum is made to fit again, so that what is behind it can be tried. */
export const withChecksum = (file: Uint8Array): Uint8Array => {
  const body = file.subarray(0, Math.max(0, file.length - 8));
  return concat([body, bytesOfUint(crc64(body), 8)]);
};
