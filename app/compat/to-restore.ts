import { maskOf } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import type { ComponentBit } from '../capture/image.ts';
import { componentLabel } from '../xsave/components.ts';
import { restrictLayout } from '../xsave/convert.ts';
import { firstRefusal } from '../xsave/preflight.ts';
import type { Lost, RestoreVerdict } from './verdict.ts';

/** A component of the vCPU that a saved state has no room for. */
export interface Unsaid {
  readonly bit: ComponentBit;
  readonly name: string;
}

/** A saved state as it can be restored to a vCPU, and what of the vCPU it leaves alone. */
export interface ToRestore {
  /** In the vCPU's layout. What is lost, and what the state has no room for, is absent: stageRestore leaves it as it is. */
  readonly capture: Capture;
  /** Asked for and lost. */
  readonly lost: readonly Lost[];
  /** Why its XCR0, asked for with all the rest, cannot be had: the capture has none. Null: it can. */
  readonly xcr0Refusal: string | null;
  /** Asked for, and not part of the state at all; in bit order. */
  readonly unsaid: readonly Unsaid[];
  /** Why all of it is refused, one sentence; null: it is not. Of a part alone its own pre-flight decides. */
  readonly refused: string | null;
}

/**
 * @param saved the state as it was read
 * @param now the vCPU; `verdict` is that of `saved` against it (checkRestore)
 * @param bits the components asked for; null: all of the state, XCR0 and the MSRs too
 */
export const toRestore = (
  saved: Capture,
  now: Capture,
  verdict: RestoreVerdict,
  bits: readonly ComponentBit[] | null,
): ToRestore => {
  const asked = (bit: ComponentBit): boolean => bits === null || bits.includes(bit);
  const lost = verdict.lost.filter(({ bit }) => asked(bit));
  const xcr0Refusal = bits === null ? verdict.xcr0Refusal : null;
  const room = saved.image.layout.components.map(({ bit }) => bit);
  const kept = room.filter((bit) => verdict.lost.every((one) => one.bit !== bit));
  const unsaid = now.image.layout.components.filter(({ bit }) => asked(bit) && !room.includes(bit));
  const step = verdict.fits === 'no' && bits === null ? firstRefusal(verdict.steps) : null;
  return {
    capture: {
      image: { ...verdict.image, layout: restrictLayout(verdict.image.layout, maskOf(kept)) },
      facts: xcr0Refusal === null ? saved.facts : { ...saved.facts, xcr0: null },
    },
    lost,
    xcr0Refusal,
    unsaid: unsaid.map(({ bit }) => ({ bit, name: componentLabel(bit) })),
    refused: step?.sentence ?? null,
  };
};

/** Whether a state was taken from this very vCPU: process by pid and start time, and the number of the vCPU. */
export const isOfSameVcpu = (saved: Capture, now: Capture): boolean => {
  const [a, b] = [saved.facts.target, now.facts.target];
  return a.pid === b.pid && a.startTimeTicks === b.startTimeTicks && a.vcpu === b.vcpu;
};
