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
  };
};
