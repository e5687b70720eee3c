import type { Answer } from '../../app/bridge.ts';
import { MSR_INDEX } from '../../app/cpu/msrs.ts';
import type { Target, Written } from '../../app/debug/target.ts';
import { createModelGuest, modelSummaries } from '../../app/model/guest.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';

/** The model guest as a target: a software vCPU in this process. It stands still between steps, so it is always frozen. */
export { modelSummaries };

/** @param program the id of one of modelSummaries() */
export const openModel = (program: string, nowMs: () => number = Date.now): Answer<Target> => {
  const guest = createModelGuest(program);
  if (guest === undefined) {
    return refuse('no-such-model', `the model has no program ${program}`, {
      mend: `Choose one of ${modelSummaries()
        .map((row) => row.id)
        .join(', ')}`,
    });
  }
  const capture = () => guest.capture(nowMs());
  const msr = (index: number): bigint => capture().facts.msrs.find((row) => row.index === index)?.value ?? 0n;
  /** What the helper says after a write: the image read back, and the register's value. */
  const written = (outcome: Answer<null>, value: () => bigint): Answer<Written> =>
    outcome.ok ? answer({ readBack: capture().image.bytes, value: value(), pauseNs: 0n }) : outcome;
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
    capture: async () => answer(capture()),
    freeze: done,
    resume: async () => refuse('model-stands-still', 'a model stands still between steps', { mend: 'Step it instead' }),
    writeImage: async (image) => written(guest.writeImage(image), () => msr(MSR_INDEX.IA32_XFD)),
    writeXcr0: async (value) => written(guest.writeXcr0(value), () => capture().facts.xcr0 ?? 0n),
    writeMsr: async (index, value, putToInitFirst) =>
      written(guest.writeMsr(index, value, putToInitFirst), () => msr(index)),
    writeGeneral: async (values) => {
      const reply = written(guest.writeGeneral(values), () => guest.general().rip);
      return reply.ok ? answer({ ...reply.value, general: guest.general() }) : reply;
    },
    detach: done,
    onGone: never,
    onHelper: never,
  });
};
