import { describeProblem } from '../../app/bits/decoded.ts';
import type { Answer } from '../../app/bridge.ts';
import type { Refused } from '../../app/refusals/refusal.ts';
import type { Frame } from '../../app/wire/frames.ts';
import { EVENTS } from '../../app/wire/messages.ts';
import type { StepRecord, StoppedEvent } from '../../app/wire/run.ts';
import type { VcpuRef } from '../../app/wire/vcpu-ref.ts';

/** The vCPUs that a helper drives, by the events that name them. */

/** How a run ended, and what it brought. */
export interface Ran extends StoppedEvent {
  readonly records: readonly StepRecord[];
}

interface Run {
  readonly of: VcpuRef;
  readonly records: StepRecord[];
  readonly end: (answer: Answer<Ran>) => void;
}

/** Those of one life of a helper. */
export interface Runs {
  /** To be there before it is asked for: events may come with the answer. */
  begin(of: VcpuRef): { readonly ended: Promise<Answer<Ran>>; readonly end: (answer: Answer<Ran>) => void };
  /** Why the frame cannot be what a helper tells of them; null: it is that, or of something else. */
  hear(frame: Frame): string | null;
  endAll(why: Refused): void;
}

/** @param refused what a struct refusal about a vCPU says */
export const createRuns = (refused: (of: VcpuRef, refusal: Uint8Array) => Refused): Runs => {
  const runs = new Set<Run>();
  const end = (run: Run, answer: Answer<Ran>): void => {
    if (runs.delete(run)) run.end(answer);
  };
  const find = ({ pid, vcpuIndex }: VcpuRef): Run | string =>
    [...runs].find(({ of }) => of.pid === pid && of.vcpuIndex === vcpuIndex) ??
    `vCPU ${vcpuIndex} of process ${pid} is not driven`;

  const hearSteps = (payload: Uint8Array): string | null => {
    const steps = EVENTS.steps.decode(payload);
    if (!steps.ok) return describeProblem(steps.problem);
    const run = find(steps.value);
    if (typeof run === 'string') return run;
    for (const record of steps.value.records) run.records.push(record);
    return null;
  };

  const hearStopped = (payload: Uint8Array): string | null => {
    const stopped = EVENTS.stopped.decode(payload);
    if (!stopped.ok) return describeProblem(stopped.problem);
    const run = find(stopped.value);
    if (typeof run === 'string') return run;
    const { refusal, recordCount } = stopped.value;
    const { of, records } = run;
    if (recordCount !== records.length) return `of ${recordCount} records ${records.length} came`;
    end(run, refusal === null ? { ok: true, value: { ...stopped.value, records } } : refused(of, refusal));
    return null;
  };

  return {
    begin: ({ pid, vcpuIndex }) => {
      let run: Run | null = null;
      const ended = new Promise<Answer<Ran>>((resolve) => {
        run = { of: { pid, vcpuIndex }, records: [], end: resolve };
        runs.add(run);
      });
      return { ended, end: (answer) => run !== null && end(run, answer) };
    },
    hear: ({ code, payload }) =>
      code === EVENTS.steps.code ? hearSteps(payload) : code === EVENTS.stopped.code ? hearStopped(payload) : null,
    endAll: (why) => {
      for (const run of [...runs]) end(run, why);
    },
  };
};
