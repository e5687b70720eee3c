import { decoded, describeProblem } from '../../app/bits/decoded.ts';
import type { Answer } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import type { RunControl, StepsAnswer } from '../../app/debug/target.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import type { MessageName, ReplyOf, RequestOf } from '../../app/wire/messages.ts';
import { type BreakpointsHit, MOST_STEPS_AT_ONCE } from '../../app/wire/run.ts';
import { stepCaptures } from '../../app/wire/step-capture.ts';
import type { VcpuRef } from '../../app/wire/vcpu-ref.ts';

type Ask = <Name extends MessageName>(name: Name, request: RequestOf<Name>) => Promise<Answer<ReplyOf<Name>>>;

interface Around {
  /** The vCPU stands still now. */
  readonly stands: () => void;
  /** A capture of the same vCPU, for the facts that no instruction changes. */
  readonly like: () => Promise<Answer<Capture>>;
}

const MOST_BREAKPOINTS = 4;

/** A live vCPU driven over the helper. */
export const liveRunControl = (ask: Ask, ref: VcpuRef, { stands, like }: Around): RunControl => ({
  breakpointsHit: async (): Promise<BreakpointsHit> => {
    // The helper asks KVM once in its life.
    const hit = await ask('breakpoints', null);
    return hit.ok ? hit.value : { instructions: null, data: null, faults: null };
  },
  mostStepsAtOnce: MOST_STEPS_AT_ONCE,
  step: async (count, options = {}): Promise<Answer<StepsAnswer>> => {
    const base = options.keepState === true ? await like() : null;
    if (base !== null && !base.ok) return base;
    const reply = await ask('step', { ...ref, count, ...options });
    if (!reply.ok) return reply;
    stands();
    const { records, made, ended, holds, interruptsBlocked } = reply.value;
    const captures = base === null ? decoded([]) : stepCaptures(base.value, records, Date.now());
    if (!captures.ok) {
      const what = `what was read after a step does not make a capture: ${describeProblem(captures.problem)}`;
      return refuse('capture', what, { where: `pid ${ref.pid}` });
    }
    const stops = records.map(({ general }) => general);
    return answer({ stops, captures: captures.value, made, ended, holds, interruptsBlocked });
  },
  runTo: async (breakpoints, waitMs, options = {}) => {
    const reply = await ask('step', { ...ref, count: 1, breakpoints, waitMs, ...options });
    if (!reply.ok) return reply;
    stands();
    const { records, ended, interruptsBlocked, dr6 } = reply.value;
    const hit = Array.from({ length: MOST_BREAKPOINTS }, (_, at) => at).filter((at) => (dr6 >> BigInt(at)) & 1n);
    return answer({ stops: records.map(({ general }) => general), ended, interruptsBlocked, hit });
  },
});
