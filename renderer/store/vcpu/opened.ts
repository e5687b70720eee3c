import { describeProblem } from '../../../app/bits/decoded.ts';
import type { Answer, Opened } from '../../../app/bridge.ts';
import { undecodedRefusal } from '../base/ask.ts';
import { received } from '../base/received.ts';
import { guestKey } from '../select/guest-key.ts';
import type { WindowState } from '../state/state.ts';
import type { Session } from '../state/target.ts';
import type { OpenVcpu } from '../state/vcpus.ts';
import { savedTimeline } from './saved-session.ts';
import { newVcpu } from './vcpu.ts';

/** The process that was attached to, so that another vCPU of the same one can be. */
export interface AttachedProcess {
  readonly pid: number;
  readonly startTimeTicks: string;
}

/** What main opened, and what the window takes over with it: a saved session comes with its breakpoints. */
export interface OpenedState {
  readonly vcpu: OpenVcpu;
  readonly window: Partial<Pick<WindowState, 'breakpoints' | 'breakpointsOf'>>;
}

/** What main opened, as the store keeps it; a saved session comes with all its stops, labels and its pin. */
export const openedState = (value: Opened, process: AttachedProcess | null): Answer<OpenedState> => {
  const answer = received(value.capture);
  if (!answer.ok) return answer;
  const { target } = answer.value.facts;
  const session: Session = {
    id: value.session,
    kind: value.kind,
    vmm: target.vmm,
    name: target.name,
    pid: process?.pid ?? null,
    startTimeTicks: process?.startTimeTicks ?? null,
    vcpus: value.vcpus,
    vcpu: value.vcpu,
    canWrite: value.canWrite,
    verdicts: value.verdicts,
    ...(value.file === undefined ? {} : { file: value.file }),
  };
  const fresh = {
    ...newVcpu(session, answer.value, value.kind === 'file' ? 'file' : 'attach'),
    run: value.run,
    hasRun: value.run.state === 'running',
  };
  if (value.timeline === undefined) return { ok: true, value: { vcpu: fresh, window: {} } };
  const saved = savedTimeline(value.timeline);
  if (!saved.ok) {
    const refusal = undecodedRefusal('The saved session cannot be shown', describeProblem(saved.problem));
    return { ok: false, refusal };
  }
  const { timeline, breakpoints, ...about } = saved.value;
  // Its stops are the timeline's to show: a list of states to choose from would say them again.
  const only: Session = {
    ...session,
    vcpus: [target.vcpu],
    vcpu: target.vcpu,
    file: { kind: 'session', states: [], preset: null },
  };
  const window = breakpoints.length === 0 ? {} : { breakpoints, breakpointsOf: guestKey(session) };
  return { ok: true, value: { vcpu: { ...fresh, ...timeline, saved: about, session: only }, window } };
};
