import { readU64, writeU64 } from '../bits/bytes.ts';
import { assert } from '../bits/decoded.ts';
import { bitsOf, hexShort } from '../bits/mask.ts';
import type { Capture, GeneralRegisters, TargetIdentity } from '../capture/capture.ts';
import { GENERAL_BY_NUMBER } from '../cpu/general-numbers.ts';
import { MSR_INDEX, MSRS } from '../cpu/msrs.ts';
import type { Answer } from '../refusals/answer.ts';
import type { RefusalCode } from '../refusals/codes.ts';
import type { ModelEvent } from '../session/model-event.ts';
import { BIT, componentLabel } from '../xsave/components.ts';
import { XSTATE_BV_OFFSET_BYTES } from '../xsave/header.ts';
import { EXTENDED_OFFSET_BYTES, placeOf } from '../xsave/layout.ts';
import { HOST_CPUID, HOST_LAYOUT, MODEL_CPU, SUPPORTED_XCR0 } from './cpu.ts';
import { createKvm, EFAULT, EINVAL, type Errno, type ModelKvm } from './kvm.ts';
import { CONTROL, createMachine, DESCRIPTORS, generalOf, INITIAL_RFLAGS, msrOf } from './machine.ts';
import { joined } from './memory.ts';
import { addressesOf, CODE_ADDRESS, type Program, STACK_ADDRESS } from './program.ts';
import { PROGRAMS } from './programs.ts';
import { runOne } from './run.ts';
import type { DisassemblyLine, ModelPosition, ModelSummary } from './words.ts';

/** A program on the software vCPU, which stands still between steps. Everything it holds is of the model, never of hardware. */
export interface ModelGuest {
  readonly identity: TargetIdentity;
  readonly kvm: ModelKvm;
  /** Its program has ended: it takes no further step. */
  readonly halted: boolean;
  position(): ModelPosition;
  /** @param takenAtMs milliseconds since 1970 */
  capture(takenAtMs: number): Capture;
  /** Up to `count` instructions; an exception ends it with its event, the halt for good. */
  step(count: number): { readonly event: ModelEvent | null; readonly ended: boolean };
  /** KVM_SET_XSAVE behind the write guard, which is the helper's. */
  writeImage(image: Uint8Array): Answer<null>;
  writeXcr0(value: bigint): Answer<null>;
  /** putToInitFirst: the safe order of arming IA32_XFD, which gives up what the components hold. */
  writeMsr(index: number, value: bigint, putToInitFirst: boolean): Answer<null>;
  general(): GeneralRegisters;
  /** A copy of its memory, by linear addresses; null where a byte lies outside. */
  readMemory(address: bigint, bytes: number): Uint8Array | null;
  writeMemory(address: bigint, bytes: Uint8Array): Answer<null>;
  /** KVM_SET_REGS behind the write guard, which is the helper's. Bit 1 of RFLAGS is set whatever is asked. */
  writeGeneral(values: GeneralRegisters): Answer<null>;
}

/** What KVM_SET_XSAVE, KVM_SET_XCRS and KVM_SET_MSRS answer here. */
const ERRNO_NAMES: ReadonlyMap<Errno, string> = new Map([
  [EFAULT, 'EFAULT'],
  [EINVAL, 'EINVAL'],
]);

const refuse = (
  code: RefusalCode,
  what: string,
  remedy: string | null,
  call: string,
  errno: Errno = 0,
): Answer<never> => ({
  ok: false,
  refusal: { code, what, where: 'the model', remedy, call, errno: ERRNO_NAMES.get(errno) ?? null },
});

const done: Answer<null> = { ok: true, value: null };
const answered = (errno: Errno, call: string): Answer<null> =>
  errno === 0 ? done : refuse('call-failed', `${call} failed`, null, call, errno);

const names = (mask: bigint): string => bitsOf(mask).map(componentLabel).join(', ');

/** A component whose bytes the image ends before, among those in use. */
const cutComponent = (image: Uint8Array, bv: bigint): number | undefined =>
  bitsOf(bv).find((bit) => {
    const place = placeOf(HOST_LAYOUT, bit);
    return place !== undefined && place.offsetBytes + place.sizeBytes > image.length;
  });

