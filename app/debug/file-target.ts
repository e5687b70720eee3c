import type { Capture } from '../capture/capture.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, type Refused, refuse } from '../refusals/refusal.ts';
import type { Target } from './target.ts';

/**
 * One state of a file: it can be read for ever and never written; a copy is edited by writing another file.
 *
 * @param vcpus what else the file holds, to be chosen from
 */
export const fileTarget = (
  name: string,
  saved: Capture,
  vcpus: readonly number[] = [saved.facts.target.vcpu],
): Target => {
  const capture: Capture = {
    ...saved,
    facts: { ...saved.facts, frozen: true, target: { ...saved.facts.target, kind: 'file' } },
  };
  const readOnly = async (): Promise<Refused> =>
    refuse('read-only', 'a file cannot be written', { where: name, remedy: 'Attach to a live target to change it' });
  const done = async (): Promise<Answer<null>> => answer(null);
  const never = () => () => undefined;
  return {
    identity: capture.facts.target,
    vcpus,
    canWrite: false,
    frozen: true,
    verdicts: [],
    capture: async () => answer(capture),
    freeze: done,
    resume: readOnly,
    writeImage: readOnly,
    writeXcr0: readOnly,
    writeMsr: readOnly,
    writeGeneral: readOnly,
    detach: done,
    onGone: never,
    onHelper: never,
  };
};
