import { bytesOfUint, writeU16, writeU32, writeU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { maskOf, withBit } from '../bits/mask.ts';
import { textFromUtf8 } from '../bits/text.ts';
import { type ControlRegisters, factsOf, type GeneralRegisters, type SegmentRegisters } from '../capture/capture.ts';
import type { Image, Layout } from '../capture/image.ts';
import { GENERAL_BY_NUMBER } from '../cpu/general-numbers.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { BIT } from '../xsave/components.ts';
import { XSTATE_BV_OFFSET_BYTES } from '../xsave/header.ts';
import { MXCSR_OFFSET_BYTES, ST_OFFSET_BYTES, ST_STRIDE_BYTES } from '../xsave/legacy.ts';
import { initBytes } from '../xsave/view.ts';
import { LEGACY_IMAGE_BYTES, layoutByName } from './guess.ts';
import { CAPTURE_LIVE } from './not-read.ts';
import { fileTarget, type OpenedFile, type OpenedState, type OpenOptions, stateOf } from './opened.ts';
import { type QemuDevice, readQemuDevices } from './qemu-vmdesc.ts';

/*
 * What QEMU keeps of a vCPU in a migration stream (target/i386/machine.c): registers by name, not the XSAVE area of KVM. A
 * subsection is left out where all that it holds is zero. The image is put together from them as QEMU does for KVM_SET_XSAVE.
 * `virsh save` puts a header of 92 bytes and its XML in front (libvirt qemu_saveimage.h).
 */
const STREAM = 'QEVM';
const VIRSH = ['LibvirtQemudSave', 'LibvirtQemudPart'] as const;
const VIRSH_COMPRESSED_OFFSET = 28;
/** enum virQEMUSaveFormat. */
const VIRSH_FORMATS = ['raw', 'gzip', 'bzip2', 'xz', 'lzop', 'zstd', 'sparse'] as const;
const MOST_VCPUS = 4096;
/** XTILEDATA is 8192 elements of a byte, a high ZMM register one of 64. */
const MOST_ELEMENTS = 8192;
const MOST_ELEMENT_BYTES = 64;

const begins = (bytes: Uint8Array, prefix: string): boolean =>
  textFromUtf8(bytes.subarray(0, prefix.length)) === prefix;

export const isQemuStream = (bytes: Uint8Array): boolean =>
  begins(bytes, STREAM) || VIRSH.some((prefix) => begins(bytes, prefix));

/** The registers of one device, by their names. */
class Registers {
  readonly #device: QemuDevice;

  constructor(device: QemuDevice) {
    this.#device = device;
  }

  /**
   * The elements of a field, each as the bytes in the stream; none where it is left out. "cpu/apx:env.regs" is that of a
   * subsection, for it has the name of another field.
   */
  elements(path: string): readonly Uint8Array[] {
    const [section, name] = path.includes(':') ? path.split(':', 2) : [null, path];
    const field = this.#device.fields.find(
      (one) => (one.name === name || one.type === name) && (section === null || one.section === section),
    );
    if (field === undefined || field.sizeBytes === 0 || field.sizeBytes > MOST_ELEMENT_BYTES) return [];
    if (field.bytes.length > MOST_ELEMENTS * field.sizeBytes) return [];
    const count = field.bytes.length / field.sizeBytes;
    return Array.from({ length: count }, (_, index) =>
      field.bytes.subarray(index * field.sizeBytes, (index + 1) * field.sizeBytes),
    );
  }

  numbers(name: string): readonly bigint[] {
    return this.elements(name).map(bigEndian);
  }

  /** null: the stream does not have it. */
  number(name: string): bigint | null {
    return this.numbers(name)[0] ?? null;
  }

  zeroWhereAbsent(name: string): bigint {
    return this.number(name) ?? 0n;
  }
}

const bigEndian = (bytes: Uint8Array): bigint => bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** Numbers of 64 bits, or one that is shorter, big-endian in the stream, as they lie in memory. */
const turned = (bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += 8) {
    const number = bytes.subarray(at, at + 8);
    out.set(bytesOfUint(bigEndian(number), number.length), at);
  }
  return out;
};

