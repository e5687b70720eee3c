import { describeProblem } from '../../app/bits/decoded.ts';
import type {
  Answer,
  Bridge,
  CallVerdict,
  CaptureDocument,
  HostFacts,
  Opened,
  OpenFile,
  Refusal,
  TargetList,
  TargetSummary,
} from '../../app/bridge.ts';
import type { Capture } from '../../app/session/capture.ts';
import { decodeCapture } from '../../app/session/document.ts';
import { ask, helperGone, undecodedRefusal } from './ask.ts';
import type { Slice, State } from './state.ts';

export type RunState = 'running' | 'frozen' | 'ended' | 'file';

/** What the open session is about. The captures themselves are the timeline's. */
export interface Session {
  readonly id: string;
  readonly kind: Opened['kind'];
  readonly vmm: string;
  readonly name: string;
  readonly pid: number | null;
  /** null for a file: there is no process to attach to again. */
  readonly startTimeTicks: string | null;
  readonly vcpus: readonly number[];
  readonly vcpu: number;
  readonly canWrite: boolean;
  readonly verdicts: readonly CallVerdict[];
  readonly run: RunState;
  /** What a file is and what else it holds; there for kind 'file' alone. */
  readonly file?: OpenFile;
}

export type Busy = 'attach' | 'open' | 'capture' | 'freeze' | 'resume' | 'apply' | 'restore' | 'detach' | 'step';

export interface TargetSlice {
  readonly hostFacts: HostFacts | null;
  readonly helperProblem: string | null;
  readonly listing: { readonly looking: boolean; readonly list: TargetList | null; readonly refusal: Refusal | null };
  readonly pickedPid: number | null;
  readonly pickedVcpu: number;
  readonly targetFilter: string;
  readonly session: Session | null;
  readonly busy: Busy | null;
  /** The last refusal, shown in the centre until it is closed or the next act succeeds. */
  readonly refusal: Refusal | null;
  start(): Promise<void>;
  refreshTargets(): Promise<void>;
  /** Starts the demo guest and picks it. */
  startDemo(): Promise<void>;
  setTargetFilter(text: string): void;
  pickTarget(pid: number): void;
  pickVcpu(vcpu: number): void;
  attach(freeze: boolean): Promise<void>;
  openFile(name: string, base64: string): Promise<void>;
  capture(): Promise<void>;
  freeze(): Promise<void>;
  resume(): Promise<void>;
  detach(restoreFirst: boolean): Promise<void>;
  /** Another thread or vCPU of a file, or the same bytes with the layout of the CPU named; '' leaves it to the file. */
  chooseState(vcpu: number, preset: string): Promise<void>;
  switchVcpu(vcpu: number): Promise<void>;
  /** Shows a refusal that was decided here. */
  refuse(refusal: Refusal): void;
  closeRefusal(): void;
}

/** The targets whose name, VMM, user or pid holds the text typed. */
export const targetsMatching = (list: TargetList | null, filter: string): readonly TargetSummary[] => {
  const wanted = filter.trim().toLowerCase();
  const targets = list?.targets ?? [];
  if (wanted === '') return targets;
  return targets.filter((target) =>
    [target.name, target.vmm, target.user, String(target.pid)].some((text) => text.toLowerCase().includes(wanted)),
  );
};

const received = (document: CaptureDocument): Answer<Capture> => {
  const capture = decodeCapture(document);
  return capture.ok
    ? { ok: true, value: capture.value }
    : {
        ok: false,
        refusal: undecodedRefusal('The capture that the host sent cannot be read', describeProblem(capture.problem)),
      };
};

