import type {
  Bridge,
  CaptureDocument,
  Opened,
  Refusal,
  SessionEvent,
  TargetList,
  TargetSummary,
} from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { FROZEN, RUNNING, type RunState } from '../../../app/debug/run-state.ts';
import { refusal } from '../../../app/refusals/refusal.ts';
import { createAct } from '../base/act.ts';
import { ask, helperGone } from '../base/ask.ts';
import { BUSY } from '../base/availability.ts';
import { received } from '../base/received.ts';
import type { Slice } from '../state/state.ts';
import type { Session, TargetSlice } from '../state/target.ts';
import { wouldLose } from './leaving.ts';
import { type AttachedProcess, openedState } from './opened.ts';
import { withOverwritten } from './timeline-slice.ts';
import { FIRST_SELECTION, withRun } from './vcpu.ts';

/** The targets whose name, VMM, user or pid holds the text typed. */
export const targetsMatching = (list: TargetList | null, filter: string): readonly TargetSummary[] => {
  const wanted = filter.trim().toLowerCase();
  const targets = list?.targets ?? [];
  if (wanted === '') return targets;
  return targets.filter((target) =>
    [target.name, target.vmm, target.user, String(target.pid)].some((text) => text.toLowerCase().includes(wanted)),
  );
};

/** A target comes with a vCPU of its own. */
const picked = (target: TargetSummary | undefined): Pick<TargetSlice, 'pickedPid' | 'pickedVcpu'> => ({
  pickedPid: target?.pid ?? null,
  pickedVcpu: target?.vcpus[0]?.index ?? 0,
});

/** @param held what is open in its place; null: another act is under way */
const notOpened = (name: string, held: Session['kind'] | null): Refusal =>
  refusal(
    'not-opened',
    `${name} was not opened: ${held === null ? BUSY : held === 'file' ? 'the file that is open has edits' : 'a target is attached'}`,
    { remedy: held === null ? 'Open it again' : held === 'file' ? 'Save or close it first' : 'Detach first' },
  );

const decodedOrNull = (document: CaptureDocument): Capture | null => {
  const capture = received(document);
  return capture.ok ? capture.value : null;
};