const guardImage = (kvm: ModelKvm, image: Uint8Array): Answer<null> => {
  const call = 'KVM_SET_XSAVE';
  if (image.length < EXTENDED_OFFSET_BYTES || image.length > kvm.uabiBytes()) {
    const takes = `the vCPU takes ${EXTENDED_OFFSET_BYTES} to ${kvm.uabiBytes()} bytes, the image has ${image.length}`;
    return refuse('bad-size', takes, null, call);
  }
  const bv = readU64(image, XSTATE_BV_OFFSET_BYTES);
  const cut = cutComponent(image, bv);
  if (cut !== undefined) {
    return refuse('bad-size', `the image ends before ${componentLabel(cut)}, which is in use`, null, call);
  }
  const covered = bv & msrOf(kvm.machine, MSR_INDEX.IA32_XFD);
  if (covered === 0n) return done;
  return refuse(
    'guard-xfd-covers-image',
    `the image has ${names(covered)} in use and IA32_XFD covers it: such an image can take a host down`,
    'disarm IA32_XFD first, or put the component to init state in the image',
    call,
  );
};

const storeImage = (kvm: ModelKvm, image: Uint8Array): Answer<null> => {
  const allowed = guardImage(kvm, image);
  if (!allowed.ok) return allowed;
  // Never fewer bytes than KVM reads: what the caller left out is zero.
  const buffer = new Uint8Array(kvm.uabiBytes());
  buffer.set(image);
  return answered(kvm.setXsave(buffer), 'KVM_SET_XSAVE');
};

const armXfd = (kvm: ModelKvm, value: bigint, putToInitFirst: boolean): Answer<null> => {
  const covered = value & kvm.machine.xstate.inUse;
  if (covered === 0n) return done;
  if (!putToInitFirst) {
    return refuse(
      'guard-arming-over-state',
      `${names(covered)} is in use: arming IA32_XFD over it can take a host down`,
      'use the safe order, which puts the component to init state first and gives up what it holds',
      'KVM_SET_MSRS',
    );
  }
  const image = kvm.getXsave2();
  writeU64(image, XSTATE_BV_OFFSET_BYTES, readU64(image, XSTATE_BV_OFFSET_BYTES) & ~value);
  return storeImage(kvm, image);
};

const generalRegisters = (kvm: ModelKvm): GeneralRegisters => {
  const { machine } = kvm;
  const named = Object.fromEntries(GENERAL_BY_NUMBER.map((name, number) => [name, generalOf(machine, number)]));
  return { ...(named as Omit<GeneralRegisters, 'rip' | 'rflags'>), rip: machine.rip, rflags: machine.rflags };
};

/** CF to ID; bit 1, which KVM sets by itself, is among them. (Intel SDM vol. 1, section 3.4.3.) */
const RFLAGS_DEFINED = 0x3f7fd7n;
const RFLAGS_VM = 1n << 17n;

/** The model's paging translates 48 bits. */
const isCanonical = (address: bigint): boolean => BigInt.asIntN(48, address) === BigInt.asIntN(64, address);

const setGeneralRegisters = ({ machine }: ModelKvm, values: GeneralRegisters): Answer<null> => {
  const refused = (what: string) =>
    refuse('guard-regs', `the CPU would not enter the guest with these registers: ${what}`, null, 'KVM_SET_REGS');
  const reserved = values.rflags & ~RFLAGS_DEFINED;
  if (reserved !== 0n) return refused(`RFLAGS has reserved bits set: ${hexShort(reserved)}`);
  if ((values.rflags & RFLAGS_VM) !== 0n) return refused('RFLAGS.VM can be set in 32-bit protected mode only');
  if (!isCanonical(values.rip)) return refused(`RIP ${hexShort(values.rip)} is not canonical`);
  GENERAL_BY_NUMBER.forEach((name, number) => {
    machine.general[number] = values[name];
  });
  machine.rip = BigInt.asUintN(64, values.rip);
  machine.rflags = values.rflags | INITIAL_RFLAGS;
  return done;
};

const identityOf = (program: Program): TargetIdentity => ({
  kind: 'model',
  vmm: 'model',
  name: program.id,
  pid: null,
  startTimeTicks: null,
  executable: null,
  vcpu: 0,
  tid: null,
});

const startKvm = (program: Program): ModelKvm => {
  const code = { address: CODE_ADDRESS, bytes: joined(program.code.map(([bytes]) => bytes)) };
  const { handlers } = program;
  const machine = createMachine([code, ...program.data], { rip: CODE_ADDRESS, rsp: STACK_ADDRESS, handlers });
  const kvm = createKvm(machine);
  if (program.withAmx) assert(kvm.requestGuestPermission(BIT.XTILEDATA) === 0, 'the model grants the permission');
  assert(kvm.createVcpu(program.withAmx) === 0 && kvm.setXcr0(program.xcr0) === 0, `the start of ${program.id}`);
  return kvm;
};

