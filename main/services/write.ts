import type { Answer } from '../../app/bridge.ts';
import { MSR_INDEX } from '../../app/cpu/msrs.ts';
import type { Capture } from '../../app/session/capture.ts';
import type { Target } from '../targets/target.ts';
import { answer } from './refusals.ts';

/** What is to be written: the registers that change, and nothing of those that do not. */
export interface WriteSet {
  readonly image: Uint8Array | null;
  readonly xcr0: bigint | null;
  readonly msrs: readonly { readonly index: number; readonly value: bigint }[];
}

type Step = (target: Target) => Promise<Answer<unknown>>;

export const msrValue = (capture: Capture, index: number): bigint | null =>
  capture.facts.msrs.find((msr) => msr.index === index)?.value ?? null;

/**
 * The steps in the one order that is safe on every kernel. IA32_XFD is disarmed before the image, so that components it
 * covered can be written, and armed after it, when their bits are out of the stored image: an image that claims a covered
 * component, or arming over stored state, can take the host down. XCR0 follows the image and the other MSRs follow XCR0.
 */
const stepsOf = (set: WriteSet, now: Capture): Step[] => {
  const steps: Step[] = [];
  const writeMsr =
    (index: number, value: bigint): Step =>
    (target) =>
      target.writeMsr(index, value, false);
  const xfdNow = msrValue(now, MSR_INDEX.IA32_XFD) ?? 0n;
  const xfdThen = set.msrs.find((msr) => msr.index === MSR_INDEX.IA32_XFD)?.value ?? null;
  const disarmed = xfdThen === null ? xfdNow : xfdNow & xfdThen;
  if (disarmed !== xfdNow) steps.push(writeMsr(MSR_INDEX.IA32_XFD, disarmed));
  const { image, xcr0 } = set;
  if (image !== null) steps.push((target) => target.writeImage(image));
  if (xcr0 !== null) steps.push((target) => target.writeXcr0(xcr0));
  for (const { index, value } of set.msrs) {
    if (index !== MSR_INDEX.IA32_XFD) steps.push(writeMsr(index, value));
  }
  if (xfdThen !== null && xfdThen !== disarmed) steps.push(writeMsr(MSR_INDEX.IA32_XFD, xfdThen));
  return steps;
};

/** Writes in order and stops at the first refusal. */
export const writeInOrder = async (target: Target, set: WriteSet, now: Capture): Promise<Answer<null>> => {
  for (const step of stepsOf(set, now)) {
    const done = await step(target);
    if (!done.ok) return done;
  }
  return answer(null);
};

/** The write that puts back what `set` changes, as `then` has it. */
export const oppositeOf = (set: WriteSet, then: Capture): WriteSet => ({
  image: set.image === null ? null : then.image.bytes,
  xcr0: set.xcr0 === null ? null : then.facts.xcr0,
  msrs: set.msrs.flatMap(({ index }) => {
    const value = msrValue(then, index);
    return value === null ? [] : [{ index, value }];
  }),
});