/** Where one component's registers stand in the stream: fields by name, or by the name of what describes their elements. */
interface Source {
  readonly bit: number;
  readonly fields: readonly string[];
  /** Bytes, not numbers: kept as they are. */
  readonly isRaw?: true;
  readonly strideBytes: number;
}

const SOURCES: readonly Source[] = [
  { bit: BIT.SSE, fields: ['xmm_reg'], strideBytes: 16 },
  { bit: BIT.AVX, fields: ['ymmh_reg'], strideBytes: 16 },
  { bit: BIT.BNDREGS, fields: ['bnd_regs'], strideBytes: 16 },
  { bit: BIT.BNDCSR, fields: ['env.bndcs_regs.cfgu', 'env.bndcs_regs.sts'], strideBytes: 8 },
  { bit: BIT.opmask, fields: ['env.opmask_regs'], strideBytes: 8 },
  { bit: BIT.ZMM_Hi256, fields: ['zmmh_reg'], strideBytes: 32 },
  { bit: BIT.Hi16_ZMM, fields: ['hi16_zmm_reg'], strideBytes: 64 },
  { bit: BIT.PKRU, fields: ['env.pkru'], strideBytes: 8 },
  { bit: BIT.XTILECFG, fields: ['env.xtilecfg'], isRaw: true, strideBytes: 1 },
  { bit: BIT.XTILEDATA, fields: ['env.xtiledata'], isRaw: true, strideBytes: 1 },
  { bit: BIT.APX, fields: ['cpu/apx:env.regs'], strideBytes: 8 },
];

const put = (bytes: Uint8Array, registers: Registers, layout: Layout, source: Source): void => {
  const place = layout.components.find(({ bit }) => bit === source.bit);
  if (place === undefined) return;
  const elements = source.fields.flatMap((name) => [...registers.elements(name)]);
  for (const [index, element] of elements.entries()) {
    const at = source.strideBytes * index;
    if (at + element.length > place.sizeBytes) return;
    bytes.set(source.isRaw === true ? element : turned(element), place.offsetBytes + at);
  }
};

/**
 * Under KVM fpregs[i] is the slot ST(i), as KVM's buffer has it; QEMU's own CPU keeps physical registers there. (xsave_helper.c,
 * tcg/fpu_helper.c)
 */
const putX87 = (bytes: Uint8Array, registers: Registers, isKvm: boolean): void => {
  const fsw = Number(registers.zeroWhereAbsent('env.fpus_vmstate'));
  writeU16(bytes, 0, Number(registers.zeroWhereAbsent('env.fpuc')));
  writeU16(bytes, 2, fsw);
  bytes[4] = Number(registers.zeroWhereAbsent('env.fptag_vmstate')) & 0xff;
  writeU16(bytes, 6, Number(registers.zeroWhereAbsent('env.fpop')));
  writeU64(bytes, 8, registers.zeroWhereAbsent('env.fpip'));
  writeU64(bytes, 16, registers.zeroWhereAbsent('env.fpdp'));
  const slots = registers.elements('fpreg').slice(0, 8);
  for (const [index, slot] of slots.entries()) {
    const stack = isKvm ? index : (index - ((fsw >> 11) & 7)) & 7;
    const at = ST_OFFSET_BYTES + ST_STRIDE_BYTES * stack;
    writeU64(bytes, at, bigEndian(slot.subarray(0, 8)));
    writeU16(bytes, at + 8, Number(bigEndian(slot.subarray(8, 10))));
  }
};

const imageOf = (registers: Registers, bv: bigint, isKvm: boolean, layout: Layout): Image => {
  const bytes = new Uint8Array(Math.max(LEGACY_IMAGE_BYTES, layout.totalBytes));
  for (const { bit, offsetBytes, sizeBytes } of layout.components) bytes.set(initBytes(bit, sizeBytes), offsetBytes);
  putX87(bytes, registers, isKvm);
  for (const source of SOURCES) put(bytes, registers, layout, source);
  writeU32(bytes, MXCSR_OFFSET_BYTES, Number(registers.zeroWhereAbsent('env.mxcsr')));
  writeU64(bytes, XSTATE_BV_OFFSET_BYTES, bv);
  return { bytes, layout };
};

