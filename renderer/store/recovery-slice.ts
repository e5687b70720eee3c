import { describeProblem } from '../../app/bits/decoded.ts';
import type { Bridge, CaptureDocument, LeftOver } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { GENERAL_NAMES } from '../../app/register/registers.ts';
import { decodeCapture } from '../../app/session/document.ts';
import { ask, undecodedRefusal } from './ask.ts';
import type { Slice } from './state.ts';

/** What a Tilescope that died has left in the journal, offered above the targets. */
export interface RecoverySlice {
  readonly leftOvers: readonly LeftOver[];
  /** The one that is being put back, compared or forgotten. */
  readonly leftOverBusy: string | null;
  /** The one whose two states are shown, with them; of the general registers `now` has those that were written. */
  readonly leftOverStates: { readonly id: string; readonly kept: Capture; readonly now: Capture } | null;
  /** What was put back last, said once. */
  readonly putBackDone: { readonly pid: number; readonly vcpu: number; readonly writtenBytes: number } | null;
  findLeftOvers(): Promise<void>;
  putBack(id: string): Promise<void>;
  compareLeftOver(id: string): Promise<void>;
  /** The edits stay in the vCPU, and what was kept is removed. */
  keepEdits(id: string): Promise<void>;
  closePutBackDone(): void;
}

/** General registers that nobody wrote are the guest's own progress: they do not go back, and are no difference. */
const withoutProgress = (kept: Capture, now: Capture, written: readonly string[]): Capture => {
  const [was, is] = [kept.facts.general, now.facts.general];
  if (was === null || is === null) return now;
  const general = Object.fromEntries(
    GENERAL_NAMES.map((name) => [name, written.includes(name) ? is[name] : was[name]]),
  );
  return { ...now, facts: { ...now.facts, general: { ...is, ...general } } };
};

export const createRecoverySlice =
  (bridge: Bridge): Slice<RecoverySlice> =>
  (set, get) => {
    const busy = async <T>(id: string, request: () => ReturnType<typeof ask<T>>): Promise<T | null> => {
      if (get().leftOverBusy !== null) return null;
      set({ leftOverBusy: id });
      const answer = await request();
      set({ leftOverBusy: null, refusal: answer.ok ? null : answer.refusal });
      return answer.ok ? answer.value : null;
    };
    const received = (document: CaptureDocument): Capture | null => {
      const capture = decodeCapture(document);
      if (capture.ok) return capture.value;
      set({ refusal: undecodedRefusal('The kept state cannot be shown', describeProblem(capture.problem)) });
      return null;
    };

    return {
      leftOvers: [],
      leftOverBusy: null,
      leftOverStates: null,
      putBackDone: null,
      async findLeftOvers() {
        const answer = await ask(() => bridge.leftOvers());
        if (answer.ok) set({ leftOvers: answer.value });
        else set({ refusal: answer.refusal });
      },
      async putBack(id) {
        const entry = get().leftOvers.find((one) => one.id === id);
        const applied = await busy(id, () => ask(() => bridge.putBack(id)));
        if (entry !== undefined && applied !== null) {
          const { pid, vcpu } = entry;
          set({ putBackDone: { pid, vcpu, writtenBytes: applied.writtenBytes }, leftOverStates: null, overlay: null });
        }
        // A refusal stays on screen; the list says what is left, and whether its target has ended meanwhile.
        const { refusal } = get();
        await get().findLeftOvers();
        if (refusal !== null) set({ refusal });
      },
      async compareLeftOver(id) {
        const both = await busy(id, () => ask(() => bridge.compareLeftOver(id)));
        // A target that was attached to meanwhile is on screen: nothing opens over it.
        if (both === null || get().session !== null) return;
        const [kept, now] = [received(both.kept), received(both.now)];
        if (kept !== null && now !== null) {
          const states = { id, kept, now: withoutProgress(kept, now, both.general) };
          set({ leftOverStates: states, overlay: { kind: 'left-over' } });
        }
      },
      async keepEdits(id) {
        const done = await busy(id, () => ask(() => bridge.forgetLeftOver(id)));
        // null is also what the verb answers: the refusal tells the two apart.
        if (done === null && get().refusal !== null) return;
        set({ leftOverStates: null, overlay: null });
        await get().findLeftOvers();
      },
      closePutBackDone: () => set({ putBackDone: null }),
    };
  };
