import { describeProblem } from '../../app/bits/decoded.ts';
import type {
  Answer,
  AppliedInSession,
  Assignment,
  Bridge,
  Opened,
  Orphan,
  Refusal,
  SessionEvent,
  TargetSummary,
} from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { applyWrite, type WriteOutcome } from '../../app/debug/apply.ts';
import type { Clock } from '../../app/debug/clock.ts';
import { driveResult } from '../../app/debug/drive-result.ts';
import { fileTarget } from '../../app/debug/file-target.ts';
import { findMemory } from '../../app/debug/find-memory.ts';
import { readRows } from '../../app/debug/guest-view.ts';
import { createMachines, type Machines } from '../../app/debug/machine.ts';
import { machineVerbs } from '../../app/debug/machine-verbs.ts';
import { openModel } from '../../app/debug/model-target.ts';
import { createSession, type Session } from '../../app/debug/session.ts';
import type { Target } from '../../app/debug/target.ts';
import { fakeRunControl } from '../../app/debug/testing/fake-run-control.ts';
import { type FakeTarget, fakeTarget } from '../../app/debug/testing/fake-target.ts';
import { memoryJournal } from '../../app/debug/testing/memory-journal.ts';
import { callsView, whoIn } from '../../app/debug/who.ts';
import { captureAfter, stageAssignments } from '../../app/edit/assign.ts';
import { stageRestore } from '../../app/edit/restore.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { modelSummaries } from '../../app/model/guest.ts';
import { noSuchSession, refuseProblem } from '../../app/refusals/refusal.ts';
import { decodeCapture, encodeCapture } from '../../app/session/document.ts';

const yes = <T>(value: T): Promise<Answer<T>> => Promise.resolve({ ok: true, value });
const no = (refusal: Partial<Refusal> & Pick<Refusal, 'code' | 'what'>): Promise<Answer<never>> =>
  Promise.resolve({ ok: false, refusal: { where: null, remedy: null, call: null, errno: null, ...refusal } });

export const FAKE_TARGETS: readonly TargetSummary[] = [
  {
    pid: 4242,
    vmm: 'QEMU',
    name: 'debian-12',
    executable: '/usr/bin/qemu-system-x86_64',
    user: 'mara',
    runningMs: 8_040_000,
    startTimeTicks: '918273',
    vcpus: [0, 1, 2, 3].map((index) => ({
      index,
      vmmNumber: index,
      tid: 4245 + index,
      fd: 20 + index,
      seccomp: 'none',
    })),
    vcpusLeftOut: 0,
    attachable: true,
    reason: null,
    remedy: null,
  },
  {
    pid: 5188,
    vmm: 'Firecracker',
    name: 'fn-7c1e',
    executable: '/usr/local/bin/firecracker',
    user: 'mara',
    runningMs: 2_460_000,
    startTimeTicks: '918274',
    vcpus: [0, 1].map((index) => ({ index, vmmNumber: index, tid: 5190 + index, fd: 20 + index, seccomp: 'filter' })),
    vcpusLeftOut: 0,
    attachable: true,
    reason: null,
    remedy: null,
  },
  {
    pid: 5010,
    vmm: 'Cloud Hypervisor',
    name: 'build-03',
    executable: '/usr/local/bin/cloud-hypervisor',
    user: 'build',
    runningMs: 529_200_000,
    startTimeTicks: '918275',
    vcpus: [{ index: 0, vmmNumber: 0, tid: 5011, fd: 20, seccomp: 'filter' }],
    vcpusLeftOut: 0,
    attachable: false,
    reason: 'kernel.yama.ptrace_scope is 1 and the process belongs to another user',
    remedy: 'sudo setcap cap_sys_ptrace+ep native/tilescope-helper',
  },
];

