import { decoded, describeProblem } from '../../app/bits/decoded.ts';
import type { Answer } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import type { RunControl, StepsAnswer } from '../../app/debug/target.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import type { MessageName, ReplyOf, RequestOf } from '../../app/wire/messages.ts';
import { type BreakpointsHit, MOST_STEPS_AT_ONCE, type RunRequest } from '../../app/wire/run.ts';
import { stepCaptures } from '../../app/wire/step-capture.ts';
import type { VcpuRef } from '../../app/wire/vcpu-ref.ts';
import type { Ran } from '../helper/runs.ts';

type Ask = <Name extends MessageName>(name: Name, request: RequestOf<Name>) => Promise<Answer<ReplyOf<Name>>>;

interface Around {
  readonly ask: Ask;
  readonly run: (request: RunRequest) => Promise<Answer<Ran>>;
  /** The vCPU stands still now. */
  readonly stands: () => void;
  /** A capture of the same vCPU, for the facts that no instruction changes. */
  readonly like: () => Promise<Answer<Capture>>;
}

const MOST_BREAKPOINTS = 4;
const LOOK_EACH_MS = 20;

/** Stops the vCPU where whoever drives it says that it is over. */
const stopWhere = async <T>(isOver: (() => boolean) | undefined, stop: () => void, work: Promise<T>): Promise<T> => {
  if (isOver === undefined) return work;
  const look = setInterval(() => {
    if (!isOver()) return;
    clearInterval(look);
    stop();
  }, LOOK_EACH_MS);
  return work.finally(() => clearInterval(look));
};

/** A live vCPU driven over the helper. */
export const liveRunControl = (ref: VcpuRef, { ask, run, stands, like }: Around): RunControl => ({
  breakpointsHit: async (): Promise<BreakpointsHit> => {
    // The helper asks KVM once in its life.
    const hit = await ask('breakpoints', null);
    return hit.ok ? hit.value : { instructions: null, data: null, faults: null };
  },
  mostStepsAtOnce: MOST_STEPS_AT_ONCE,
  step: async (count, options = {}): Promise<Answer<StepsAnswer>> => {
    const base = options.keepState === true ? await like() : null;
    if (base !== null && !base.ok) return base;
    const { isOver, ...plain } = options;
    const reply = await stopWhere(isOver, () => void ask('freeze', ref), run({ ...ref, count, ...plain }));
    if (!reply.ok) return reply;
    stands();
    const { records, made, reason, holds, interruptsBlocked } = reply.value;
    // Stopped for something else, it has made fewer steps: who wants more asks again.
    const ended = reason === 'asked' ? 'done' : reason;
    const captures = base === null ? decoded([]) : stepCaptures(base.value, records, Date.now());
    if (!captures.ok) {
      const what = `what was read after a step does not make a capture: ${describeProblem(captures.problem)}`;
      return refuse('capture', what, { where: `pid ${ref.pid}` });
    }
    const stops = records.map(({ general }) => general);
    return answer({ stops, captures: captures.value, made, ended, holds, interruptsBlocked });
  },
  runTo: async (breakpoints, waitMs, { isOver, ...plain } = {}) => {
    const request = { ...ref, count: 1, breakpoints, waitMs, ...plain };
    const reply = await stopWhere(isOver, () => void ask('freeze', ref), run(request));
    if (!reply.ok) return reply;
    stands();
    const { records, reason, interruptsBlocked, dr6 } = reply.value;
    const ended = reason === 'asked' ? 'halted' : reason;
    const hit = Array.from({ length: MOST_BREAKPOINTS }, (_, at) => at).filter((at) => (dr6 >> BigInt(at)) & 1n);
    return answer({ stops: records.map(({ general }) => general), ended, interruptsBlocked, hit });
  },
});
