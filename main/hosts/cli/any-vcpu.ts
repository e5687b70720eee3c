import type { Answer } from '../../../app/bridge.ts';
import type { BreakOptions, BreakpointHit } from '../../../app/debug/drive.ts';
import type { Session } from '../../../app/debug/session.ts';
import { answer, noSuchSession } from '../../../app/refusals/refusal.ts';
import type { Breakpoint } from '../../../app/wire/run.ts';
import type { Host } from '../../services/host.ts';
import { machinePort } from '../../targets/machine-port.ts';
import type { VcpuChoice } from './choices.ts';
import { withSession } from './live.ts';
import type { Output } from './output.ts';

/** `--any-vcpu`: breakpoints on every vCPU of a VMM, until the first one comes to one of them. */

type Work = (session: Session) => Promise<Answer<Output>>;

/** Attached to each of them, one within the other, so that each is let go whatever becomes of the others. */
const withEach = async <T>(
  host: Host,
  choice: VcpuChoice,
  vcpus: readonly number[],
  work: (sessions: readonly Session[]) => Promise<Answer<T>>,
): Promise<Answer<T>> => {
  const [next, ...rest] = vcpus;
  if (next === undefined) return work([]);
  return withSession(host, { ...choice, vcpu: next }, (session) =>
    withEach(host, choice, rest, (others) => work([session, ...others])),
  );
};

/** All of them run, until one has hit, was refused, or it is over; those that run then are stopped where they are, and let go. */
const firstHit = async (
  sessions: readonly Session[],
  breakpoints: readonly Breakpoint[],
  options: BreakOptions,
): Promise<Answer<BreakpointHit | null>> => {
  let first: Answer<BreakpointHit> | null = null;
  const isOver = (): boolean => first !== null || options.isOver();
  await Promise.all(
    sessions.map(async (session) => {
      const run = await session.runTo(breakpoints, { ...options, isOver });
      if (!run.ok) first ??= run;
      else if (run.value !== null) first ??= answer(run.value);
    }),
  );
  return first ?? answer(null);
};

/** The work, whose breakpoints are those of all vCPUs. */
export const onAnyVcpu =
  (host: Host, choice: VcpuChoice, work: Work): Work =>
  async (session) => {
    const { listTargets } = host;
    const openLive = (pid: number, startTimeTicks: bigint, vcpu: number) =>
      host.openLive(pid, startTimeTicks, vcpu, choice.suspendSeccomp);
    const machine = machinePort({ listTargets, openLive })(session.target.identity);
    if (machine === null) return noSuchSession();
    const vcpus = await machine.vcpus();
    if (!vcpus.ok) return vcpus;
    const others = vcpus.value.filter((vcpu) => vcpu !== session.target.identity.vcpu);
    return withEach(host, choice, others, (sessions) =>
      work({ ...session, runTo: (breakpoints, options) => firstHit([session, ...sessions], breakpoints, options) }),
    );
  };
