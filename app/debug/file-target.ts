import type { Capture, Facts } from '../capture/capture.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { STANDS_STILL } from './run-state.ts';
import type { Target } from './target.ts';

/**
 * One state of a file. It is edited as a vCPU is, in memory: the file itself stays as it is, and what came of it is saved as
 * another one. No kernel takes these writes, so nothing is refused for what a kernel would say.
 *
 * @param vcpus what else the file holds, to be chosen from
 */
export const fileTarget = (
  name: string,
  saved: Capture,
  vcpus: readonly number[] = [saved.facts.target.vcpu],
): Target => {
  let capture: Capture = {
    ...saved,
    facts: { ...saved.facts, frozen: true, target: { ...saved.facts.target, kind: 'file' } },
  };
  const change = (facts: Partial<Facts>): Answer<null> => {
    capture = { ...capture, facts: { ...capture.facts, ...facts } };
    return answer(null);
  };
  const done = async (): Promise<Answer<null>> => answer(null);
  const never = () => () => undefined;
  return {
    identity: capture.facts.target,
    vcpus,
    canWrite: true,
    inMemory: true,
    run: STANDS_STILL,
    ...{ memory: null, program: null, runControl: null },
    verdicts: [],
    capture: async () => answer(capture),
    freeze: async () => answer({ inKvmRun: true }),
    resume: async () => refuse('read-only', 'a file does not run', { where: name }),
    writeImage: async (bytes) => {
      capture = { ...capture, image: { ...capture.image, bytes: bytes.slice() } };
      return answer(null);
    },
    writeXcr0: async (xcr0) => change({ xcr0 }),
    writeMsr: async (index, value) =>
      change({ msrs: capture.facts.msrs.map((msr) => (msr.index === index ? { ...msr, value } : msr)) }),
    writeGeneral: async (general) => change({ general }),
    detach: done,
    onGone: never,
    onHelper: never,
  };
};