const generalOf = (registers: Registers): GeneralRegisters | null => {
  const values = registers.numbers('env.regs');
  const [rip, rflags] = [registers.number('env.eip'), registers.number('env.eflags')];
  if (values.length < 16 || rip === null || rflags === null) return null;
  const named = GENERAL_BY_NUMBER.map((name, index) => [name, values[index] ?? 0n]);
  return { ...Object.fromEntries(named), rip, rflags } as GeneralRegisters;
};

/** struct SegmentCache in the stream: selector u32, base u64, limit u32, flags u32; in the order ES, CS, SS, DS, FS, GS. */
const SEGMENT_BYTES = 20;
const segmentsOf = (registers: Registers): SegmentRegisters | null => {
  const all = registers.elements('env.segs');
  if (all.length < 6 || all.some((segment) => segment.length !== SEGMENT_BYTES)) return null;
  const selector = (index: number): bigint => bigEndian((all[index] ?? new Uint8Array(0)).subarray(0, 4)) & 0xffffn;
  const base = (index: number): bigint => bigEndian((all[index] ?? new Uint8Array(0)).subarray(4, 12));
  return {
    ...{ es: selector(0), cs: selector(1), ss: selector(2), ds: selector(3), fs: selector(4), gs: selector(5) },
    ...{ fs_base: base(4), gs_base: base(5) },
  };
};

const controlOf = (registers: Registers, apic: QemuDevice | undefined): ControlRegisters | null => {
  const of = (name: string): bigint | null => registers.number(name);
  const tpr = apic === undefined ? null : new Registers(apic).number('tpr');
  const [cr0, cr2, cr3, cr4] = [of('env.cr[0]'), of('env.cr[2]'), of('env.cr[3]'), of('env.cr[4]')];
  const efer = of('env.efer');
  if (cr0 === null || cr2 === null || cr3 === null || cr4 === null || efer === null || tpr === null) return null;
  return { cr0, cr2, cr3, cr4, cr8: tpr >> 4n, efer };
};

/** MSRs by QEMU's names. What a stream leaves out was zero, or its QEMU did not know it: not known. */
const MSR_FIELDS: readonly (readonly [string, number])[] = [
  ['env.msr_xfd', MSR_INDEX.IA32_XFD],
  ['env.msr_xfd_err', MSR_INDEX.IA32_XFD_ERR],
  ['env.xss', MSR_INDEX.IA32_XSS],
  ['env.u_cet', MSR_INDEX.IA32_U_CET],
  ['env.s_cet', MSR_INDEX.IA32_S_CET],
  ['env.pl0_ssp', MSR_INDEX.IA32_PL0_SSP],
  ['env.pl1_ssp', MSR_INDEX.IA32_PL1_SSP],
  ['env.pl2_ssp', MSR_INDEX.IA32_PL2_SSP],
  ['env.pl3_ssp', MSR_INDEX.IA32_PL3_SSP],
  ['env.int_ssp_table', MSR_INDEX.IA32_INT_SSP_TAB],
];

const USER_BITS = maskOf([BIT.x87, ...SOURCES.map(({ bit }) => bit)]);