const captureOf = (kvm: ModelKvm, target: TargetIdentity, takenAtMs: number): Capture => {
  const bytes = kvm.getXsave2();
  return {
    image: { bytes, layout: HOST_LAYOUT },
    facts: {
      target,
      takenAtMs,
      pauseNs: null,
      // Between two entries KVM holds the state, not a VMM: what is written now is what the guest gets.
      inKvmRun: true,
      frozen: true,
      imageCall: 'KVM_GET_XSAVE2',
      kernelRelease: 'model',
      guestCpuid: kvm.cpuid(),
      hostCpuid: HOST_CPUID,
      xcr0: kvm.machine.xcr0,
      msrs: MSRS.map(({ index }) => kvm.getMsr(index)),
      guestPermission: kvm.permission(),
      hostPermission: SUPPORTED_XCR0 & ~(1n << BigInt(BIT.XTILEDATA)),
      supportedXcr0: SUPPORTED_XCR0,
      sizes: {
        capXsave2Vm: kvm.capXsave2(),
        capXsave2System: kvm.capXsave2(),
        writtenBytes: bytes.length,
        legacyErrno: kvm.legacyErrno(),
      },
      general: generalRegisters(kvm),
      control: CONTROL,
      segments: null,
      descriptors: DESCRIPTORS,
      failed: [],
    },
  };
};

const NO_MEMORY_THERE = 'the model has no memory at that address';

/** No built-in program comes near it; it ends the count of one that would not. */
const MOST_STEPS = 10_000;

const countSteps = (program: Program): number => {
  const { machine } = startKvm(program);
  let steps = 0;
  while (!machine.ended && steps < MOST_STEPS) {
    runOne(machine);
    steps += 1;
  }
  return steps;
};

const counted = new Map<string, number>();
const stepsOf = (program: Program): number => {
  const known = counted.get(program.id) ?? countSteps(program);
  counted.set(program.id, known);
  return known;
};

/** The programs that can be started, in the order in which they are offered. */
export const modelSummaries = (): readonly ModelSummary[] =>
  PROGRAMS.map((program) => {
    const { id, title, what } = program;
    return { id, title, what, steps: stepsOf(program), cpu: MODEL_CPU };
  });

/** The guest before its first instruction; undefined where no program has this id. */
export const createModelGuest = (id: string): ModelGuest | undefined => {
  const program = PROGRAMS.find((candidate) => candidate.id === id);
  if (program === undefined) return undefined;
  const identity = identityOf(program);
  const kvm = startKvm(program);
  const { machine } = kvm;
  const lines = addressesOf(program.code).map((address, index): [bigint, Omit<DisassemblyLine, 'current'>] => {
    const [bytes, text] = program.code[index] ?? ['', ''];
    return [address, { address: hexShort(address), bytes, text }];
  });
  let at = 0;
  return {
    identity,
    get halted() {
      return machine.ended;
    },
    kvm,
    position: () => ({
      at,
      total: stepsOf(program),
      disassembly: lines.map(([address, line]) => ({ ...line, current: !machine.ended && address === machine.rip })),
    }),
    capture: (takenAtMs) => captureOf(kvm, identity, takenAtMs),
    step: (count) => {
      let event: ModelEvent | null = null;
      for (let taken = 0; taken < count && !machine.ended && event === null; taken += 1) {
        event = runOne(machine);
        at += 1;
      }
      return { event, ended: machine.ended };
    },
    writeImage: (image) => storeImage(kvm, image),
    writeXcr0: (value) => answered(kvm.setXcr0(value), 'KVM_SET_XCRS'),
    writeMsr: (index, value, putToInitFirst) => {
      if (!MSRS.some((msr) => msr.index === index)) {
        return refuse('msr-not-listed', `MSR ${hexShort(BigInt(index))} is not on the list`, null, 'KVM_SET_MSRS');
      }
      const allowed = index === MSR_INDEX.IA32_XFD ? armXfd(kvm, value, putToInitFirst) : done;
      return allowed.ok ? answered(kvm.setMsr(index, value), 'KVM_SET_MSRS') : allowed;
    },
    general: () => generalRegisters(kvm),
    readMemory: (address, bytes) => machine.memory.read(address, bytes),
    writeMemory: (address, bytes) =>
      machine.memory.write(address, bytes) ? done : refuse('memory-unknown', NO_MEMORY_THERE, null, 'memory'),
    writeGeneral: (values) => setGeneralRegisters(kvm, values),
  };
};
