import type { Capture, GeneralRegisters } from '../../capture/capture.ts';
import { MSR_INDEX } from '../../cpu/msrs.ts';
import type { Answer, Refusal } from '../../refusals/answer.ts';
import { answer, refuse } from '../../refusals/refusal.ts';
import { FROZEN, RUNNING, type RunState } from '../run-state.ts';
import type { Target } from '../target.ts';

/** A vCPU in memory that notes what is done to it, for tests of what is done and in which order. */
export interface FakeTarget extends Target {
  /** "freeze", "capture", "image", "xcr0=…", "msr 1c4=…", "general", "resume", "detach", in order. */
  readonly log: string[];
  /** The state it holds now. */
  state: Capture;
  /** Steps, as they stand in the log, that are refused, once each. */
  readonly refuses: Set<string>;
  /** Applied to an image that is written, once: a kernel that drops something. */
  spoil: ((image: Uint8Array) => void) | null;
  /** What becomes of general registers that are written: they stay as they are, until a test says otherwise. */
  keeps: (general: GeneralRegisters) => GeneralRegisters;
  /** How many times it is found outside KVM_RUN before it is found inside; Infinity: its VMM holds it, frozen or not. */
  outside: number;
  end(why: Refusal): void;
  /** The kernel lets a thread go with its tracer. */
  loseHelper(problem: string): void;
}

export const fakeTarget = (first: Capture): FakeTarget => {
  const log: string[] = [];
  const refuses = new Set<string>();
  const goneListeners = new Set<(why: Refusal) => void>();
  const helperListeners = new Set<(problem: string | null) => void>();
  let frozen = false;

  const step = <T>(name: string, work: () => T): Answer<T> => {
    log.push(name);
    return refuses.delete(name) ? refuse('call-failed', `${name} was refused`) : answer(work());
  };

  const target: FakeTarget = {
    log,
    refuses,
    state: first,
    spoil: null,
    keeps: (general) => general,
    outside: 0,
    identity: first.facts.target,
    vcpus: [first.facts.target.vcpu],
    canWrite: true,
    verdicts: [],
    get run(): RunState {
      return frozen ? FROZEN : RUNNING;
    },
    ...{ memory: null, program: null, runControl: null },
    capture: async () =>
      step('capture', () => {
        const inKvmRun = target.outside <= 0 || !(frozen || target.outside === Number.POSITIVE_INFINITY);
        return { ...target.state, facts: { ...target.state.facts, frozen, inKvmRun } };
      }),
    freeze: async () =>
      step('freeze', () => {
        frozen = true;
        return { inKvmRun: target.outside <= 0 };
      }),
    resume: async () =>
      step('resume', () => {
        frozen = false;
        target.outside -= 1;
        return 5_000n;
      }),
    writeImage: async (image) =>
      step('image', () => {
        const bytes = image.slice();
        target.spoil?.(bytes);
        target.spoil = null;
        target.state = { ...target.state, image: { ...target.state.image, bytes } };
        return null;
      }),
    writeXcr0: async (value) =>
      step(`xcr0=${value.toString(16)}`, () => {
        target.state = { ...target.state, facts: { ...target.state.facts, xcr0: value } };
        return null;
      }),
    writeMsr: async (index, value) =>
      step(`msr ${index.toString(16)}=${value.toString(16)}`, () => {
        const msrs = target.state.facts.msrs.map((msr) => (msr.index === index ? { ...msr, value } : msr));
        target.state = { ...target.state, facts: { ...target.state.facts, msrs } };
        return null;
      }),
    writeGeneral: async (general) =>
      step('general', () => {
        target.state = { ...target.state, facts: { ...target.state.facts, general: target.keeps(general) } };
        return null;
      }),
    detach: async () =>
      step('detach', () => {
        frozen = false;
        return null;
      }),
    end: (why) => {
      for (const listener of [...goneListeners]) listener(why);
    },
    onGone: (listener) => {
      goneListeners.add(listener);
      return () => goneListeners.delete(listener);
    },
    loseHelper: (problem) => {
      frozen = false;
      for (const listener of [...helperListeners]) listener(problem);
    },
    onHelper: (listener) => {
      helperListeners.add(listener);
      return () => helperListeners.delete(listener);
    },
  };
  return target;
};

/** The same capture with other values of IA32_XFD and XCR0. */
export const withRegisters = (
  capture: Capture,
  registers: { readonly xfd?: bigint; readonly xcr0?: bigint },
): Capture => ({
  ...capture,
  facts: {
    ...capture.facts,
    xcr0: registers.xcr0 ?? capture.facts.xcr0,
    msrs: capture.facts.msrs.map((msr) =>
      msr.index === MSR_INDEX.IA32_XFD && registers.xfd !== undefined
        ? { ...msr, value: registers.xfd, errno: 0 }
        : msr,
    ),
  },
});