const openVcpu = (
  name: string,
  cpu: QemuDevice,
  devices: readonly QemuDevice[],
  { preset }: OpenOptions,
): Decoded<OpenedState> => {
  const registers = new Registers(cpu);
  const vcpu = cpu.instance;
  const xcr0 = registers.number('env.xcr0');
  const stored = registers.number('env.xstate_bv');
  if (xcr0 === null || stored === null || registers.elements('xmm_reg').length < 16) {
    const why = `the section of vCPU ${vcpu} has no extended state (env.xcr0, env.xstate_bv, xmm_reg)`;
    return undecodable({ kind: 'not-allowed', what: name, why });
  }
  // QEMU's own CPU keeps no XSTATE_BV: all that XCR0 has is as the registers say.
  const isKvm = stored !== 0n || devices.some((device) => device.name.startsWith('kvm'));
  const bv = (isKvm ? stored : withBit(withBit(xcr0, BIT.x87, true), BIT.SSE, true)) & ((1n << 63n) - 1n);
  const unknown = bv & ~USER_BITS;
  if (unknown !== 0n) return undecodable({ kind: 'unknown-components', mask: unknown });
  const layout = layoutByName((xcr0 & USER_BITS) | bv, preset, 'a QEMU migration stream');
  if (!layout.ok) return layout;
  const facts = factsOf(fileTarget(name, 'QEMU', { vcpu }), 'QEMU migration stream', {
    xcr0,
    msrs: MSR_FIELDS.flatMap(([field, index]) => {
      const value = registers.number(field);
      return value === null ? [] : [{ index, value, errno: 0 }];
    }),
    general: generalOf(registers),
    segments: segmentsOf(registers),
    control: controlOf(
      registers,
      devices.find((device) => device.name === 'apic' && device.instance === vcpu),
    ),
  });
  return decoded(stateOf(`vCPU ${vcpu}`, imageOf(registers, bv, isKvm, layout.value), facts));
};

const notRead = (name: string, what: string, why: string): Decoded<never> =>
  undecodable({ kind: 'not-allowed', what: name, why: `${what}, not read here: ${why}; ${CAPTURE_LIVE}` });

/** Why a file of `virsh save` holds no stream as it is; null: it does. */
const packedWith = (bytes: Uint8Array): string | null => {
  if (bytes.length < VIRSH_COMPRESSED_OFFSET + 4) return 'cut short';
  const word = bytes.subarray(VIRSH_COMPRESSED_OFFSET, VIRSH_COMPRESSED_OFFSET + 4);
  // Written as the host has numbers, which for these guests is low byte first; the other order is read too.
  const format = Math.min(Number(bigEndian(word)), Number(bigEndian(Uint8Array.from(word).reverse())));
  return format === 0 ? null : (VIRSH_FORMATS[format] ?? `format ${format}`);
};

/**
 * A migration stream of QEMU, also inside a file of virsh save: a state a vCPU. A problem where it is cut short, or
 * what describes its devices is missing.
 */
export const openQemuStream = (name: string, bytes: Uint8Array, options: OpenOptions): Decoded<OpenedFile> => {
  const isVirsh = !begins(bytes, STREAM);
  const what = isVirsh
    ? 'a state file of virsh save (LibvirtQemudSave), which holds a QEMU migration stream'
    : 'a QEMU migration stream (QEVM)';
  const packed = isVirsh ? packedWith(bytes) : null;
  if (packed !== null) return notRead(name, what, `the stream in it is ${packed}, behind the header and the XML`);
  const devices = readQemuDevices(name, bytes);
  if (devices === undefined) {
    return notRead(name, what, 'its description (vmdesc) is not at its end: it is cut, or was written without one');
  }
  if (!devices.ok) return devices;
  const cpus = devices.value.filter((device) => device.name === 'cpu');
  if (cpus.length === 0) return notRead(name, what, 'no section "cpu" is where its description says');
  const wanted = cpus
    .filter(({ instance }) => options.thread === undefined || options.thread === instance)
    .sort((a, b) => a.instance - b.instance);
  const which = cpus.slice(0, 64).map(({ instance }) => instance);
  if (wanted.length === 0 || wanted.length > MOST_VCPUS) {
    const why = wanted.length === 0 ? `no vCPU ${options.thread ?? ''} among ${which.join(', ')}` : 'too many vCPUs';
    return undecodable({ kind: 'not-allowed', what: name, why });
  }
  const states: OpenedState[] = [];
  for (const cpu of wanted) {
    const state = openVcpu(name, cpu, devices.value, options);
    if (!state.ok) return state;
    states.push(state.value);
  }
  return decoded({ kind: 'qemu', states });
};

/** What of a longer file is looked at: its beginning, by which it is known, and its end, where the devices stand. */
export const partsOfQemuStream = (sizeBytes: number, mostBytes: number): readonly (readonly [number, number])[] => {
  const head = 4096;
  return [
    [0, head],
    [sizeBytes - (mostBytes - head), sizeBytes],
  ];
};
