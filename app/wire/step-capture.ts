import { type Decoded, decoded } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { decodeImage } from '../xsave/view.ts';
import type { StepRecord } from './run.ts';

/**
 * The capture that a step has left behind. What no instruction changes (CPUID, permissions, sizes, MSRs that could not be read) is
 * that of a capture of the same vCPU.
 */
export const stepCapture = (like: Capture, { general, state }: StepRecord, takenAtMs: number): Decoded<Capture> => {
  const { facts } = like;
  if (state === null) return decoded({ ...like, facts: { ...facts, general, takenAtMs } });
  const image = decodeImage(state.image, like.image.layout);
  if (!image.ok) return image;
  const values = new Map(state.msrs.map(({ index, value }) => [index, value]));
  const msrs = facts.msrs.map((msr) => {
    const value = values.get(msr.index);
    return value === undefined || value === msr.value ? msr : { ...msr, value, errno: 0 };
  });
  const hasSameMsrs = msrs.every((msr, at) => msr === facts.msrs[at]);
  const { xcr0, control, segments, descriptors } = state;
  return decoded({
    image: image.value,
    facts: {
      ...facts,
      ...{ general, control, segments, descriptors, xcr0, takenAtMs, msrs: hasSameMsrs ? facts.msrs : msrs },
      ...{ pauseNs: null, frozen: true, inKvmRun: true },
    },
  });
};