export const createTargetSlice =
  (bridge: Bridge): Slice<TargetSlice> =>
  (set, get) => {
    /** Runs one act at a time; its refusal lands in the centre. */
    const act = async <T>(busy: Busy, request: () => Promise<Answer<T>>): Promise<T | null> => {
      if (get().busy !== null) return null;
      set({ busy });
      const answer = await ask(request);
      if (answer.ok) {
        set({ busy: null, refusal: null });
        return answer.value;
      }
      set({ busy: null, refusal: answer.refusal });
      return null;
    };

    const opened = (value: Opened, pid: number | null, startTimeTicks: string | null): void => {
      const answer = received(value.capture);
      if (!answer.ok) {
        set({ refusal: answer.refusal });
        return;
      }
      const { target } = answer.value.facts;
      const session: Session = {
        id: value.session,
        kind: value.kind,
        vmm: target.vmm,
        name: target.name,
        pid,
        startTimeTicks,
        vcpus: value.vcpus,
        vcpu: value.vcpu,
        canWrite: value.canWrite,
        verdicts: value.verdicts,
        run: value.kind === 'file' ? 'file' : value.frozen ? 'frozen' : 'running',
        ...(value.file === undefined ? {} : { file: value.file }),
      };
      set({ session, ...get().freshSession(answer.value, value.kind === 'file' ? 'file' : 'attach') });
    };

    const attachTo = async (pid: number, startTimeTicks: string, vcpu: number, freeze: boolean): Promise<void> => {
      const value = await act('attach', () => bridge.attach(pid, startTimeTicks, vcpu, freeze));
      if (value !== null) opened(value, pid, startTimeTicks);
    };

    const setRun = (run: RunState): void => {
      const { session } = get();
      if (session !== null) set({ session: { ...session, run } });
    };

    const takeStop = async (busy: 'capture' | 'freeze'): Promise<boolean> => {
      const { session } = get();
      if (session === null) return false;
      const document = await act(busy, () => bridge[busy](session.id));
      if (document === null) return false;
      const answer = received(document);
      if (!answer.ok) {
        set({ refusal: answer.refusal });
        return false;
      }
      get().addStop({ capture: answer.value, cause: busy, write: null });
      return true;
    };

    return {
      hostFacts: null,
      helperProblem: null,
      listing: { looking: false, list: null, refusal: null },
      pickedPid: null,
      pickedVcpu: 0,
      targetFilter: '',
      session: null,
      busy: null,
      refusal: null,

      async start() {
        bridge.onEvent((event) => {
          if (event.kind === 'helper') {
            set({ helperProblem: event.problem });
            if (event.problem !== null) set({ refusal: helperGone(event.problem) });
            return;
          }
          if (get().session?.id !== event.session) return;
          setRun('ended');
          set({ refusal: event.refusal });
        });
        const facts = await ask(() => bridge.hostFacts());
        if (facts.ok) set({ hostFacts: facts.value, helperProblem: facts.value.helper.problem });
        else set({ listing: { looking: false, list: null, refusal: facts.refusal } });
        if (!facts.ok) return;
        // A file named on the command line: main knows its bytes, the name alone asks for it.
        if (facts.value.openAtStart !== null) await get().openFile(facts.value.openAtStart, '');
        await Promise.all([get().refreshTargets(), get().findLeftOvers()]);
      },

      async refreshTargets() {
        if (get().listing.looking) return;
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
          ...(kept ? {} : { pickedPid: first?.pid ?? null, pickedVcpu: first?.vcpus[0]?.index ?? 0 }),
        });
      },

      async startDemo() {
        const started = await act('attach', () => bridge.startDemo());
        if (started === null) return;
        await get().refreshTargets();
        get().pickTarget(started.pid);
      },

      setTargetFilter: (targetFilter) =>
        set((state) => {
          const shown = targetsMatching(state.listing.list, targetFilter);
          const kept = shown.some((target) => target.pid === state.pickedPid);
          return { targetFilter, ...(kept || shown[0] === undefined ? {} : { pickedPid: shown[0].pid }) };
        }),
      pickTarget: (pid) =>
        set((state) => ({
          pickedPid: pid,
          pickedVcpu: state.listing.list?.targets.find((target) => target.pid === pid)?.vcpus[0]?.index ?? 0,
        })),
      pickVcpu: (pickedVcpu) => set({ pickedVcpu }),

      async attach(freeze) {
        const target = get().listing.list?.targets.find((row) => row.pid === get().pickedPid);
        if (target === undefined || !target.attachable) return;
        await attachTo(target.pid, target.startTimeTicks, get().pickedVcpu, freeze);
      },

      async openFile(name, base64) {
        const former = get().session;
        const value = await act('open', () => bridge.openFile(name, base64));
        if (value === null) return;
        opened(value, null, null);
        // Another file takes the place of the one that is open; it has nothing to give back.
        if (former !== null && former.kind === 'file') await ask(() => bridge.detach(former.id, false));
      },

      async chooseState(vcpu, preset) {
        const { session } = get();
        if (session?.file === undefined) return;
        const value = await act('open', () => bridge.chooseState(session.id, vcpu, preset));
        if (value !== null) opened(value, null, null);
      },

      async capture() {
        await takeStop('capture');
      },
      async freeze() {
        if (await takeStop('freeze')) setRun('frozen');
      },
      async resume() {
        const { session } = get();
        if (session === null) return;
        if ((await act('resume', () => bridge.resume(session.id))) !== null || get().refusal === null)
          setRun('running');
      },

      async detach(restoreFirst) {
        const { session } = get();
        if (session === null) return;
        // A target that ended has nothing to restore; the session is closed all the same.
        if (session.run === 'ended') await ask(() => bridge.detach(session.id, false));
        else {
          await act('detach', () => bridge.detach(session.id, restoreFirst));
          if (get().refusal !== null) return;
        }
        set({ session: null, refusal: null, overlay: null, ...noTimeline(get()) });
        await get().refreshTargets();
      },

      async switchVcpu(vcpu) {
        const { session } = get();
        if (session?.file !== undefined) {
          if (vcpu !== session.vcpu) await get().chooseState(vcpu, session.file.preset ?? '');
          return;
        }
        if (session === null || session.pid === null || session.startTimeTicks === null || vcpu === session.vcpu)
          return;
        const frozen = session.run === 'frozen';
        await act('detach', () => bridge.detach(session.id, false));
        if (get().refusal !== null) return;
        await attachTo(session.pid, session.startTimeTicks, vcpu, frozen);
        if (get().session?.id === session.id) set({ session: null, ...noTimeline(get()) });
      },

      refuse: (refusal) => set({ refusal }),
      closeRefusal: () => set({ refusal: null }),
    };
  };

const noTimeline = (state: State): Partial<State> => ({ ...state.emptyTimeline(), ...state.emptyEdits() });
