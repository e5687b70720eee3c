import type { Answer, Bridge, Refusal, SessionId } from '../../../app/bridge.ts';
import { FROZEN, RUNNING } from '../../../app/debug/run-state.ts';
import { createAct, newerThan } from '../base/act.ts';
import { ask } from '../base/ask.ts';
import { received } from '../base/received.ts';
import { otherVcpu, refusalOfSeveral } from '../select/attached.ts';
import { pausesOf } from '../select/pauses.ts';
import { hasEnded, isFrozen, runWord } from '../select/run.ts';
import type { Slice } from '../state/state.ts';
import type { LeaveHow, OpenVcpu, VcpusSlice } from '../state/vcpus.ts';
import { type OpenedState, openedState } from './opened.ts';
import { withStop } from './timeline-slice.ts';
import { withRun } from './vcpu.ts';

/** Compared with its own stops where A was a stop of a vCPU that is attached no longer: a later one has other stops. */
const comparedWithin = (one: OpenVcpu, attached: ReadonlyMap<number, unknown>): OpenVcpu =>
  one.source.kind === 'vcpu' && !attached.has(one.source.vcpu) ? { ...one, source: { kind: 'stop' } } : one;

export const createVcpusSlice =
  (bridge: Bridge): Slice<VcpusSlice> =>
  (store) => {
    const { getState: get, set, put, putIn, show } = store;
    const act = createAct(store);

    const attachOther = async (vcpu: number): Promise<OpenedState | null> => {
      const { session } = get();
      if (session === null || session.pid === null || session.startTimeTicks === null) return null;
      const { pid, startTimeTicks } = session;
      const answer = await act('attach', () => bridge.attach(pid, startTimeTicks, vcpu, isFrozen(get())));
      if (!answer.ok) return null;
      const made = openedState(answer.value, { pid, startTimeTicks });
      if (!made.ok) {
        put({ refusal: made.refusal });
        // Nobody could ever leave a session that is not shown.
        await ask(() => bridge.detach(answer.value.session, false));
        return null;
      }
      return made.value;
    };

    const open = ({ vcpu, window }: OpenedState, onScreen: SessionId | null): void => {
      const { vcpus, refusal } = get();
      show([...vcpus.values(), { ...vcpu, refusal }], onScreen, window);
    };

    const everyone = (): readonly OpenVcpu[] =>
      [...get().vcpus.values()].sort((a, b) => a.session.vcpu - b.session.vcpu);

    /** One request to each vCPU that is in `from`, one after the other; those that refuse are named together. */
    const forAll = async (
      from: 'running' | 'frozen',
      request: (session: string) => Promise<Refusal | null>,
    ): Promise<void> => {
      const { busy, refusal: older } = get();
      if (busy !== null) return;
      set({ busy: from === 'running' ? 'freeze' : 'resume' });
      const refused = new Map<number, Refusal>();
      for (const one of everyone()) {
        const { session } = one;
        if (session.kind !== 'live' || runWord(one) !== from) continue;
        const refusal = await request(session.id);
        if (refusal !== null) refused.set(session.vcpu, refusal);
      }
      const [stays, stay] = from === 'running' ? ['runs on', 'run on'] : ['stays frozen', 'stay frozen'];
      put({ refusal: refusalOfSeveral(refused, stays, stay) ?? newerThan(older, get()) }, { busy: null });
    };

    const leave = async (id: string, how: LeaveHow): Promise<Answer<null>> => {
      if (how === 'without-general') {
        const restored = await ask(() => bridge.restore(id, { kind: 'all', general: false }, null));
        if (!restored.ok) return restored;
      }
      return ask(() => bridge.detach(id, how === 'restore'));
    };

    return {
      async switchVcpu(vcpu) {
        const { session, vcpus, busy } = get();
        if (session === null || vcpu === session.vcpu || busy !== null) return;
        if (session.file !== undefined) return get().chooseState(vcpu, session.file.preset ?? '');
        const other = otherVcpu(get(), vcpu);
        if (other !== null) {
          show(vcpus.values(), other.session.id);
          return;
        }
        const attached = await attachOther(vcpu);
        if (attached !== null) open(attached, attached.vcpu.session.id);
      },
      async attachBeside(vcpu) {
        const { session, current } = get();
        if (session === null || vcpu === session.vcpu || otherVcpu(get(), vcpu) !== null) return session !== null;
        const attached = await attachOther(vcpu);
        if (attached !== null) open(attached, current);
        return attached !== null;
      },

      async detach(how) {
        const { session, busy } = get();
        if (session === null || busy !== null) return;
        const all = everyone();
        if (session.kind === 'live') get().noteMeasured(pausesOf(get().stops));
        set({ busy: 'detach' });
        const refused = new Map<number, Refusal>();
        for (const vcpu of all) {
          const { session: one } = vcpu;
          // A target that ended has nothing to restore; the session is closed all the same, as one that main does not know.
          const ended = hasEnded(vcpu);
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
          // Said and chosen of this target: the next one is another.
          show([], null, { overlay: null, liveStopped: null, restoreFile: null });
          await get().refreshTargets();
          return;
        }
        const alone = all.length === 1 ? (refused.get(session.vcpu) ?? null) : null;
        show(left, onScreen.session.id);
        put({ refusal: alone ?? refusalOfSeveral(refused, 'stays attached', 'stay attached') });
      },

      freezeAll: () =>
        forAll('running', async (id) => {
          const answer = await ask(() => bridge.freeze(id));
          if (!answer.ok) return answer.refusal;
          const capture = received(answer.value);
          putIn(id, (one) => ({
            ...withRun(one, FROZEN),
            ...(capture.ok ? withStop(one, { capture: capture.value, cause: 'freeze', write: null }) : {}),
          }));
          return capture.ok ? null : capture.refusal;
        }),
      resumeAll: () =>
        forAll('frozen', async (id) => {
          const answer = await ask(() => bridge.resume(id));
          if (!answer.ok) return answer.refusal;
          putIn(id, (one) => withRun(one, RUNNING));
          return null;
        }),
    };
  };
