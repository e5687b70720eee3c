import type { Answer, Bridge, Refusal } from '../../../app/bridge.ts';
import { createAct, newerThan } from '../base/act.ts';
import { ask } from '../base/ask.ts';
import { received } from '../base/received.ts';
import { NONE_PARKED, refusalOfSeveral } from '../select/parked.ts';
import { pausesOf } from '../select/pauses.ts';
import type { LeaveHow, Parked, ParkedSlice, ParkedVcpu } from '../state/parked.ts';
import type { Slice, State } from '../state/state.ts';
import type { RunState } from '../state/target.ts';
import { openedState } from './opened.ts';
import { withRun } from './target-slice.ts';
import { withStop } from './timeline-slice.ts';
import { noVcpu, vcpuOnScreen } from './vcpu.ts';

const without = (parked: Parked, vcpu: number): Parked => new Map([...parked].filter(([key]) => key !== vcpu));

/** Compared with its own stops where A was a stop of a vCPU that is attached no longer: a later one has other stops. */
const comparedWithin = (one: ParkedVcpu, attached: ReadonlyMap<number, unknown>): ParkedVcpu =>
  one.source?.kind === 'vcpu' && !attached.has(one.source.vcpu) ? { ...one, source: { kind: 'stop' } } : one;

/** The state with another vCPU on screen; `next` comes out of what is parked, or is new. */
const shown = (state: State, next: Partial<State>, vcpu: number): Partial<State> => {
  const now = vcpuOnScreen(state);
  const others = without(state.parked, vcpu);
  return { ...next, parked: now === null ? others : new Map(others).set(now.session.vcpu, now) };
};

const inRun = (one: ParkedVcpu, run: RunState): ParkedVcpu => ({ ...one, session: withRun(one.session, run) });

export const createParkedSlice =
  (bridge: Bridge): Slice<ParkedSlice> =>
  (set, get) => {
    const act = createAct(set, get);

    const attachOther = async (vcpu: number): Promise<void> => {
      const { session } = get();
      if (session === null || session.pid === null || session.startTimeTicks === null) return;
      const { pid, startTimeTicks } = session;
      const answer = await act('attach', () => bridge.attach(pid, startTimeTicks, vcpu, session.run === 'frozen'));
      if (!answer.ok) return;
      const state = get();
      const made = openedState(answer.value, { pid, startTimeTicks });
      if (!made.ok) {
        set({ refusal: made.refusal });
        // Nobody could ever leave a session that is not shown.
        await ask(() => bridge.detach(answer.value.session, false));
        return;
      }
      set(shown(state, { ...made.value, selection: state.selection }, vcpu));
    };

    /** Replaces the session of a vCPU, wherever it is kept. */
    const change = (vcpu: number, next: (one: ParkedVcpu) => ParkedVcpu): void =>
      set((state) => {
        const now = vcpuOnScreen(state);
        if (now?.session.vcpu === vcpu) return next(now);
        const one = state.parked.get(vcpu);
        return one === undefined ? {} : { parked: new Map(state.parked).set(vcpu, next(one)) };
      });

    const everyone = (): readonly ParkedVcpu[] => {
      const now = vcpuOnScreen(get());
      return [...(now === null ? [] : [now]), ...get().parked.values()].sort((a, b) => a.session.vcpu - b.session.vcpu);
    };

    /** One request to each vCPU that is in `from`, one after the other; those that refuse are named together. */
    const forAll = async (
      from: RunState,
      request: (session: string, vcpu: number) => Promise<Refusal | null>,
    ): Promise<void> => {
      const { busy, refusal: older } = get();
      if (busy !== null) return;
      set({ busy: from === 'running' ? 'freeze' : 'resume' });
      const refused = new Map<number, Refusal>();
      for (const { session } of everyone()) {
        if (session.kind !== 'live' || session.run !== from) continue;
        const refusal = await request(session.id, session.vcpu);
        if (refusal !== null) refused.set(session.vcpu, refusal);
      }
      const [one, many] = from === 'running' ? ['runs on', 'run on'] : ['stays frozen', 'stay frozen'];
      set({ busy: null, refusal: refusalOfSeveral(refused, one, many) ?? newerThan(older, get()) });
    };

    const leave = async (id: string, how: LeaveHow): Promise<Answer<null>> => {
      if (how === 'without-general') {
        const restored = await ask(() => bridge.restore(id, { kind: 'all', general: false }, null));
        if (!restored.ok) return restored;
      }
      return ask(() => bridge.detach(id, how === 'restore'));
    };

    return {
      parked: NONE_PARKED,

      async switchVcpu(vcpu) {
        const { session, parked, busy } = get();
        if (session === null || vcpu === session.vcpu || busy !== null) return;
        if (session.file !== undefined) return get().chooseState(vcpu, session.file.preset ?? '');
        const waiting = parked.get(vcpu);
        if (waiting === undefined) return attachOther(vcpu);
        set(shown(get(), waiting, vcpu));
      },

      async detach(how) {
        const { session, busy } = get();
        if (session === null || busy !== null) return;
        const all = everyone();
        if (session.kind === 'live') get().noteMeasured(pausesOf(get().stops));
        set({ busy: 'detach' });
        const refused = new Map<number, Refusal>();
        for (const { session: one } of all) {
          // A target that ended has nothing to restore; the session is closed all the same, as one that main does not know.
          const ended = one.run === 'ended';
          const answer = await leave(one.id, ended ? 'keep' : how);
          if (!answer.ok && !ended && answer.refusal.code !== 'no-such-session') refused.set(one.vcpu, answer.refusal);
        }
        set({ busy: null });
        // What stayed open is looked up again: it may have changed while others were left.
        const left = everyone()
          .filter((one) => refused.has(one.session.vcpu))
          .map((one) => comparedWithin(one, refused));
        const onScreen = left.find((one) => one.session.vcpu === session.vcpu) ?? left[0];
        if (onScreen === undefined) {
          set({ ...noVcpu(), overlay: null, saved: null, parked: NONE_PARKED });
          // Said and chosen of this target: the next one is another.
          set({ liveStopped: null, restoreFile: null });
          await get().refreshTargets();
          return;
        }
        const alone = all.length === 1 ? (refused.get(session.vcpu) ?? null) : null;
        set({
          ...onScreen,
          parked: new Map(left.filter((one) => one !== onScreen).map((one) => [one.session.vcpu, one])),
          refusal: alone ?? refusalOfSeveral(refused, 'stays attached', 'stay attached'),
        });
      },

      freezeAll: () =>
        forAll('running', async (id, vcpu) => {
          const answer = await ask(() => bridge.freeze(id));
          if (!answer.ok) return answer.refusal;
          const capture = received(answer.value);
          change(vcpu, (one) => inRun(one, 'frozen'));
          if (!capture.ok) return capture.refusal;
          const stop = { capture: capture.value, cause: 'freeze', write: null } as const;
          change(vcpu, (one) => ({ ...one, ...withStop(one, stop) }));
          return null;
        }),
      resumeAll: () =>
        forAll('frozen', async (id, vcpu) => {
          const answer = await ask(() => bridge.resume(id));
          if (!answer.ok) return answer.refusal;
          change(vcpu, (one) => inRun(one, 'running'));
          return null;
        }),
    };
  };
