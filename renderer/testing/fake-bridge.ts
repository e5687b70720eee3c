import { describeProblem } from '../../app/bits/decoded.ts';
import type {
  Answer,
  Applied,
  Assignment,
  Bridge,
  Opened,
  Refusal,
  RestoreScope,
  SessionEvent,
  TargetSummary,
} from '../../app/bridge.ts';
import { type StagedWrite, stageAssignments } from '../../app/edit/assign.ts';
import { stageRestore } from '../../app/edit/restore.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import type { Capture } from '../../app/session/capture.ts';
import { encodeCapture } from '../../app/session/document.ts';

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

export interface FakeBridge extends Bridge {
  /** What the vCPU holds; a test may play the guest. */
  held: Capture;
  readonly calls: string[];
  /** The next call of this verb is refused with this. */
  refuseNext(verb: string, refusal: Partial<Refusal> & { code: string; what: string }): void;
  emit(event: SessionEvent): void;
}

const after = (now: Capture, write: StagedWrite): Capture => ({
  image: write.image,
  facts: {
    ...now.facts,
    xcr0: write.xcr0 ?? now.facts.xcr0,
    msrs: now.facts.msrs.map((msr) => ({
      ...msr,
      value: write.msrs.find((row) => row.index === msr.index)?.value ?? msr.value,
    })),
  },
});

/** A bridge with one vCPU in memory: writes change it, so that what is read back is what was written. */
export const createFakeBridge = (
  first: Capture = sampleCapture(),
  targets: readonly TargetSummary[] = FAKE_TARGETS,
): FakeBridge => {
  const listeners = new Set<(event: SessionEvent) => void>();
  const refusals = new Map<string, Partial<Refusal> & { code: string; what: string }>();
  const atAttach = first;
  const refused = (verb: string): Promise<Answer<never>> | null => {
    bridge.calls.push(verb);
    const refusal = refusals.get(verb);
    refusals.delete(verb);
    return refusal === undefined ? null : no(refusal);
  };
  const write = (staged: ReturnType<typeof stageAssignments>): Promise<Answer<Applied>> => {
    if (!staged.ok) return no({ code: 'pre-flight', what: describeProblem(staged.problem) });
    bridge.held = after(bridge.held, staged.value);
    const { writtenBytes, changes } = staged.value;
    return yes({ capture: encodeCapture(bridge.held), writtenBytes, changes });
  };
  const open = (kind: 'live' | 'file', vcpu: number, frozen: boolean): Opened => ({
    session: `fake-${kind}-${vcpu}`,
    kind,
    vcpus: kind === 'live' ? [0, 1, 2, 3] : [0],
    vcpu,
    frozen,
    canWrite: kind === 'live',
    verdicts: [{ call: 'KVM_SET_XSAVE', number: '0x5000aea5', verdict: 'allowed' }],
    capture: encodeCapture(bridge.held),
  });
  const bridge: FakeBridge = {
    held: first,
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
      }),
    listTargets: () => refused('listTargets') ?? yes({ targets, skippedCount: 0 }),
    attach: (_pid, _ticks, vcpu, freeze) => refused('attach') ?? yes(open('live', vcpu, freeze)),
    openFile: () => refused('openFile') ?? yes(open('file', 0, false)),
    capture: () => refused('capture') ?? yes(encodeCapture(bridge.held)),
    freeze: () => refused('freeze') ?? yes(encodeCapture(bridge.held)),
    resume: () => refused('resume') ?? yes(null),
    apply: (_session, assignments: readonly Assignment[]) =>
      refused('apply') ?? write(stageAssignments(bridge.held, assignments)),
    restore: (_session, scope: RestoreScope) => refused('restore') ?? write(stageRestore(bridge.held, atAttach, scope)),
    detach: () => refused('detach') ?? yes(null),
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
  bridge.held = after(bridge.held, write.value);
};
