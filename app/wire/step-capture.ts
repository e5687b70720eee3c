import { type Decoded, decoded } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { decodeImage } from '../xsave/view.ts';
import type { StepRecord, StepState } from './run.ts';

/** A capture, and what it was made of. */
interface Made {
  readonly state: StepState;
  readonly capture: Capture;
}

const imageOf = (like: Capture, state: StepState, before: Made | null): Decoded<Image> =>
  before !== null && before.state.image === state.image
    ? decoded(before.capture.image)
    : decodeImage(state.image, like.image.layout);

const msrsOf = ({ facts }: Capture, state: StepState, before: Made | null): Capture['facts']['msrs'] => {
  if (before !== null && before.state.msrs === state.msrs) return before.capture.facts.msrs;
  const values = new Map(state.msrs.map(({ index, value }) => [index, value]));
  const msrs = facts.msrs.map((msr) => {
    const value = values.get(msr.index);
    return value === undefined || value === msr.value ? msr : { ...msr, value, errno: 0 };
  });
  return msrs.every((msr, at) => msr === facts.msrs[at]) ? facts.msrs : msrs;
};

/**
 * The captures that steps have left behind, in order. What no instruction changes (CPUID, permissions, sizes, MSRs that could not be
 * read) is that of a capture of the same vCPU; what is the same object in two records is the same in their captures.
 */
export const stepCaptures = (
  like: Capture,
  records: readonly StepRecord[],
  takenAtMs: number,
): Decoded<readonly Capture[]> => {
  const captures: Capture[] = [];
  let before: Made | null = null;
  for (const { general, state } of records) {
    if (state === null) {
      captures.push({ ...like, facts: { ...like.facts, general, takenAtMs } });
      continue;
    }
    const image = imageOf(like, state, before);
    if (!image.ok) return image;
    const { xcr0, control, segments, descriptors } = state;
    const facts =
      before !== null && before.state === state
        ? { ...before.capture.facts, general }
        : {
            ...like.facts,
            ...{ general, control, segments, descriptors, xcr0, takenAtMs, msrs: msrsOf(like, state, before) },
            ...{ pauseNs: null, frozen: true, inKvmRun: true },
          };
    const capture: Capture = { image: image.value, facts };
    before = { state, capture };
    captures.push(capture);
  }
  return decoded(captures);
};
