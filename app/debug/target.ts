import type { Capture, GeneralRegisters, TargetIdentity } from '../capture/capture.ts';
import type { InstructionClass } from '../disas/instruction-class.ts';
import type { GuestMemory, MemoryPort } from '../memory/guest-memory.ts';
import type { ModelPosition } from '../model/words.ts';
import type { Answer, Refusal } from '../refusals/answer.ts';
import type { ModelEvent } from '../session/model-event.ts';
import type { CallVerdict } from '../wire/call-verdict.ts';
import type { Breakpoint, BreakpointsHit, KnownCode, Lookup } from '../wire/run.ts';
import type { RunState } from './run-state.ts';

/** The program of a model, one instruction a step. */
export interface SteppedProgram {
  position(): ModelPosition;
  /** Executes up to `count` instructions; fewer where an exception or the halt comes first. */
  step(count: number): Promise<Answer<Stepped>>;
  /** As it stood after `at` steps, with what was written until the next one; refused for a step that is still to come. */
  rewind(at: number): Promise<Answer<RewoundTo>>;
}

export interface RewoundTo {
  readonly stepped: Stepped;
  /** Writes that were made later, and are gone with it. */
  readonly droppedWrites: number;
}

/** Where a model stands after steps, and what the last of them met. */
export interface Stepped extends ModelPosition {
  readonly capture: Capture;
  readonly event: ModelEvent | null;
  readonly ended: boolean;
  /** Of one step alone: what was executed, in hex, 15 bytes from where RIP stood at most; null: not known, or it was not one. */
  readonly executed: string | null;
}

/** What single steps left behind, one entry for each instruction that ended. */
export interface StepsMade {
  readonly stops: readonly GeneralRegisters[];
  /** Fewer than were asked for: the guest waits for an interrupt, or its VMM is at work. */
  readonly ended: 'done' | 'halted' | 'busy';
  /** KVM kept interrupts from the guest meanwhile. */
  readonly interruptsBlocked: boolean;
  /**
   * Why what stores RFLAGS was stepped like all else, a PUSHF, say, which then has stored the TF that it was stepped by: its code was
   * not known, or no breakpoint is hit. null, or not there: it was not.
   */
  readonly unguarded?: string | null;
}

/** What is kept of each step, and what ends them before their number is reached. */
export interface StepOptions {
  /** The whole state, not the general registers alone. */
  readonly keepState?: boolean;
  /** Of the last step alone. */
  readonly keepLast?: boolean;
  readonly lookups?: readonly Lookup[];
  /** The state where the vCPU stands, where the asker has it: it is not read again. */
  readonly now?: Capture;
  /** They end before the next instruction of this class, and `holds` then. The first is not looked at. */
  readonly before?: InstructionClass;
  /** The steps end before an instruction that is not to be stepped; the first one is made. */
  readonly code?: KnownCode | null;
  /** Asked now and then: from then on no step begins. */
  readonly isOver?: () => boolean;
}

export interface RunToOptions {
  /** RIP stands at none of the breakpoints, so that no step has to be made first. */
  readonly notThere?: boolean;
  readonly noInterrupts?: boolean;
  /** Asked now and then: then it is waited for no more. */
  readonly isOver?: () => boolean;
}

export interface StepsAnswer extends StepsMade {
  /** Instructions that ended, kept or not. Fewer than were asked for and `done`: there is room or time for no more at once. */
  readonly made: number;
  /** Where the whole state is kept. */
  readonly captures: readonly Capture[];
  /** What is looked up holds after the last step. */
  readonly holds: boolean;
  /** From the first of these instructions on, 15 bytes at most; not there where they were not read to step it. */
  readonly code?: Uint8Array;
}

export interface BreakpointAnswer extends StepsMade {
  /** Which of the breakpoints were hit, by their place in the list. */
  readonly hit: readonly number[];
  /** Why one of them may never be hit, where it may not. */
  readonly doubt?: string;
}

/** Drives a vCPU that is another process's. It is frozen afterwards. */
export interface RunControl {
  readonly mostStepsAtOnce: number;
  step(count: number, options?: StepOptions): Promise<Answer<StepsAnswer>>;
  /** Whether a guest stops at breakpoints here, asked once; not there: it does. */
  readonly breakpointsHit?: () => Promise<BreakpointsHit>;
  /** On until one of up to four breakpoints is hit, or for so long; 0: as long as it takes. One stop, where one was hit. */
  runTo(breakpoints: readonly Breakpoint[], waitMs: number, options?: RunToOptions): Promise<Answer<BreakpointAnswer>>;
}

export interface Frozen {
  /** Interrupted inside KVM_RUN; outside it its VMM is at work, and may have a copy of the state. Of a model and a file true. */
  readonly inKvmRun: boolean;
}

/**
 * A vCPU that can be read, and perhaps written: live over the helper, a model in software, or a file. A write answers that
 * the call was made; what became of it shows a capture in the same stop.
 */
export interface Target {
  readonly identity: TargetIdentity;
  readonly vcpus: readonly number[];
  readonly canWrite: boolean;
  /** What is written changes a copy in memory: there is no kernel to refuse it, no VMM that could write over it. */
  readonly inMemory?: boolean;
  readonly run: RunState;
  readonly verdicts: readonly CallVerdict[];
  /** The filter that the verdicts are of is lifted for each call that it forbids. */
  readonly filterSuspended?: boolean;
  capture(): Promise<Answer<Capture>>;
  freeze(): Promise<Answer<Frozen>>;
  /** How long the vCPU had stood still, in nanoseconds. */
  resume(): Promise<Answer<bigint>>;
  /** KVM_SET_XSAVE. The write guard stands in the helper, whatever is asked here. */
  writeImage(image: Uint8Array): Promise<Answer<null>>;
  /** KVM_SET_XCRS. */
  writeXcr0(value: bigint): Promise<Answer<null>>;
  /** KVM_SET_MSRS, for an MSR on the closed list. putToInitFirst: the safe order of arming IA32_XFD. */
  writeMsr(index: number, value: bigint, putToInitFirst: boolean): Promise<Answer<null>>;
  /**
   * KVM_SET_REGS, all of them at once. RFLAGS bit 1 is set whatever is asked. Refused while an
   * exception or interrupt is on its way into the guest, and where the CPU would not enter the guest with these values.
   */
  writeGeneral(values: GeneralRegisters): Promise<Answer<null>>;
  /** The VMM's memory, to be read while the vCPU stands still; null where a target has none. */
  readonly memory: MemoryPort | null;
  /** Memory that this program itself holds, so that nothing has to be proved; not there: `memory` or none. */
  readonly ownMemory?: GuestMemory;
  /** What a model executes; null where the target is no model. */
  readonly program: SteppedProgram | null;
  /** Null where the vCPU cannot be driven. */
  readonly runControl: RunControl | null;
  detach(): Promise<Answer<null>>;
  /** Told once, when the target ended. Returns the way out of the subscription. */
  onGone(listener: (reason: Refusal) => void): () => void;
  /** Told when the helper died, with why, and with null once another has taken its place. */
  onHelper(listener: (problem: string | null) => void): () => void;
}
