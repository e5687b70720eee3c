import type { Answer, Bridge, Refusal, SessionId, VcpuAnswer } from '../../../app/bridge.ts';
import { FROZEN, RUNNING } from '../../../app/debug/run-state.ts';
import { createAct, newerThan } from '../base/act.ts';
import { ask } from '../base/ask.ts';
import { received } from '../base/received.ts';
import { otherVcpu, refusalOfSeveral } from '../select/attached.ts';
import { pausesOf } from '../select/pauses.ts';
import { hasEnded, isFrozen } from '../select/run.ts';
import type { Slice } from '../state/state.ts';
import type { LeaveHow, OpenVcpu, VcpuState, VcpusSlice } from '../state/vcpus.ts';
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

    /** Asked of the machine, once; the vCPUs that refuse are named together. */
    const forAll = async <T>(
      busy: 'freeze' | 'resume',
      verb: (session: SessionId) => Promise<Answer<readonly VcpuAnswer<T>[]>>,
      take: (one: OpenVcpu, value: T) => { readonly part: Partial<VcpuState>; readonly refusal?: Refusal },
      [stays, stay]: readonly [string, string],
    ): Promise<void> => {
      const { busy: other, refusal: older, session } = get();
      if (other !== null || session === null) return;
      set({ busy });
      const done = await ask(() => verb(session.id));
      const refused = new Map<number, Refusal>();
      for (const { session: id, answer } of done.ok ? done.value : []) {
        const one = get().vcpus.get(id);
        // It was left meanwhile, or has ended: whatever was answered is of no vCPU that is there.
        if (one === undefined || hasEnded(one)) continue;
        const { part, refusal } = answer.ok ? take(one, answer.value) : { part: {}, refusal: answer.refusal };
        putIn(id, () => part);
        if (refusal !== undefined) refused.set(one.session.vcpu, refusal);
      }
      const refusal = done.ok ? refusalOfSeveral(refused, stays, stay) : done.refusal;
      put({ refusal: refusal ?? newerThan(older, get()) }, { busy: null });
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
          const ended = hasEnded(vcpu) || get().hostLost;
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
        forAll(
          'freeze',
          bridge.freezeAll,
          (one, document) => {
            const capture = received(document);
            const part = withRun(one, FROZEN);
            return capture.ok
              ? { part: { ...part, ...withStop(one, { capture: capture.value, cause: 'freeze', write: null }) } }
              : { part, refusal: capture.refusal };
          },
          ['runs on', 'run on'],
        ),
      resumeAll: () =>
        forAll('resume', bridge.resumeAll, (one) => ({ part: withRun(one, RUNNING) }), [
          'stays stopped',
          'stay stopped',
        ]),
    };
  };
