import type { Bridge, CaptureDocument } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { GENERAL_NAMES } from '../../../app/register/registers.ts';
import { ask } from '../base/ask.ts';
import { received } from '../base/received.ts';
import type { RecoverySlice } from '../state/recovery.ts';
import type { Slice } from '../state/state.ts';

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
  ({ getState: get, set, put }) => {
    const busy = async <T>(id: string, request: () => ReturnType<typeof ask<T>>): Promise<T | null> => {
      if (get().orphanBusy !== null) return null;
      set({ orphanBusy: id });
      const answer = await request();
      put({ refusal: answer.ok ? null : answer.refusal }, { orphanBusy: null });
      return answer.ok ? answer.value : null;
    };
    const shown = (document: CaptureDocument): Capture | null => {
      const capture = received(document, 'The kept state cannot be shown');
      if (capture.ok) return capture.value;
      put({ refusal: capture.refusal });
      return null;
    };

    return {
      orphans: [],
      orphanBusy: null,
      orphanStates: null,
      recovered: null,
      async findOrphans() {
        const answer = await ask(() => bridge.orphans());
        if (answer.ok) set({ orphans: answer.value });
        else put({ refusal: answer.refusal });
      },
      async recover(id) {
        const entry = get().orphans.find((one) => one.id === id);
        const applied = await busy(id, () => ask(() => bridge.recover(id)));
        if (entry !== undefined && applied !== null) {
          const { pid, vcpu } = entry;
          set({ recovered: { pid, vcpu, writtenBytes: applied.writtenBytes }, orphanStates: null, overlay: null });
        }
        // A refusal stays on screen; the list says what is left, and whether its target has ended meanwhile.
        const { refusal } = get();
        await get().findOrphans();
        if (refusal !== null) put({ refusal });
      },
      async compareOrphan(id) {
        const both = await busy(id, () => ask(() => bridge.compareOrphan(id)));
        // A target that was attached to meanwhile is on screen: nothing opens over it.
        if (both === null || get().session !== null) return;
        const [kept, now] = [shown(both.kept), shown(both.now)];
        if (kept !== null && now !== null) {
          const states = { id, kept, now: withoutProgress(kept, now, both.general) };
          set({ orphanStates: states, overlay: { kind: 'orphan' } });
        }
      },
      async keepEdits(id) {
        const done = await busy(id, () => ask(() => bridge.forgetOrphan(id)));
        // null is also what the verb answers: the refusal tells the two apart.
        if (done === null && get().refusal !== null) return;
        set({ orphanStates: null, overlay: null });
        await get().findOrphans();
      },
      closeRecovered: () => set({ recovered: null }),
    };
  };
