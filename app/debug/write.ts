import type { Capture, GeneralRegisters } from '../capture/capture.ts';
import { MSR_INDEX, msrName } from '../cpu/msrs.ts';
import type { StagedWrite } from '../edit/assign.ts';
import { type GeneralValues, generalSet } from '../edit/general.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { componentLabel } from '../xsave/components.ts';
import { isStopped } from './run-state.ts';
import type { Target } from './target.ts';

/** What is to be written: the registers that change, and nothing of those that do not. */
export interface WriteSet {
  readonly image: Uint8Array | null;
  /** Components that the image is written for, as shown: they name it in a refusal. */
  readonly imageParts: readonly string[];
  readonly xcr0: bigint | null;
  readonly msrs: readonly { readonly index: number; readonly value: bigint }[];
  /** The whole set, for KVM_SET_REGS takes no less; `generalNames` are those that change. */
  readonly general: GeneralRegisters | null;
  readonly generalNames: StagedWrite['generalNames'];
}

/** What of the staged edits has to be written: of an image that no edit touches, nothing. */
export const writeSetOf = (staged: StagedWrite): WriteSet => ({
  image: staged.imageBytes === 0 ? null : staged.image.bytes,
  imageParts: staged.touchedBits.map(componentLabel),
  xcr0: staged.xcr0,
  msrs: staged.msrs,
  general: staged.general,
  generalNames: staged.generalNames,
});

export const isEmpty = ({ image, xcr0, msrs, general }: WriteSet): boolean =>
  image === null && xcr0 === null && msrs.length === 0 && general === null;

/** One call, with the name of what it writes. */
interface Step {
  readonly part: string;
  readonly write: (target: Target) => Promise<Answer<unknown>>;
}

export const msrValue = (capture: Capture, index: number): bigint | null =>
  capture.facts.msrs.find((msr) => msr.index === index)?.value ?? null;

/**
 * The steps in the one order that is safe on every kernel. IA32_XFD is disarmed before the image, so that components it
 * covered can be written, and armed after everything, when their bits are out of the stored image: an image that claims a
 * covered component, or arming over stored state, can take the host down. XCR0 follows the image, the other MSRs follow
 * XCR0, and the general registers follow them.
 */
const stepsOf = (set: WriteSet, now: Capture): Step[] => {
  const steps: Step[] = [];
  const writeMsr = (index: number, value: bigint): Step => ({
    part: msrName(index),
    write: (target) => target.writeMsr(index, value, false),
  });
  const xfdNow = msrValue(now, MSR_INDEX.IA32_XFD) ?? 0n;
  const xfdThen = set.msrs.find((msr) => msr.index === MSR_INDEX.IA32_XFD)?.value ?? null;
  const disarmed = xfdThen === null ? xfdNow : xfdNow & xfdThen;
  if (disarmed !== xfdNow) steps.push(writeMsr(MSR_INDEX.IA32_XFD, disarmed));
  const { image, xcr0, general } = set;
  if (image !== null) {
    const part = set.imageParts.length === 0 ? 'image' : set.imageParts.join(', ');
    steps.push({ part, write: (target) => target.writeImage(image) });
  }
  if (xcr0 !== null) steps.push({ part: 'XCR0', write: (target) => target.writeXcr0(xcr0) });
  for (const { index, value } of set.msrs) {
    if (index !== MSR_INDEX.IA32_XFD) steps.push(writeMsr(index, value));
  }
  if (general !== null) {
    steps.push({ part: set.generalNames.join(', '), write: (target) => target.writeGeneral(general) });
  }
  if (xfdThen !== null && xfdThen !== disarmed) steps.push(writeMsr(MSR_INDEX.IA32_XFD, xfdThen));
  return steps;
};

/**
 * Writes in order and stops at the first refusal, which says what was being written. The vCPU stands still throughout: a
 * helper that dies lets it run on, and then what was drawn up belongs to a state that is gone; to write its RIP would run
 * the guest twice over the same code.
 */
export const writeInOrder = async (target: Target, set: WriteSet, now: Capture): Promise<Answer<null>> => {
  for (const { part, write } of stepsOf(set, now)) {
    const done = isStopped(target) ? await write(target) : refuse('let-go', 'the vCPU was let go during the write');
    if (done.ok) continue;
    const where = done.refusal.where === null ? part : `${part}; ${done.refusal.where}`;
    return { ok: false, refusal: { ...done.refusal, where } };
  }
  return answer(null);
};

/** The write that restores what `set` changes, as `then` has it, over what the vCPU holds now. */
export const oppositeOf = (set: WriteSet, then: Capture, now: Capture): WriteSet => {
  const was = then.facts.general;
  const back: GeneralValues = was === null ? {} : Object.fromEntries(set.generalNames.map((name) => [name, was[name]]));
  return {
    ...set,
    image: set.image === null ? null : then.image.bytes,
    xcr0: set.xcr0 === null ? null : then.facts.xcr0,
    msrs: set.msrs.flatMap(({ index }) => {
      const value = msrValue(then, index);
      return value === null ? [] : [{ index, value }];
    }),
    // Null where the write did not come to them: a call that KVM has refused is not made for nothing.
    general: set.general === null ? null : generalSet(now.facts.general, back),
  };
};
