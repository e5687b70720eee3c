import type { Answer } from '../../../app/bridge.ts';
import { createMachines } from '../../../app/debug/machine.ts';
import type { Session } from '../../../app/debug/session.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer, noSuchSession } from '../../../app/refusals/refusal.ts';
import { CLOCK } from '../../services/clock.ts';
import type { Host } from '../../services/host.ts';
import { machinePort } from '../../targets/machine-port.ts';
import type { VcpuChoice } from './choices.ts';
import type { Output } from './output.ts';

/** `--all-stop`: what drives the vCPU of a session holds all others of its machine for that long, and for no longer. */

type Work = (session: Session) => Promise<Answer<Output>>;

const vcpuWords = (vcpus: readonly number[]): string => vcpus.map((vcpu) => `vCPU ${vcpu}`).join(', ');

/** The work, with every other vCPU of the VMM held while it drives this one. */
export const holdingOthers =
  (host: Host, { suspendSeccomp }: VcpuChoice, work: Work): Work =>
  async (session) => {
    const { listTargets } = host;
    const openLive = (pid: number, startTimeTicks: bigint, vcpu: number) =>
      host.openLive(pid, startTimeTicks, vcpu, suspendSeccomp);
    const machines = createMachines(CLOCK, machinePort({ listTargets, openLive }));
    machines.add(session);
    const machine = machines.machineOf(session.id);
    if (machine === null) return noSuchSession();
    let held: readonly number[] = [];
    let ending: Answer<null> = answer(null);

    const during = async <T>(act: () => Promise<Answer<T>>): Promise<Answer<T>> => {
      const others = await machine.holdOthers(session);
      if (!others.ok) return others;
      held = others.value;
      try {
        return await act();
      } finally {
        ending = await machine.letOthersGo();
      }
    };
    const orBroken = <T extends { readonly isOver: () => boolean }>(options: T): T => ({
      ...options,
      isOver: () => options.isOver() || machine.held?.broken != null,
    });

    const done = await work({
      ...session,
      drive: (count) => during(() => session.drive(count)),
      runTo: (breakpoints, options) => during(() => session.runTo(breakpoints, orBroken(options))),
      runUntil: (until, options) => during(() => session.runUntil(until, orBroken(options))),
      trace: (count, options) => during(() => session.trace(count, orBroken(options))),
      stepAlong: (way, count, options) => during(() => session.stepAlong(way, count, orBroken(options))),
    });
    if (!done.ok) return done;
    const { text, code, note } = done.value;
    if (!ending.ok) return answer({ text, code: EXIT.refused, note: `${note}${ending.refusal.what}\n` });
    const who = held.length === 0 ? 'there is no other vCPU to be held' : `held meanwhile: ${vcpuWords(held)}`;
    // Nobody can tell what it waited for.
    const why = code === EXIT.done || held.length === 0 ? '' : '; what only they could do was not done';
    return answer({ text, code, note: `${note}${who}${why}\n` });
  };
