import type { Capture, GeneralRegisters } from '../capture/capture.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { lookupsHold } from './lookups.ts';
import { byteOfRecord } from './record.ts';
import type { RunControl } from './target.ts';

/** What a model guest gives to be driven as a live vCPU is. */
interface ModelSteps {
  /** One instruction; false: the guest has halted. */
  readonly step: () => boolean;
  readonly capture: () => Capture;
  /** From the instruction that is next on; null, or not there: not known. */
  readonly code?: () => Uint8Array | null;
}

const MOST_STEPS_AT_ONCE = 4_000;

/** A model behind the interface of a live vCPU: the same conditions, breakpoints at instructions. It watches no memory. */
export const modelRunControl = ({ step, capture, code = () => null }: ModelSteps): RunControl => ({
  mostStepsAtOnce: MOST_STEPS_AT_ONCE,
  step: async (count, { keepState = false, keepLast = false, lookups = [] } = {}) => {
    const captures: Capture[] = [];
    const first = code();
    let [made, holds, halted] = [0, false, false];
    while (made < count && !holds && !halted) {
      halted = !step();
      made += 1;
      const now = capture();
      if (keepLast) captures.length = 0;
      captures.push(now);
      holds = lookupsHold(lookups, (offset) => byteOfRecord(now, offset));
    }
    const stops = captures.map(({ facts }) => facts.general).filter((one): one is GeneralRegisters => one !== null);
    const ended = halted && made < count && !holds ? 'halted' : 'done';
    const known = first === null ? {} : { code: first };
    return answer({
      stops,
      captures: keepState ? captures : [],
      made,
      holds,
      ended,
      interruptsBlocked: true,
      ...known,
    });
  },
  runTo: async (breakpoints) => {
    if (breakpoints.some(({ on }) => on !== 'execute')) return refuse('no-program', 'a model watches no memory');
    for (let made = 0; made < MOST_STEPS_AT_ONCE; made += 1) {
      const halted = !step();
      const { general } = capture().facts;
      const hit = breakpoints.flatMap(({ address }, at) => (general?.rip === address ? [at] : []));
      if (hit.length > 0 && general !== null)
        return answer({ stops: [general], ended: 'done', interruptsBlocked: true, hit });
      if (halted) return answer({ stops: [], ended: 'halted', interruptsBlocked: true, hit: [] });
    }
    return answer({ stops: [], ended: 'busy', interruptsBlocked: true, hit: [] });
  },
});
