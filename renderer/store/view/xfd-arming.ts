import { hexShort, withBit } from '../../../app/bits/mask.ts';
import type { Assignment } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { type FirstUse, firstUse } from '../../../app/session/first-use.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { xfdValue } from '../../../app/xsave/facts.ts';
import { xstateBv } from '../../../app/xsave/header.ts';
import { memoizeByIdentity, memoizeKeyed } from '../base/memoize.ts';
import { selectCapture, selectProvenance } from '../select/selectors.ts';
import type { State } from '../state/state.ts';

const firstUseOf = memoizeByIdentity(firstUse);

/** The chain from CPUID to XFD_ERR; null: nothing is read. */
export const selectFirstUse = (state: State): FirstUse | null => {
  const capture = selectCapture(state);
  return capture === null ? null : firstUseOf(capture);
};

export interface Arming {
  /** null: IA32_XFD was not read. */
  readonly now: boolean | null;
  /** After what is staged. */
  readonly staged: boolean | null;
  readonly inUse: boolean;
  /** TILEDATA still in use in the image that would be written. */
  readonly inUseAfter: boolean;
  readonly before: string;
  readonly after: string;
}

/** Arming as it stands and as it is staged. */
export const selectArming = (state: State): Arming | null => {
  const provenance = selectProvenance(state);
  return provenance === null ? null : armings(provenance, 0);
};

const armings = memoizeKeyed(({ now, staged }: { now: Capture; staged: Capture | null }, _: number): Arming => {
  const story = firstUseOf(now);
  const after = staged === null ? story : firstUseOf(staged);
  const text = (capture: Capture): string => {
    const value = xfdValue(capture.facts);
    return value === null ? 'not read' : hexShort(value);
  };
  return {
    now: story.armed,
    staged: after.armed,
    inUse: story.tileDataInUse,
    inUseAfter: after.tileDataInUse,
    before: text(now),
    after: text(staged ?? now),
  };
});

/** The write that arms or disarms TILEDATA and leaves every other bit of IA32_XFD as it is. */
export const armingAssignments = (capture: Capture, arm: boolean, putToInit: boolean): readonly Assignment[] => {
  const xfd = xfdValue(capture.facts) ?? 0n;
  const assignments = [{ path: 'xfd', value: hexShort(withBit(xfd, BIT.XTILEDATA, arm)) }];
  // The image is written before IA32_XFD is armed: with the bit clear no stored tiles are left under it.
  const bv = withBit(xstateBv(capture.image), BIT.XTILEDATA, false);
  return putToInit ? [{ path: 'xstate_bv', value: hexShort(bv) }, ...assignments] : assignments;
};
