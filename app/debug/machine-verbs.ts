import type { Answer } from '../refusals/answer.ts';
import { answer, noSuchSession } from '../refusals/refusal.ts';
import { encodeCapture } from '../session/document.ts';
import type { CaptureDocument } from '../session/document-types.ts';
import type { Machine, Machines, OfVcpu } from './machine.ts';

/** What came of an act on several vCPUs for one of them, by the id of its session. */
export interface VcpuAnswer<T> {
  readonly session: string;
  readonly answer: Answer<T>;
}

/** Asked with the id of any session of the machine. */
export interface MachineVerbs {
  /** Freezes all attached vCPUs of the session's machine that run, at the same time; each answers for itself. */
  freezeAll(session: string): Promise<Answer<readonly VcpuAnswer<CaptureDocument>[]>>;
  /** Lets all of them run on that stand still. */
  resumeAll(session: string): Promise<Answer<readonly VcpuAnswer<null>[]>>;
  /**
   * Holds every other vCPU of the machine, attached or not, while this one is driven: all of them or none. They are let go by
   * letOthersGo, and where the session or its page ends. Gives their numbers.
   */
  holdOthers(session: string): Promise<Answer<readonly number[]>>;
  /** Refused where one of them did not stand still all the time, or stays held: it is named, and the others are let go. */
  letOthersGo(session: string): Promise<Answer<null>>;
}

/** The bridge's verbs that ask something of all attached vCPUs of a session's machine. */
export const machineVerbs = (machines: Machines): MachineVerbs => {
  const ofEach = async <T, D>(
    id: string,
    act: (machine: Machine) => Promise<readonly OfVcpu<T>[]>,
    draw: (value: T) => D,
  ): Promise<Answer<readonly VcpuAnswer<D>[]>> => {
    const machine = machines.machineOf(id);
    if (machine === null) return noSuchSession();
    const done = await act(machine);
    return answer(
      done.map((one) => ({
        session: one.session.id,
        answer: one.answer.ok ? answer(draw(one.answer.value)) : one.answer,
      })),
    );
  };
  return {
    freezeAll: (id) => ofEach(id, (machine) => machine.freezeAll(), encodeCapture),
    resumeAll: (id) =>
      ofEach(
        id,
        (machine) => machine.continueAll(),
        () => null,
      ),
    holdOthers: async (id) => {
      const [machine, driver] = [machines.machineOf(id), machines.session(id)];
      return machine === null || driver === undefined ? noSuchSession() : machine.holdOthers(driver);
    },
    letOthersGo: async (id) => machines.machineOf(id)?.letOthersGo() ?? noSuchSession(),
  };
};
