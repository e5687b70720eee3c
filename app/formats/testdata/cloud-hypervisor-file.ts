import { readU32 } from '../../bits/bytes.ts';
import { utf8FromText } from '../../bits/text.ts';
import type { VcpuSample } from './firecracker-file.ts';
import { sampleRegs, sampleSregs, sampleXcrs } from './firecracker-file.ts';

/** The forms that state.json has had (see cloud-hypervisor.ts). */
export type StateForm = 'text' | 'bytes' | 'sections';

const wordsOf = (bytes: Uint8Array): number[] =>
  Array.from({ length: bytes.length / 4 }, (_, index) => readU32(bytes, 4 * index));

/** JSON.stringify has no bigint; a number of 64 bits stands in the file as plain digits. */
const stringify = (value: unknown): string =>
  JSON.stringify(value, (_key, one) => (typeof one === 'bigint' ? `BIG${one}BIG` : one)).replaceAll(
    /"BIG(\d+)BIG"/g,
    '$1',
  );

const fields = (names: string, bytes: Uint8Array, from: number): Record<string, bigint> =>
  Object.fromEntries(
    names.split(' ').map((name, index) => {
      const at = from + 8 * index;
      return [name, (BigInt(readU32(bytes, at + 4)) << 32n) | BigInt(readU32(bytes, at))];
    }),
  );

const asObjects = (vcpu: VcpuSample) => ({
  regs: fields('rax rbx rcx rdx rsi rdi rsp rbp r8 r9 r10 r11 r12 r13 r14 r15 rip rflags', sampleRegs(vcpu), 0),
  sregs: fields('cr0 cr2 cr3 cr4 cr8 efer apic_base', sampleSregs(vcpu), 224),
  xcrs: { nr_xcrs: 1, flags: 0, xcrs: [{ xcr: 0, reserved: 0, value: vcpu.xcr0 }], padding: [] },
});

const asBytes = (vcpu: VcpuSample) => ({
  regs: [...sampleRegs(vcpu)],
  sregs: [...sampleSregs(vcpu)],
  xcrs: [...sampleXcrs(vcpu.xcr0)],
});

const vcpuState = (vcpu: VcpuSample, form: StateForm): unknown => {
  const extra = wordsOf(vcpu.image.slice(4096));
  const state = {
    cpuid: vcpu.cpuid.map(({ leaf, subleaf, ...rest }) => ({ function: leaf, index: subleaf, flags: 0, ...rest })),
    msrs: vcpu.msrs.map(({ index, value }) => ({ index, data: value })),
    vcpu_events: {},
    ...(form === 'text' ? asBytes(vcpu) : asObjects(vcpu)),
    xsave: { region: wordsOf(vcpu.image.slice(0, 4096)), ...(extra.length > 0 ? { extra } : {}) },
    tsc_khz: 2_900_000,
  };
  return form === 'sections' ? state : { Kvm: state };
};

const snapshotData = (state: unknown, form: StateForm): unknown => {
  const json = stringify(state);
  if (form === 'text') return { state: json };
  const bytes = [...utf8FromText(json)];
  return form === 'bytes' ? { state: bytes } : { 'vcpu-section': { id: 'vcpu-section', snapshot: bytes } };
};

export const cloudHypervisorFile = (vcpus: readonly VcpuSample[], form: StateForm = 'text'): Uint8Array => {
  const snapshots = Object.fromEntries(
    vcpus.map((vcpu, index) => [
      String(index),
      { snapshots: {}, snapshot_data: snapshotData(vcpuState(vcpu, form), form) },
    ]),
  );
  const tree = {
    snapshots: {
      'cpu-manager': { snapshots, snapshot_data: null },
      'device-manager': {
        snapshots: { _disk0: { snapshots: {}, snapshot_data: { state: '{"queues":[]}' } } },
        snapshot_data: null,
      },
    },
    snapshot_data: { state: '{"clock":{"clock":123}}' },
  };
  return utf8FromText(JSON.stringify(tree));
};
