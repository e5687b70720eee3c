import { equalBytes } from '../bits/bytes.ts';
import type { Decoded } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { BIT, keepsWhenClear } from '../xsave/components.ts';
import { MXCSR_OFFSET_BYTES, mxcsr, top } from '../xsave/legacy.ts';
import { initBytes, ownValues, viewComponent } from '../xsave/view.ts';
import type { StagedWrite } from './assign.ts';
import type { RestoreScope } from './assignment.ts';
import { broughtToUse, type Draft, draftOf, u32Bytes, withBytes, withComponentBytes, withXstateBit } from './patch.ts';
import { stagePaths, stageRestore } from './restore.ts';

/** One component: the bytes that the step changed, over what stands there now. */
const componentBack = (draft: Draft, from: Image, to: Image, bit: number): Draft => {
  const states = [draft.image, from, to].map((image) => viewComponent(image, bit).state);
  const [left, back] = [ownValues(from, bit), ownValues(to, bit)];
  if (states.includes('absent') || left.length !== back.length || equalBytes(left, back)) return draft;
  // A stack whose top has moved since holds other registers in the same bytes: there the registers named alone go back.
  if (bit === BIT.x87 && top(draft.image) !== top(from)) return draft;
  const values = ownValues(draft.image, bit).map((byte, at) => (left[at] === back[at] ? byte : (back[at] ?? byte)));
  const written = withComponentBytes(broughtToUse(draft, bit), bit, values);
  const isInit = states[2] === 'init' && !keepsWhenClear(bit) && equalBytes(values, initBytes(bit, values.length));
  return isInit ? withXstateBit(written, bit, false) : written;
};

/**
 * What a step changed beside the registers that it names: a component that was put to init by its XSTATE_BV bit has lost
 * every register, and where TOP moves, a name means another slot of the stack than the one that was written.
 */
const besidesBack = (now: Image, from: Image, to: Image): Draft => {
  const bits = now.layout.components.map(({ bit }) => bit);
  const draft = bits.reduce((so, bit) => componentBack(so, from, to, bit), draftOf(now));
  return mxcsr(from) === mxcsr(to) ? draft : withBytes(draft, MXCSR_OFFSET_BYTES, u32Bytes(mxcsr(to)));
};

/**
 * The write that takes a step of undo or redo: what the step was about becomes as it was in `to`, over what the vCPU holds
 * now. Of components that the step changed without naming all of them, the bytes that differ between both go back.
 *
 * @param from the state on this side of the step, `to` that on the other: before the write and after it, or the reverse
 */
export const stageWalk = (
  now: Capture,
  { from, to }: { readonly from: Capture; readonly to: Capture },
  scope: RestoreScope,
  general: readonly string[],
): Decoded<StagedWrite> =>
  scope.kind === 'paths'
    ? stagePaths(now, to, scope.paths, besidesBack(now.image, from.image, to.image))
    : stageRestore(now, to, scope, general);
