import { decoded as decodedOk, describeProblem } from '../../app/bits/decoded.ts';
import type {
  Answer,
  Applied,
  Assignment,
  Bridge,
  LeftOver,
  Opened,
  Refusal,
  RestoreScope,
  SessionEvent,
  TargetSummary,
} from '../../app/bridge.ts';
import { captureAfter, stageAssignments } from '../../app/edit/assign.ts';
import { stageRestore } from '../../app/edit/restore.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { createModelGuest, type ModelGuest, modelSummaries } from '../../app/model/guest.ts';
import type { Capture } from '../../app/session/capture.ts';
import { decodeCapture, encodeCapture } from '../../app/session/document.ts';

const yes = <T>(value: T): Promise<Answer<T>> => Promise.resolve({ ok: true, value });
const no = (refusal: Partial<Refusal> & { code: string; what: string }): Promise<Answer<never>> =>
  Promise.resolve({ ok: false, refusal: { where: null, mend: null, call: null, errno: null, ...refusal } });

export const FAKE_TARGETS: readonly TargetSummary[] = [
  {
    pid: 4242,
    vmm: 'QEMU',
    name: 'debian-12',
    executable: '/usr/bin/qemu-system-x86_64',
    user: 'mara',
    runningMs: 8_040_000,
    startTimeTicks: '918273',
    vcpus: [0, 1, 2, 3].map((index) => ({ index, tid: 4245 + index, fd: 20 + index, seccomp: 'none' })),
    attachable: true,
    reason: null,
    mend: null,
  },
  {
    pid: 5188,
    vmm: 'Firecracker',
    name: 'fn-7c1e',
    executable: '/usr/local/bin/firecracker',
    user: 'mara',
    runningMs: 2_460_000,
    startTimeTicks: '918274',
    vcpus: [0, 1].map((index) => ({ index, tid: 5190 + index, fd: 20 + index, seccomp: 'filter' })),
    attachable: true,
    reason: null,
    mend: null,
  },
  {
    pid: 5010,
    vmm: 'Cloud Hypervisor',
    name: 'build-03',
    executable: '/usr/local/bin/cloud-hypervisor',
    user: 'build',
    runningMs: 529_200_000,
    startTimeTicks: '918275',
    vcpus: [{ index: 0, tid: 5011, fd: 20, seccomp: 'filter' }],
    attachable: false,
    reason: 'kernel.yama.ptrace_scope is 1 and the process belongs to another user',
    mend: 'sudo setcap cap_sys_ptrace+ep native/tilescope-helper',
  },
];

const FAKE_STATES = [
  { vcpu: 0, label: 'thread 7' },
  { vcpu: 1, label: 'thread 9' },
];
export interface FakeBridge extends Bridge {
  /** What the vCPU holds; a test may play the guest. */
  held: Capture;
  /** What the states of a file are, by their number; the first capture where there is none. */
  inFile: ReadonlyMap<number, Capture>;
  /** What a Tilescope that died has left. */
  left: readonly LeftOver[];
  readonly calls: string[];
  /** The next call of this verb is refused with this. */
  refuseNext(verb: string, refusal: Partial<Refusal> & { code: string; what: string }): void;
  emit(event: SessionEvent): void;
}