const FAKE_STATES = [
  { vcpu: 0, label: 'thread 7' },
  { vcpu: 1, label: 'thread 9' },
];
export interface FakeBridge extends Bridge {
  /** What the vCPU holds; a test may play the guest, or the VMM that holds it outside KVM_RUN. */
  held: Capture;
  readonly target: FakeTarget;
  /** What the states of a file are, by their number; the first capture where there is none. */
  inFile: ReadonlyMap<number, Capture>;
  /** What a Tilescope that died has left. */
  left: readonly Orphan[];
  readonly calls: string[];
  /** The next call of this verb is refused with this. */
  refuseNext(verb: string, refusal: Partial<Refusal> & Pick<Refusal, 'code' | 'what'>): void;
  emit(event: SessionEvent): void;
}

/** Time that stands still: nobody looks again by himself. */
export const STILL: Clock = { sleep: async () => undefined, after: () => () => undefined };

const applied = (session: Session, outcome: Answer<WriteOutcome>): Answer<AppliedInSession> => {
  if (!outcome.ok) return outcome;
  const { capture, writtenBytes, changes, leftAlone } = outcome.value;
  const told = { capture: encodeCapture(capture), writtenBytes, changes, writes: session.writes() };
  return { ok: true, value: leftAlone === undefined ? told : { ...told, leftAlone } };
};

