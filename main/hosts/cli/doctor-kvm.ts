import type { Check, CheckState } from './doctor-check.ts';

/** Asked of a VM of the helper's own, for KVM does not say it. */
type Trial = 'breakpoints' | 'watchpoints' | 'faults';

/** What KVM answers to KVM_CHECK_EXTENSION on /dev/kvm, by the capability's number; and what came of the helper's own VM. */
export type KvmCapabilities = ReadonlyMap<number | Trial, number>;

/** Lines of `tilescope-helper --kvm`: a number or a word, and the answer to it. Null: it is something else. */
export const readCapabilities = (text: string): KvmCapabilities | null => {
  const lines = text.split('\n').filter((line) => line !== '');
  const pairs = lines
    .map((line) => /^(\d+|breakpoints|watchpoints|faults) (-?\d+)$/.exec(line))
    .filter((match) => match !== null);
  if (pairs.length === 0 || pairs.length !== lines.length) return null;
  return new Map(
    pairs.map(([, name = '', value]) => [/^\d/.test(name) ? Number(name) : (name as Trial), Number(value)]),
  );
};

interface Capability {
  readonly number: number;
  readonly name: string;
  /** What it is needed for. */
  readonly use: string;
  /** What is so without it, and how grave that is. */
  readonly without: readonly [state: CheckState, words: string];
  readonly shown?: (value: number) => string;
}

const GUESTDBG_BLOCKIRQ = 1 << 20;
const NOT_OURS = 'Tilescope makes no use of it';

/** native/host/kvm_report.c asks for these. Numbers are those of linux/kvm.h. */
export const CAPABILITIES: readonly Capability[] = [
  {
    ...{ number: 55, name: 'KVM_CAP_XSAVE', use: 'KVM_GET_XSAVE and KVM_SET_XSAVE: every register shown or written' },
    without: ['missing', 'no register of the XSAVE area can be read'],
  },
  {
    ...{ number: 208, name: 'KVM_CAP_XSAVE2', use: 'KVM_GET_XSAVE2: images of more than 4096 bytes, tiles' },
    without: ['limited', 'KVM_GET_XSAVE alone: 4096 bytes, no tiles'],
    shown: (value) => `${value} bytes without permission for tiles`,
  },
  {
    ...{ number: 56, name: 'KVM_CAP_XCRS', use: 'KVM_GET_XCRS and KVM_SET_XCRS: XCR0' },
    without: ['limited', 'XCR0 can be neither read nor written'],
  },
  {
    ...{ number: 209, name: 'KVM_CAP_SYS_ATTRIBUTES', use: 'KVM_GET_DEVICE_ATTR: the components KVM gives guests' },
    without: ['limited', 'which components KVM gives guests is not known'],
  },
  {
    ...{ number: 41, name: 'KVM_CAP_VCPU_EVENTS', use: 'KVM_GET_VCPU_EVENTS: no event is lost to written registers' },
    without: ['limited', 'general registers are not written'],
  },
  {
    ...{ number: 23, name: 'KVM_CAP_SET_GUEST_DEBUG', use: 'KVM_SET_GUEST_DEBUG: step and break' },
    without: ['limited', 'a vCPU cannot be stepped'],
  },
  {
    ...{ number: 195, name: 'KVM_CAP_SET_GUEST_DEBUG2', use: 'steps that no interrupt of the guest gets into' },
    without: ['limited', 'a step may end in an interrupt handler of the guest'],
    shown: (value) =>
      (value & GUESTDBG_BLOCKIRQ) === 0 ? 'without KVM_GUESTDBG_BLOCKIRQ' : 'with KVM_GUESTDBG_BLOCKIRQ',
  },
  {
    ...{ number: 136, name: 'KVM_CAP_IMMEDIATE_EXIT', use: `VMMs complete an exit with it; ${NOT_OURS}` },
    without: ['absent', 'VMMs complete an exit with a signal'],
  },
  {
    ...{ number: 74, name: 'KVM_CAP_SYNC_REGS', use: 'the registers after each step come with its exit' },
    without: ['absent', 'the registers after each step are asked for by calls of their own'],
  },
  {
    ...{ number: 50, name: 'KVM_CAP_DEBUGREGS', use: `VMMs save the guest’s debug registers with it; ${NOT_OURS}` },
    without: ['absent', 'VMMs do not save debug registers'],
  },
  {
    ...{ number: 157, name: 'KVM_CAP_NESTED_STATE', use: `VMMs save a guest that runs guests with it; ${NOT_OURS}` },
    without: ['absent', 'guests run no guests of their own'],
  },
  {
    ...{ number: 153, name: 'KVM_CAP_GET_MSR_FEATURES', use: `VMMs ask what MSRs may hold with it; ${NOT_OURS}` },
    without: ['absent', 'what MSRs may hold cannot be asked'],
  },
  {
    ...{ number: 238, name: 'KVM_CAP_X86_GUEST_MODE', use: `kvm_run tells exits of a guest’s guest; ${NOT_OURS}` },
    without: ['absent', 'exits of a guest’s guest look like the guest’s'],
  },
  {
    ...{ number: 235, name: 'KVM_CAP_VM_TYPES', use: 'guests of other types, whose state KVM may keep to itself' },
    without: ['absent', 'which types of guests there are cannot be asked'],
    shown: (value) => (value === 1 ? 'ordinary guests alone' : `types ${value.toString(2)} (a bit each)`),
  },
];

interface Tried {
  readonly trial: Trial;
  readonly use: string;
  readonly without: string;
}

const TRIALS: readonly Tried[] = [
  {
    trial: 'breakpoints',
    use: 'a guest stops at an instruction: break, step --over and --out, PUSHF passed without a step',
    without:
      'this KVM stops no guest at an instruction: break, step --over and --out are refused, a stepped PUSHF stores TF',
  },
  {
    trial: 'watchpoints',
    use: 'a guest stops behind a write: break ADDR:write and ADDR:access',
    without: 'this KVM did not stop a guest of Tilescope’s own behind a write: break ADDR:write may never be hit',
  },
  {
    trial: 'faults',
    use: 'a step into a fault ends behind its handler, and takes TF out again',
    without:
      'a step into a fault ends in its handler here: TF stays in the handler’s frame, and is the guest’s own #DB at its IRET',
  },
];

/** An older helper does not say it, and one that may make no VM cannot. */
const trialChecks = (answers: KvmCapabilities): readonly Check[] =>
  TRIALS.map(({ trial, use, without }) => {
    const hit = answers.get(trial);
    const [state, found]: readonly [CheckState, string] =
      hit === undefined ? ['not-known', 'no VM could be made to see'] : hit > 0 ? ['ok', use] : ['limited', without];
    return { id: trial, title: trial, state, found, remedy: null };
  });

const idOf = (name: string): string => name.toLowerCase().replaceAll('_', '-');

/** @param answers null: KVM could not be asked */
export const capabilityChecks = (answers: KvmCapabilities | null): readonly Check[] => {
  if (answers === null) return [];
  const capabilities = CAPABILITIES.map(({ number, name, use, without: [state, words], shown }): Check => {
    const value = answers.get(number) ?? 0;
    if (value > 0) {
      const found = shown === undefined ? use : `${shown(value)}; ${use}`;
      return { id: idOf(name), title: name, state: 'ok', found, remedy: null };
    }
    const remedy = state === 'absent' ? null : 'a newer kernel';
    return { id: idOf(name), title: name, state, found: words, remedy };
  });
  return [...capabilities, ...trialChecks(answers)];
};
