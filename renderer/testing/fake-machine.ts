import type { SessionEvent } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { createMachines } from '../../app/debug/machine.ts';
import type { Target } from '../../app/debug/target.ts';
import { answer, noSuchSession } from '../../app/refusals/refusal.ts';
import { createFakeBridge, FAKE_TARGETS, type FakeBridge, STILL } from './fake-bridge.ts';

const idOf = (vcpu: number): string => `fake-live-${vcpu}`;

export interface FakeMachine {
  /** The bridge that the store is given. */
  readonly bridge: FakeBridge;
  /** What one vCPU holds, and what was asked of it. */
  readonly vcpus: readonly FakeBridge[];
  emit(event: SessionEvent): void;
  sessionOf(vcpu: number): string;
}

/** A target with several vCPUs, each with a state of its own: sessions are told apart as main tells them apart. */
export const createFakeMachine = (states: readonly Capture[]): FakeMachine => {
  const machines = createMachines(STILL, () => ({
    vcpus: async () => answer(vcpus.map((_, vcpu) => vcpu)),
    open: async (vcpu) => {
      const one = vcpus[vcpu];
      return one === undefined ? noSuchSession() : answer<Target>(one.target);
    },
  }));
  const vcpus: readonly FakeBridge[] = states.map((state, vcpu) =>
    createFakeBridge(
      { ...state, facts: { ...state.facts, target: { ...state.facts.target, kind: 'live', vcpu } } },
      FAKE_TARGETS,
      machines,
    ),
  );
  const first = vcpus[0];
  if (first === undefined) throw new Error('a machine has at least one vCPU');
  const at = (session: string): FakeBridge => vcpus.find((_, vcpu) => idOf(vcpu) === session) ?? first;
  const bridge: FakeBridge = {
    ...first,
    attach: (pid, ticks, vcpu, freeze) => (vcpus[vcpu] ?? first).attach(pid, ticks, vcpu, freeze),
    capture: (session) => at(session).capture(session),
    look: (session, have) => at(session).look(session, have),
    freeze: (session) => at(session).freeze(session),
    resume: (session) => at(session).resume(session),
    apply: (session, assignments) => at(session).apply(session, assignments),
    restore: (session, scope, then) => at(session).restore(session, scope, then),
    undo: (session) => at(session).undo(session),
    redo: (session) => at(session).redo(session),
    detach: (session, restoreFirst) => at(session).detach(session, restoreFirst),
  };
  return { bridge, vcpus, emit: (event) => first.emit(event), sessionOf: idOf };
};