export const createTargetSlice =
  (bridge: Bridge): Slice<TargetSlice> =>
  (store) => {
    const { getState: get, set, put, putIn, show } = store;
    const act = createAct(store);

    const opened = async (value: Opened, process: AttachedProcess | null): Promise<boolean> => {
      const made = openedState(value, process);
      if (made.ok) {
        const { vcpu, window } = made.value;
        const { refusal } = get();
        show([{ ...vcpu, refusal }], vcpu.session.id, { ...window, selection: FIRST_SELECTION });
        return true;
      }
      put({ refusal: made.refusal });
      // Nobody could ever leave a session that is not shown.
      await ask(() => bridge.detach(value.session, false));
      return false;
    };

    const setRun = (run: RunState): void => put((one) => withRun(one, run));

    const takeStop = async (busy: 'capture' | 'freeze'): Promise<boolean> => {
      const { session } = get();
      if (session === null) return false;
      const document = await act(busy, () => bridge[busy](session.id));
      if (!document.ok) return false;
      const answer = received(document.value);
      if (!answer.ok) {
        put({ refusal: answer.refusal });
        return false;
      }
      get().addStop({ capture: answer.value, cause: busy, write: null });
      return true;
    };

    /** What main tells of its own accord, about a vCPU on screen or not. */
    const heard = (event: Extract<SessionEvent, { kind: 'gone' | 'overwritten' }>): void =>
      putIn(event.session, (one) =>
        event.kind === 'gone'
          ? { ...withRun(one, { state: 'ended', why: event.refusal }), refusal: event.refusal }
          : withOverwritten(one, event.parts, decodedOrNull(event.capture)),
      );

    /** The search under way, or the last one. */
    let looking: Promise<void> = Promise.resolve();
    const lookForTargets = async (): Promise<void> => {
      set((state) => ({ listing: { ...state.listing, looking: true } }));
      const answer = await ask(() => bridge.listTargets());
      if (!answer.ok) {
        set((state) => ({ listing: { looking: false, list: state.listing.list, refusal: answer.refusal } }));
        return;
      }
      const list = answer.value;
      const kept = list.targets.some((target) => target.pid === get().pickedPid);
      const first = list.targets.find((target) => target.attachable) ?? list.targets[0];
      set({
        listing: { looking: false, list, refusal: null },
        ...(kept ? {} : picked(first)),
      });
    };

    return {
      hostFacts: null,
      helperProblem: null,
      hostLost: false,
      listing: { looking: false, list: null, refusal: null },
      pickedPid: null,
      pickedVcpu: 0,
      targetFilter: '',
      busy: null,
      reading: null,

      async cancelReading() {
        await ask(() => bridge.cancelReading());
      },

      async start() {
        bridge.onEvent((event) => {
          if (event.kind === 'host-gone') {
            const refusal = helperGone(event.problem);
            for (const [id, { session }] of get().vcpus) {
              if (session.kind !== 'file') putIn(id, (one) => withRun(one, { state: 'ended', why: refusal }));
            }
            put({ refusal }, { hostLost: true, helperProblem: event.problem });
            return;
          }
          if (event.kind === 'helper') {
            set({ helperProblem: event.problem });
            if (event.problem !== null) put({ refusal: helperGone(event.problem) });
            return;
          }
          if (event.kind === 'open-file') {
            void get().openFile(event.name, '');
            return;
          }
          if (event.kind === 'reading') {
            const { name, sizeBytes, elapsedMs } = event;
            set({ reading: elapsedMs === null ? null : { name, sizeBytes, elapsedMs } });
            return;
          }
          if (event.kind === 'taken') {
            get().wasTaken();
            return;
          }
          heard(event);
        });
        const isBack = await get().comeBack();
        const facts = await ask(() => bridge.hostFacts());
        if (facts.ok) set({ hostFacts: facts.value, helperProblem: facts.value.helper.problem });
        else set({ listing: { looking: false, list: null, refusal: facts.refusal } });
        if (!facts.ok) return;
        // A file named on the command line: main knows its bytes, the name alone asks for it.
        if (facts.value.openAtStart !== null && !isBack) await get().openFile(facts.value.openAtStart, '');
        await Promise.all([get().refreshTargets(), get().findOrphans()]);
      },

      async refreshTargets() {
        if (get().listing.looking || get().hostLost) return;
        looking = lookForTargets();
        await looking;
      },

      async startDemo() {
        const started = await act('attach', () => bridge.startDemo());
        if (!started.ok) return;
        // A search that began before the guest ran does not know of it.
        await looking;
        await get().refreshTargets();
        get().pickTarget(started.value.pid);
      },

      setTargetFilter: (targetFilter) =>
        set((state) => {
          const shown = targetsMatching(state.listing.list, targetFilter);
          const kept = shown.some((target) => target.pid === state.pickedPid);
          return { targetFilter, ...(kept || shown[0] === undefined ? {} : picked(shown[0])) };
        }),
      pickTarget: (pid) =>
        set((state) => ({
          pickedPid: pid,
          pickedVcpu: state.listing.list?.targets.find((target) => target.pid === pid)?.vcpus[0]?.index ?? 0,
        })),
      pickVcpu: (pickedVcpu) => set({ pickedVcpu }),

      async attach(freeze) {
        const target = get().listing.list?.targets.find((row) => row.pid === get().pickedPid);
        if (target === undefined || !target.attachable || get().session !== null) return;
        const { pid, startTimeTicks } = target;
        const vcpu = get().pickedVcpu;
        const answer = await act('attach', () => bridge.attach(pid, startTimeTicks, vcpu, freeze));
        if (answer.ok) await opened(answer.value, { pid, startTimeTicks });
      },

      async openFile(name, base64) {
        const { session: previous, busy } = get();
        // A file that was chosen before a target was attached to comes here once its bytes are read.
        const isTaken = previous !== null && (previous.kind !== 'file' || wouldLose(get()));
        if (isTaken || busy !== null) {
          put({ refusal: notOpened(name, isTaken ? previous.kind : null) });
          return;
        }
        const answer = await act('open', () => bridge.openFile(name, base64));
        if (!answer.ok || !(await opened(answer.value, null))) return;
        // Another file takes the place of the one that is open; it has nothing to give back.
        if (previous !== null && previous.kind === 'file') await ask(() => bridge.detach(previous.id, false));
      },

      async chooseState(vcpu, preset) {
        const { session } = get();
        if (session?.file === undefined) return;
        if (wouldLose(get())) {
          put({ refusal: notOpened(session.name, 'file') });
          return;
        }
        const answer = await act('open', () => bridge.chooseState(session.id, vcpu, preset));
        if (answer.ok) await opened(answer.value, null);
      },

      async capture() {
        await takeStop('capture');
      },
      async freeze() {
        if (await takeStop('freeze')) setRun(FROZEN);
      },
      async resume() {
        const { session } = get();
        if (session === null) return;
        if ((await act('resume', () => bridge.resume(session.id))).ok) setRun(RUNNING);
      },

      refuse: (refusal) => put({ refusal }),
      closeRefusal: () => put({ refusal: null }),
    };
  };