/** A bridge with one vCPU in memory, under the session that every host runs: what is read back is what was written. */
export const createFakeBridge = (
  first: Capture = sampleCapture(),
  targets: readonly TargetSummary[] = FAKE_TARGETS,
  machines: Machines = createMachines(STILL),
): FakeBridge => {
  const listeners = new Set<(event: SessionEvent) => void>();
  const refusals = new Map<string, Partial<Refusal> & Pick<Refusal, 'code' | 'what'>>();
  const ofAll = machineVerbs(machines);
  const vcpu: FakeTarget = fakeTarget(first);
  Object.assign(vcpu, { runControl: fakeRunControl(vcpu) });
  const kept = new Map<string, string>();
  const aboutTarget = (id: string, target: Target): Omit<Opened, 'capture'> => ({
    session: id,
    kind: target.identity.kind,
    vcpus: target.identity.kind === 'live' ? [0, 1, 2, 3] : [0],
    vcpu: target.identity.vcpu,
    run: target.run,
    canWrite: target.canWrite,
    verdicts: [{ call: 'KVM_SET_XSAVE', number: '0x5000aea5', action: 0x7fff0000, verdict: 'allowed' }],
    ...(target.program === null ? {} : { model: target.program.position() }),
  });
  const refused = (verb: string): Promise<Answer<never>> | null => {
    bridge.calls.push(verb);
    const refusal = refusals.get(verb);
    refusals.delete(verb);
    return refusal === undefined ? null : no(refusal);
  };

  const open = async (
    kind: Opened['kind'],
    target: Target,
    vcpuIndex: number,
    freeze: boolean,
  ): Promise<Answer<Opened>> => {
    if (freeze) await target.freeze();
    const capture = await target.capture();
    if (!capture.ok) return capture;
    const id = `fake-${kind}-${vcpuIndex}`;
    machines.add(createSession(id, target, capture.value, { clock: STILL, journal: memoryJournal() }));
    return {
      ok: true,
      value: { ...aboutTarget(id, target), kind, vcpu: vcpuIndex, capture: encodeCapture(capture.value) },
    };
  };
  const openFileState = async (state: number, preset: string): Promise<Answer<Opened>> => {
    const opened = await open('file', fileTarget('core', bridge.held), state, false);
    if (!opened.ok) return opened;
    return yes({
      ...opened.value,
      file: { kind: 'elf-core', states: FAKE_STATES, preset: preset === '' ? null : preset },
    });
  };
  const withSession = async <T>(
    verb: string,
    id: string,
    use: (session: Session) => Promise<Answer<T>>,
  ): Promise<Answer<T>> => {
    const refusal = refused(verb);
    if (refusal !== null) return refusal;
    const session = machines.session(id);
    return session === undefined ? noSuchSession() : use(session);
  };
  const documentOf = (captured: Answer<Capture>) => (captured.ok ? yes(encodeCapture(captured.value)) : captured);

  const bridge: FakeBridge = {
    get held() {
      return vcpu.state;
    },
    set held(state) {
      vcpu.state = state;
      vcpu.outside = state.facts.inKvmRun === false ? Number.POSITIVE_INFINITY : 0;
    },
    target: vcpu,
    inFile: new Map(),
    left: [],
    calls: [],
    refuseNext: (verb, refusal) => refusals.set(verb, refusal),
    emit: (event) => {
      for (const listener of listeners) listener(event);
    },
    hostFacts: () =>
      refused('hostFacts') ??
      yes({
        product: 'Tilescope 0.1.0',
        helper: { ok: true, version: '0.1', problem: null },
        kernelRelease: '6.18.44',
        host: 'web',
        cpu: 'AMD EPYC',
        openAtStart: null,
        machine: { cpuid: sampleCapture().facts.hostCpuid, supportedXcr0: '0xe7' },
      }),
    listTargets: () => refused('listTargets') ?? yes({ targets, skippedCount: 0 }),
    attach: (_pid, _ticks, index, freeze) => refused('attach') ?? open('live', vcpu, index, freeze),
    openFile: () => refused('openFile') ?? openFileState(0, ''),
    chooseState: (_session, state, preset) => refused('chooseState') ?? openFileState(state, preset),
    readState: (_name, _base64, state) =>
      refused('readState') ??
      yes({
        capture: encodeCapture(bridge.inFile.get(state ?? 0) ?? first),
        file: { kind: 'elf-core', states: FAKE_STATES, preset: null },
      }),
    startDemo: () => refused('startDemo') ?? no({ code: 'demo-guest', what: 'there is no KVM in this test' }),
    listModels: () => refused('listModels') ?? yes(modelSummaries()),
    openModel: async (program) => {
      const model = openModel(program, () => 0);
      if (!model.ok) return model;
      return refused('openModel') ?? open('model', model.value, 0, false);
    },
    step: (id, count) =>
      withSession('step', id, async (session) => {
        const stepped = await session.step(count);
        if (!stepped.ok) return stepped;
        return yes({ number: 1, whole: { ...stepped.value, capture: encodeCapture(stepped.value.capture) } });
      }),
    rewind: (id, at) =>
      withSession('rewind', id, async (session) => {
        const rewound = await session.rewind(at);
        if (!rewound.ok) return rewound;
        return yes({ ...rewound.value, capture: encodeCapture(rewound.value.capture), writes: session.writes() });
      }),
    capture: (id) => withSession('capture', id, async (session) => documentOf(await session.capture())),
    look: (id) =>
      withSession('look', id, async (session) => {
        const now = await session.capture();
        return now.ok ? yes({ number: 1, whole: encodeCapture(now.value) }) : now;
      }),
    drive: (id, act) =>
      withSession('drive', id, async (session) => {
        const driven = await session.driveAct(act, async () => ({ decode: () => null }));
        return driven.ok ? yes({ number: 1, whole: driveResult(driven.value, 'Tilescope 0.1.0') }) : driven;
      }),
    freeze: (id) => withSession('freeze', id, async (session) => documentOf(await session.freeze())),
    readCode: async () =>
      refused('readCode') ?? no({ code: 'memory-unknown', what: 'memory is not known in this test' }),
    nameCode: async (_id, codes) =>
      refused('nameCode') ?? yes(codes.map(({ code }) => ({ text: `decoded ${code}`, symbol: null }))),
    readMemory: (id, request) => withSession('readMemory', id, (session) => readRows(session, request)),
    readArea: (id) => withSession('readArea', id, async () => yes(encodeCapture(bridge.inFile.get(0) ?? bridge.held))),
    findMemory: (id, request) => withSession('findMemory', id, (session) => findMemory(session, request)),
    readCalls: (id) =>
      withSession('readCalls', id, (session) =>
        session.withMemory(async (memory, { facts }) => {
          const who = await whoIn(memory, facts, { symbols: null, loadAddress: null, btf: null }, 16);
          return who.ok ? yes(callsView(who.value, memory.proof.translations)) : who;
        }),
      ),
    takeSymbols: async () => refused('takeSymbols') ?? yes({ count: 3 }),
    placeSymbols: async () => refused('placeSymbols') ?? yes(null),
    resume: (id) =>
      withSession('resume', id, async (session) => {
        const resumed = await session.resume();
        return resumed.ok ? yes(null) : resumed;
      }),
    freezeAll: (id) => refused('freezeAll') ?? ofAll.freezeAll(id),
    resumeAll: (id) => refused('resumeAll') ?? ofAll.resumeAll(id),
    holdOthers: (id) => refused('holdOthers') ?? ofAll.holdOthers(id),
    letOthersGo: (id) => refused('letOthersGo') ?? ofAll.letOthersGo(id),
    apply: (id, assignments: readonly Assignment[]) =>
      withSession('apply', id, async (session) => applied(session, await session.assign(assignments))),
    restore: (id, scope, then) =>
      withSession('restore', id, async (session) => {
        if (then === null) return applied(session, await session.restore(scope));
        const wanted = decodeCapture(then);
        if (!wanted.ok) return no({ code: 'bad-call', what: describeProblem(wanted.problem) });
        return applied(session, await session.restore(scope, wanted.value));
      }),
    undo: (id) => withSession('undo', id, async (session) => applied(session, await session.undo())),
    redo: (id) => withSession('redo', id, async (session) => applied(session, await session.redo())),
    detach: (id, restoreFirst) =>
      withSession('detach', id, async (session) => {
        const detached = await session.detach(restoreFirst);
        if (detached.ok) machines.remove(id);
        return detached;
      }),
    orphans: () => refused('orphans') ?? yes(bridge.left),
    recover: async (id) => {
      const refusal = refused('recover');
      if (refusal !== null) return refusal;
      bridge.left = bridge.left.filter((one) => one.id !== id);
      const outcome = await applyWrite(vcpu, STILL, {
        stage: (now) => {
          const staged = stageRestore(now, first, { kind: 'all' });
          return staged.ok ? staged : refuseProblem('restore', staged.problem);
        },
        beforeWrite: () => yes(null),
      });
      if (!outcome.ok) return outcome;
      const { capture, writtenBytes, changes } = outcome.value;
      return yes({ capture: encodeCapture(capture), writtenBytes, changes });
    },
    compareOrphan: () =>
      refused('compareOrphan') ??
      yes({ kept: encodeCapture(first), now: encodeCapture(bridge.held), general: ['rbx'] }),
    forgetOrphan: (id) => {
      const refusal = refused('forgetOrphan');
      if (refusal !== null) return refusal;
      bridge.left = bridge.left.filter((one) => one.id !== id);
      return yes(null);
    },
    comeBack: async () =>
      yes({
        kept: Object.fromEntries(kept),
        open: machines.sessions.map(({ id, target, writes }) => ({
          ...aboutTarget(id, target),
          writes: writes(),
        })),
      }),
    keep: async (name, text) => {
      if (text === '') kept.delete(name);
      else kept.set(name, text);
      return yes(null);
    },
    cancelReading: () => refused('cancelReading') ?? yes(null),
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return bridge;
};

/** Plays the guest: one assignment done inside the VM, so that the next stop shows it as changed by the guest. */
export const guestWrites = (bridge: FakeBridge, ...assignments: readonly Assignment[]): void => {
  const write = stageAssignments(bridge.held, assignments);
  if (!write.ok) throw new Error(describeProblem(write.problem));
  bridge.held = captureAfter(bridge.held, write.value);
};
