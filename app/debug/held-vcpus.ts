import type { Answer, Refusal } from '../refusals/answer.ts';
import { answer, type Refused, refusal } from '../refusals/refusal.ts';
import type { Clock } from './clock.ts';
import type { Session } from './session.ts';
import { holdStill } from './standing-still.ts';
import type { Target } from './target.ts';

/** The vCPUs of a machine, attached or not. */
export interface MachinePort {
  /** KVM's numbers of all that it has now. */
  vcpus(): Promise<Answer<readonly number[]>>;
  /** Attaches to one that is not, over a helper of its own. */
  open(vcpu: number): Promise<Answer<Target>>;
}

/** vCPUs that stand still while another one is driven. */
export interface HeldVcpus {
  /** By KVM's number. */
  readonly numbers: readonly number[];
  /** One of them runs on though nobody let it go: its helper or its thread has ended. Null: all stand. */
  readonly broken: Refusal | null;
  /** Each runs on that ran before; those that were attached for this are left. Refused where one stays, which is named. */
  letGo(): Promise<Answer<null>>;
}

interface One {
  readonly number: number;
  readonly target: Target;
  hold(): Promise<Answer<null>>;
  letGo(): Promise<Answer<unknown>>;
}

const stands = ({ target }: One): boolean => target.run.state === 'stopped';

const named = (number: number, { refusal: why }: Refused, what: string): Refused => ({
  ok: false,
  refusal: { ...why, what: `vCPU ${number} ${what}: ${why.what}` },
});

const letAllGo = async (all: readonly One[]): Promise<Answer<null>> => {
  const left = await Promise.all(all.map(async (one) => ({ one, gone: await one.letGo() })));
  for (const { one, gone } of left) if (!gone.ok && stands(one)) return named(one.number, gone, 'stays held');
  return answer(null);
};

/**
 * Holds every vCPU of a machine but one: all of them, or none and a refusal that names who cannot be. They are attached to first,
 * which stops none for longer than that takes, and then stopped at the same time.
 *
 * @param but the vCPU that is to be driven, by KVM's number
 * @param attached the sessions that there are; of these those that stand still already stay as they are
 */
export const holdVcpus = async (
  but: number,
  attached: readonly Session[],
  port: MachinePort,
  clock: Clock,
): Promise<Answer<HeldVcpus>> => {
  const numbers = await port.vcpus();
  if (!numbers.ok) return numbers;
  const reached = await Promise.all(
    numbers.value
      .filter((number) => number !== but)
      .map(async (number): Promise<{ readonly number: number; readonly one: Answer<One | null> }> => {
        const session = attached.find(({ target }) => target.identity.vcpu === number);
        if (session !== undefined) {
          const { target } = session;
          const one = { number, target, hold: () => session.hold(), letGo: () => session.resume() };
          return { number, one: answer(target.run.state === 'running' ? one : null) };
        }
        const opened = await port.open(number);
        if (!opened.ok) return { number, one: opened };
        const target = opened.value;
        const one = { number, target, hold: () => holdStill(target, clock), letGo: () => target.detach() };
        return { number, one: answer(one) };
      }),
  );
  const all = reached.flatMap(({ one }) => (one.ok && one.value !== null ? [one.value] : []));
  let broken: Refusal | null = null;
  const offs: (() => void)[] = [];
  const letGo = async (): Promise<Answer<null>> => {
    for (const off of offs.splice(0)) off();
    return letAllGo(all.filter((one) => stands(one) || !attached.some(({ target }) => target === one.target)));
  };
  const giveUp = async (number: number, why: Refused): Promise<Refused> => {
    await letGo();
    return named(number, why, 'cannot be held');
  };
  for (const { number, one } of reached) if (!one.ok) return giveUp(number, one);
  for (const { number, target } of all) {
    const lost = (why: string): void => {
      broken ??= refusal('not-held', `vCPU ${number} is held no longer, and runs on: ${why}`);
    };
    offs.push(
      target.onHelper((problem) => {
        if (problem !== null) lost(problem);
      }),
      target.onGone(({ what }) => lost(what)),
    );
  }
  const held = await Promise.all(all.map(async (one) => ({ number: one.number, done: await one.hold() })));
  for (const { number, done } of held) if (!done.ok) return giveUp(number, done);
  return answer({
    numbers: numbers.value.filter((number) => number !== but),
    get broken() {
      return broken;
    },
    letGo,
  });
};