/** A bridge with one vCPU in memory: writes change it, so that what is read back is what was written. */
export const createFakeBridge = (
  first: Capture = sampleCapture(),
  targets: readonly TargetSummary[] = FAKE_TARGETS,
): FakeBridge => {
  const listeners = new Set<(event: SessionEvent) => void>();
  const refusals = new Map<string, Partial<Refusal> & { code: string; what: string }>();
  let atAttach = first;
  /** The model that is open: the real one, for it needs no host. */
  let guest: ModelGuest | undefined;
  const refused = (verb: string): Promise<Answer<never>> | null => {
    bridge.calls.push(verb);
    const refusal = refusals.get(verb);
    refusals.delete(verb);
    return refusal === undefined ? null : no(refusal);
  };
  interface Step {
    readonly scope: RestoreScope;
    readonly state: Capture;
  }
  /** The general registers that were written: a restore of everything puts these back. */
  const general = new Set<string>();
  const written: Step[] = [];
  const undone: Step[] = [];
  const record = async (scope: RestoreScope, work: () => Promise<Answer<Applied>>): Promise<Answer<Applied>> => {
    const state = bridge.held;
    const answer = await work();
    if (answer.ok) {
      written.push({ scope, state });
      undone.length = 0;
    }
    return answer;
  };
  const write = (staged: ReturnType<typeof stageAssignments>): Promise<Answer<Applied>> => {
    if (!staged.ok) return no({ code: 'pre-flight', what: describeProblem(staged.problem) });
    bridge.held = captureAfter(bridge.held, staged.value);
    for (const name of staged.value.generalNames) general.add(name);
    if (guest !== undefined) {
      const { image, xcr0, msrs, general: set } = staged.value;
      const writes = [
        guest.writeImage(image.bytes),
        ...(xcr0 === null ? [] : [guest.writeXcr0(xcr0)]),
        ...msrs.map(({ index, value }) => guest?.writeMsr(index, value, false)),
        ...(set === null ? [] : [guest.writeGeneral(set)]),
      ];
      for (const answer of writes) if (answer?.ok === false) return Promise.resolve(answer);
      bridge.held = guest.capture(0);
    }
    const { writtenBytes, changes } = staged.value;
    return yes({ capture: encodeCapture(bridge.held), writtenBytes, changes });
  };
  const open = (kind: Opened['kind'], vcpu: number, frozen: boolean): Opened => ({
    session: `fake-${kind}-${vcpu}`,
    kind,
    vcpus: kind === 'live' ? [0, 1, 2, 3] : [0],
    vcpu,
    frozen,
    canWrite: kind !== 'file',
    verdicts: [{ call: 'KVM_SET_XSAVE', number: '0x5000aea5', verdict: 'allowed' }],
    capture: encodeCapture(bridge.held),
  });
  const bridge: FakeBridge = {
    held: first,
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
    attach: (_pid, _ticks, vcpu, freeze) => refused('attach') ?? yes(open('live', vcpu, freeze)),
    openFile: () =>
      refused('openFile') ??
      yes({ ...open('file', 0, false), file: { kind: 'elf-core', states: FAKE_STATES, preset: null } }),
    chooseState: (_session, vcpu, preset) =>
      refused('chooseState') ??
      yes({
        ...open('file', vcpu, false),
        file: { kind: 'elf-core', states: FAKE_STATES, preset: preset === '' ? null : preset },
      }),
    readState: (_name, _base64, state) =>
      refused('readState') ??
      yes({
        capture: encodeCapture(bridge.inFile.get(state ?? 0) ?? first),
        file: { kind: 'elf-core', states: FAKE_STATES, preset: null },
      }),
    startDemo: () => refused('startDemo') ?? no({ code: 'demo-guest', what: 'there is no KVM in this test' }),
    listModels: () => refused('listModels') ?? yes(modelSummaries()),
    openModel: (program) => {
      const opened = createModelGuest(program);
      if (opened === undefined) return no({ code: 'no-such-model', what: `the model has no program ${program}` });
      const refusal = refused('openModel');
      if (refusal !== null) return refusal;
      guest = opened;
      atAttach = guest.capture(0);
      bridge.held = atAttach;
      return yes({ ...open('model', 0, true), model: guest.position() });
    },
    step: (_session, count) => {
      const refusal = refused('step');
      if (refusal !== null) return refusal;
      if (guest === undefined) return no({ code: 'no-program', what: 'a live target cannot be stepped' });
      const { event, ended } = guest.step(count);
      bridge.held = guest.capture(0);
      return yes({ ...guest.position(), capture: encodeCapture(bridge.held), event, ended });
    },
    capture: () => refused('capture') ?? yes(encodeCapture(bridge.held)),
    freeze: () => refused('freeze') ?? yes(encodeCapture(bridge.held)),
    resume: () => refused('resume') ?? yes(null),
    apply: (_session, assignments: readonly Assignment[]) =>
      refused('apply') ??
      record({ kind: 'paths', paths: assignments.map(({ path }) => path) }, () =>
        write(stageAssignments(bridge.held, assignments)),
      ),
    restore: (_session, scope, then) => {
      const refusal = refused('restore');
      if (refusal !== null) return refusal;
      const wanted = then === null ? decodedOk(atAttach) : decodeCapture(then);
      if (!wanted.ok) return no({ code: 'bad-request', what: describeProblem(wanted.problem) });
      return record(scope, () => write(stageRestore(bridge.held, wanted.value, scope, [...general])));
    },
    detach: () => {
      const refusal = refused('detach');
      if (refusal === null) guest = undefined;
      return refusal ?? yes(null);
    },
    undo: () => {
      const refusal = refused('undo');
      const last = written.at(-1);
      if (refusal !== null) return refusal;
      if (last === undefined) return no({ code: 'nothing-to-undo', what: 'there is nothing to undo' });
      written.pop();
      undone.push({ ...last, state: bridge.held });
      return write(stageRestore(bridge.held, last.state, last.scope));
    },
    redo: () => {
      const refusal = refused('redo');
      const next = undone.pop();
      if (refusal !== null) return refusal;
      if (next === undefined) return no({ code: 'nothing-to-redo', what: 'there is nothing to redo' });
      written.push({ ...next, state: bridge.held });
      return write(stageRestore(bridge.held, next.state, next.scope));
    },
    leftOvers: () => refused('leftOvers') ?? yes(bridge.left),
    putBack: (id) => {
      const refusal = refused('putBack');
      if (refusal !== null) return refusal;
      bridge.left = bridge.left.filter((one) => one.id !== id);
      return write(stageRestore(bridge.held, first, { kind: 'all' }));
    },
    compareLeftOver: () =>
      refused('compareLeftOver') ??
      yes({ kept: encodeCapture(first), now: encodeCapture(bridge.held), general: ['rbx'] }),
    forgetLeftOver: (id) => {
      const refusal = refused('forgetLeftOver');
      if (refusal !== null) return refusal;
      bridge.left = bridge.left.filter((one) => one.id !== id);
      return yes(null);
    },
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
