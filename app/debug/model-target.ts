import { createModelGuest, modelSummaries } from '../model/guest.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { modelRunControl } from './model-run-control.ts';
import type { Target } from './target.ts';

/** The model guest as a target: a software vCPU in this process. It stands still between steps, so it is always frozen. */

/** @param program the id of one of modelSummaries() */
export const openModel = (program: string, nowMs: () => number): Answer<Target> => {
  const guest = createModelGuest(program);
  if (guest === undefined) {
    return refuse('no-such-model', `the model has no program ${program}`, {
      mend: `Choose one of ${modelSummaries()
        .map((row) => row.id)
        .join(', ')}`,
    });
  }
  const capture = () => guest.capture(nowMs());
  const done = async (): Promise<Answer<null>> => answer(null);
  const never = () => () => undefined;

  return answer<Target>({
    identity: guest.identity,
    vcpus: [guest.identity.vcpu],
    canWrite: true,
    frozen: true,
    verdicts: [],
    program: {
      position: () => guest.position(),
      step: async (count) => answer({ ...guest.step(count), ...guest.position(), capture: capture() }),
    },
    runControl: modelRunControl({ step: () => !guest.step(1).ended, capture }),
    capture: async () => answer(capture()),
    freeze: done,
    resume: async () => refuse('model-stands-still', 'a model stands still between steps', { mend: 'Step it instead' }),
    writeImage: async (image) => guest.writeImage(image),
    writeXcr0: async (value) => guest.writeXcr0(value),
    writeMsr: async (index, value, putToInitFirst) => guest.writeMsr(index, value, putToInitFirst),
    writeGeneral: async (values) => guest.writeGeneral(values),
    detach: done,
    onGone: never,
    onHelper: never,
  });
};
