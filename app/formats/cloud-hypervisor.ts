import { readU64, writeU32 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { textFromUtf8 } from '../bits/text.ts';
import {
  type ControlRegisters,
  type DescriptorRegisters,
  factsOf,
  type GeneralRegisters,
  type MsrReading,
  type SegmentRegisters,
} from '../capture/capture.ts';
import type { CpuidEntry } from '../cpu/cpuid.ts';
import { readGeneral } from '../session/kvm-regs.ts';
import { controlOfSregs, descriptorsOfSregs, KVM_SREGS_BYTES, segmentsOfSregs } from '../session/segments.ts';
import { layoutFromFacts, MOST_IMAGE_BYTES } from './guess.ts';
import { isArray, isObject, type Json, member, parseJson, unsigned } from './json.ts';
import {
  KVM_REGS_BYTES,
  KVM_XCRS_BYTES,
  MOST_CPUID_ENTRIES,
  MOST_MSR_ENTRIES,
  xcr0FromKvmXcrs,
} from './kvm-structs.ts';
import { fileTarget, type OpenedFile, type OpenedState, type OpenOptions, stateOf } from './opened.ts';

/*
 * state.json of a Cloud Hypervisor snapshot. Sources, all of the repository cloud-hypervisor/cloud-hypervisor:
 * vm-migration/src/lib.rs (Snapshot), hypervisor/src/lib.rs (CpuState), hypervisor/src/kvm/x86_64/mod.rs (VcpuKvmState),
 * hypervisor/src/arch/x86/mod.rs (CpuIdEntry, MsrEntry, XsaveState).
 *
 *   Snapshot  {"snapshots": {name: Snapshot}, "snapshot_data": null | {"state": text}}
 *             the text is JSON again; up to 2022 an array of its bytes, or sections {name: {"snapshot": bytes}}
 *   vCPU N    cpu-manager → N; its text is {"Kvm": VcpuKvmState}, before 2022 the bare VcpuKvmState
 *             cpuid [{function, index, flags, eax…}]  msrs [{index, data}]  regs, sregs, xcrs: an object of fields, or
 *             since kvm-bindings 0.9 an array of the structure's bytes  xsave {region: 1024 × u32, extra: u32…}
 */
const CPU_MANAGER = 'cpu-manager';
const MOST_VCPUS = 8192;
const MOST_FILE_CHARACTERS = 256 << 20;
const REGION_WORDS = 1024;

const bytesOf = (value: Json | undefined): Uint8Array | null => {
  if (!isArray(value)) return null;
  const bytes = new Uint8Array(value.length);
  for (const [index, element] of value.entries()) {
    const byte = unsigned(element, 8);
    if (byte === null) return null;
    bytes[index] = Number(byte);
  }
  return bytes;
};

const structure = (value: Json | undefined, sizeBytes: number): Uint8Array | null => {
  const bytes = isArray(value) && value.length === sizeBytes ? bytesOf(value) : null;
  return bytes;
};

const words = (value: Json | undefined): Uint8Array | null => {
  if (!isArray(value) || value.length * 4 > MOST_IMAGE_BYTES) return null;
  const bytes = new Uint8Array(value.length * 4);
  for (const [index, element] of value.entries()) {
    const word = unsigned(element, 32);
    if (word === null) return null;
    writeU32(bytes, index * 4, Number(word));
  }
  return bytes;
};

const u64 = (value: Json | undefined): bigint => unsigned(value, 64) ?? 0n;

const GENERAL = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rsp', 'rbp', 'r8', 'r9', 'r10', 'r11'] as const;
const has64 = (value: Json | undefined, names: readonly string[]): boolean =>
  names.every((name) => unsigned(member(value, name), 64) !== null);

const generalOf = (regs: Json | undefined): GeneralRegisters | null => {
  const bytes = structure(regs, KVM_REGS_BYTES);
  if (bytes !== null) return readGeneral(bytes);
  if (!has64(regs, [...GENERAL, 'r12', 'r13', 'r14', 'r15', 'rip', 'rflags'])) return null;
  const at = (name: string): bigint => u64(member(regs, name));
  return {
    ...{ rax: at('rax'), rbx: at('rbx'), rcx: at('rcx'), rdx: at('rdx'), rsi: at('rsi'), rdi: at('rdi') },
    ...{ rsp: at('rsp'), rbp: at('rbp'), r8: at('r8'), r9: at('r9'), r10: at('r10'), r11: at('r11') },
    ...{ r12: at('r12'), r13: at('r13'), r14: at('r14'), r15: at('r15'), rip: at('rip'), rflags: at('rflags') },
  };
};

const controlOf = (sregs: Json | undefined): ControlRegisters | null => {
  const bytes = structure(sregs, KVM_SREGS_BYTES);
  if (bytes !== null) return controlOfSregs(bytes);
  if (!has64(sregs, ['cr0', 'cr2', 'cr3', 'cr4', 'cr8', 'efer'])) return null;
  const at = (name: string): bigint => u64(member(sregs, name));
  return { cr0: at('cr0'), cr2: at('cr2'), cr3: at('cr3'), cr4: at('cr4'), cr8: at('cr8'), efer: at('efer') };
};

const segmentsOf = (sregs: Json | undefined): SegmentRegisters | null => {
  const bytes = structure(sregs, KVM_SREGS_BYTES);
  if (bytes !== null) return segmentsOfSregs(bytes);
  const of = (name: string, part: string, bits: 16 | 64): bigint | null =>
    unsigned(member(member(sregs, name), part), bits);
  const selectors = (['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const).map((name) => [name, of(name, 'selector', 16)]);
  const bases = (['fs', 'gs'] as const).map((name) => [`${name}_base`, of(name, 'base', 64)]);
  const all = [...selectors, ...bases];
  return all.some(([, value]) => value === null) ? null : (Object.fromEntries(all) as SegmentRegisters);
};

const descriptorsOf = (sregs: Json | undefined): DescriptorRegisters | null => {
  const bytes = structure(sregs, KVM_SREGS_BYTES);
  if (bytes !== null) return descriptorsOfSregs(bytes);
  const of = (name: string, part: string): bigint | null => unsigned(member(member(sregs, name), part), 64);
  const all = [
    ...[
      ['cs_base', of('cs', 'base')] as const,
      ['cs_l', of('cs', 'l')] as const,
      ['cs_d', of('cs', 'db')] as const,
      ['cpl', of('ss', 'dpl')] as const,
    ],
    ...(['gdt', 'idt'] as const).flatMap((name) =>
      (['base', 'limit'] as const).map((part) => [`${name}_${part}`, of(name, part)] as const),
    ),
  ];
  return all.some(([, value]) => value === null) ? null : (Object.fromEntries(all) as unknown as DescriptorRegisters);
};

const xcr0Of = (xcrs: Json | undefined): bigint | null => {
  const bytes = structure(xcrs, KVM_XCRS_BYTES);
  if (bytes !== null) return xcr0FromKvmXcrs(bytes);
  const count = unsigned(member(xcrs, 'nr_xcrs'), 32);
  const entries = member(xcrs, 'xcrs');
  if (count === null || !isArray(entries)) return null;
  const entry = entries.slice(0, Number(count)).find((candidate) => unsigned(member(candidate, 'xcr'), 32) === 0n);
  return unsigned(member(entry, 'value'), 64);
};

/** Up to 2021 a table was a kvm-bindings structure: [{nent, padding}, entries]. */
const entriesOf = (value: Json | undefined, most: number): readonly Json[] => {
  const entries = isArray(value) && value.length === 2 && isArray(value[1]) ? value[1] : value;
  return isArray(entries) && entries.length <= most ? entries : [];
};

const cpuidOf = (value: Json | undefined): CpuidEntry[] =>
  entriesOf(value, MOST_CPUID_ENTRIES).flatMap((entry) => {
    const field = (name: string): number => Number(unsigned(member(entry, name), 32) ?? Number.NaN);
    const [leaf, subleaf] = [field('function'), field('index')];
    const read = { leaf, subleaf, eax: field('eax'), ebx: field('ebx'), ecx: field('ecx'), edx: field('edx') };
    return Object.values(read).some(Number.isNaN) ? [] : [read];
  });

const msrsOf = (value: Json | undefined): MsrReading[] =>
  entriesOf(value, MOST_MSR_ENTRIES * 4).flatMap((entry) => {
    const index = unsigned(member(entry, 'index'), 32);
    const data = unsigned(member(entry, 'data'), 64);
    return index === null || data === null ? [] : [{ index: Number(index), value: data, errno: 0 }];
  });

/** The JSON text of a component's state, in any of the forms it has had; null where it has none. */
const stateText = (data: Json | undefined): string | null => {
  const state = member(data, 'state');
  if (typeof state === 'string') return state;
  const bytes = bytesOf(state);
  if (bytes !== null) return textFromUtf8(bytes);
  if (!isObject(data)) return null;
  for (const section of data.values()) {
    const snapshot = bytesOf(member(section, 'snapshot'));
    if (snapshot !== null) return textFromUtf8(snapshot);
  }
  return null;
};

const refuse = (name: string, why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what: name, why });

const openVcpu = (name: string, vcpu: number, document: Json, options: OpenOptions): Decoded<OpenedState> => {
  const state = member(document, 'Kvm') ?? document;
  const what = `${name}, vCPU ${vcpu}`;
  const xsave = member(state, 'xsave');
  const region = words(member(xsave, 'region'));
  const extra = member(xsave, 'extra') === undefined ? new Uint8Array(0) : words(member(xsave, 'extra'));
  if (region === null || region.length !== REGION_WORDS * 4)
    return refuse(what, `no xsave region of ${REGION_WORDS} words`);
  if (extra === null) return refuse(what, 'xsave extra is no list of words');
  const bytes = new Uint8Array(region.length + extra.length);
  bytes.set(region);
  bytes.set(extra, region.length);
  if (readU64(bytes, 512) >> 63n !== 0n) return refuse(what, 'XSTATE_BV has bit 63');

  const guestCpuid = cpuidOf(member(state, 'cpuid'));
  const layout = layoutFromFacts(bytes, guestCpuid, 'guest CPUID 0xD in the snapshot', options.preset);
  if (!layout.ok) return layout;
  const facts = factsOf(fileTarget(name, 'Cloud Hypervisor', { vcpu }), 'Cloud Hypervisor snapshot', {
    guestCpuid,
    msrs: msrsOf(member(state, 'msrs')),
    xcr0: xcr0Of(member(state, 'xcrs')),
    general: generalOf(member(state, 'regs')),
    control: controlOf(member(state, 'sregs')),
    segments: segmentsOf(member(state, 'sregs')),
    descriptors: descriptorsOf(member(state, 'sregs')),
  });
  return decoded(stateOf(`vCPU ${vcpu}`, { bytes, layout: layout.value }, facts));
};

/** The tree has this shape, whatever its leaves are. */
export const isCloudHypervisor = (document: Json): boolean =>
  isObject(document) && isObject(member(document, 'snapshots')) && document.has('snapshot_data');

/**
 * state.json of a Cloud Hypervisor snapshot: a state a vCPU. A problem where a structure is not of its size, or there
 * are too many vCPUs.
 */
export const openCloudHypervisor = (name: string, document: Json, options: OpenOptions): Decoded<OpenedFile> => {
  const manager = member(member(document, 'snapshots'), CPU_MANAGER);
  const vcpus = member(manager, 'snapshots');
  if (!isObject(vcpus) || vcpus.size === 0)
    return refuse(name, `Cloud Hypervisor snapshot without ${CPU_MANAGER} vCPUs`);
  if (vcpus.size > MOST_VCPUS) return refuse(name, `Cloud Hypervisor snapshot of ${vcpus.size} vCPUs`);
  const named = [...vcpus].filter(([key]) => /^(?:vcpu)?[0-9]{1,4}$/.test(key));
  const numbered = named.map(([key, snapshot]) => ({ vcpu: Number(key.replace('vcpu', '')), snapshot }));
  const wanted = numbered
    .filter(({ vcpu }) => options.thread === undefined || options.thread === vcpu)
    .sort((a, b) => a.vcpu - b.vcpu);
  if (wanted.length === 0)
    return refuse(name, `no vCPU ${options.thread ?? ''} among ${[...vcpus.keys()].slice(0, 64).join(', ')}`);

  const states: OpenedState[] = [];
  for (const { vcpu, snapshot } of wanted) {
    const text = stateText(member(snapshot, 'snapshot_data'));
    if (text === null) return refuse(name, `vCPU ${vcpu} without state`);
    if (text.length > MOST_FILE_CHARACTERS)
      return refuse(name, `vCPU ${vcpu} with a state of ${text.length} characters`);
    const parsed = parseJson(`${name}, state of vCPU ${vcpu}`, text);
    if (!parsed.ok) return parsed;
    const state = openVcpu(name, vcpu, parsed.value, options);
    if (!state.ok) return state;
    states.push(state.value);
  }
  return decoded({ kind: 'cloud-hypervisor', states });
};
