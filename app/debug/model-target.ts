import { toHexInOrder } from '../bits/bytes.ts';
import { MOST_INSTRUCTION_BYTES } from '../disas/instruction.ts';
import { createModelGuest, type ModelGuest, modelSummaries } from '../model/guest.ts';
import { MEMORY_BASE } from '../model/memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { modelMemory } from './model-memory.ts';
import { modelRunControl } from './model-run-control.ts';
import { HALTED, STANDS_STILL } from './run-state.ts';
import type { RewoundTo, Target } from './target.ts';

/** The model guest as a target: a software vCPU in this process. It stands still between steps, so it is always frozen. */

/** What was done to the guest, in order: done again over a fresh one it comes to the same, for nothing else goes in. */
interface Deed {
  /** Steps that had been made before. */
  readonly at: number;
  readonly again: (guest: ModelGuest) => Answer<null>;
}

/** @param program the id of one of modelSummaries() */
export const openModel = (program: string, nowMs: () => number): Answer<Target> => {
  const opened = createModelGuest(program);
  if (opened === undefined) {
    return refuse('no-such-model', `the model has no program ${program}`, {
      remedy: `Choose one of ${modelSummaries()
        .map((row) => row.id)
        .join(', ')}`,
    });
  }
  let guest = opened;
  let written: readonly Deed[] = [];
  const capture = () => guest.capture(nowMs());
  const done = async (): Promise<Answer<null>> => answer(null);
  const never = () => () => undefined;
  const memory = modelMemory({
    start: MEMORY_BASE,
    read: (address, bytes) => guest.readMemory(address, bytes),
    write: (address, bytes) => write((one) => one.writeMemory(address, bytes)),
  });
  const codeNow = (): Uint8Array | null => guest.readMemory(guest.general().rip, MOST_INSTRUCTION_BYTES);

  const write = async (again: Deed['again']): Promise<Answer<null>> => {
    const outcome = again(guest);
    if (outcome.ok) written = [...written, { at: guest.position().at, again }];
    return outcome;
  };

  const rewind = async (at: number): Promise<Answer<RewoundTo>> => {
    const fresh = createModelGuest(program);
    if (fresh === undefined || at > guest.position().at) {
      return refuse('model-stands-still', `the model has made ${guest.position().at} steps`, {
        remedy: 'Step it instead',
      });
    }
    const kept = written.filter((deed) => deed.at <= at);
    for (const deed of [...kept, { at, again: () => answer(null) }]) {
      while (fresh.position().at < deed.at) fresh.step(1);
      deed.again(fresh);
    }
    const droppedWrites = written.length - kept.length;
    written = kept;
    guest = fresh;
    return answer({
      stepped: { event: null, ended: false, executed: null, ...guest.position(), capture: capture() },
      droppedWrites,
    });
  };

  return answer<Target>({
    identity: guest.identity,
    vcpus: [guest.identity.vcpu],
    canWrite: true,
    get run() {
      return guest.halted ? HALTED : STANDS_STILL;
    },
    memory: null,
    ownMemory: memory,
    verdicts: [],
    program: {
      position: () => guest.position(),
      step: async (count) => {
        const code = count === 1 ? codeNow() : null;
        const made = guest.step(count);
        const executed = code === null ? null : toHexInOrder(code);
        return answer({ ...made, executed, ...guest.position(), capture: capture() });
      },
      rewind,
    },
    runControl: modelRunControl({ step: () => !guest.step(1).ended, capture, code: codeNow }),
    capture: async () => answer(capture()),
    freeze: async () => answer({ inKvmRun: true }),
    resume: async () =>
      refuse('model-stands-still', 'a model stands still between steps', { remedy: 'Step it instead' }),
    writeImage: (image) => write((one) => one.writeImage(image)),
    writeXcr0: (value) => write((one) => one.writeXcr0(value)),
    writeMsr: (index, value, putToInitFirst) => write((one) => one.writeMsr(index, value, putToInitFirst)),
    writeGeneral: (values) => write((one) => one.writeGeneral(values)),
    detach: done,
    onGone: never,
    onHelper: never,
  });
};
