import type { Capture, TargetIdentity } from '../capture/capture.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, noSuchSession, refuse } from '../refusals/refusal.ts';
import type { Clock } from './clock.ts';
import { type HeldVcpus, holdVcpus, type MachinePort } from './held-vcpus.ts';
import type { Session } from './session.ts';
import type { Target } from './target.ts';

/** What came of one act on several vCPUs for one of them. */
export interface OfVcpu<T> {
  readonly session: Session;
  readonly answer: Answer<T>;
}

/**
 * What has the vCPUs that are attached: a VMM's guest, a model, a file. Who asks something of all of them asks it here. They are
 * asked at the same time, so that they stand still together as nearly as can be, and each answers for itself.
 */
export interface Machine {
  /** By KVM's number. */
  readonly attached: readonly Session[];
  /** Freezes those that run, and reads them. */
  freezeAll(): Promise<readonly OfVcpu<Capture>[]>;
  /** Lets those that stand still run on: how long each stood, in nanoseconds. */
  continueAll(): Promise<readonly OfVcpu<bigint>[]>;
  /**
   * Holds every other vCPU, attached or not, until they are let go, which happens too where the driver's session ends. All of them
   * or none: a refusal names the one that cannot be held. Gives their numbers.
   */
  holdOthers(driver: Session): Promise<Answer<readonly number[]>>;
  /** Those that are held now; null: none are. */
  readonly held: HeldVcpus | null;
  /**
   * Lets go of what is held, and of what is on the way to be. Refused, with all let go that can be, where one did not stand still
   * all the time or stays held: it is named.
   */
  letOthersGo(): Promise<Answer<null>>;
}

/** The sessions that are open, each with its machine: those of one process have one together. */
export interface Machines {
  readonly sessions: readonly Session[];
  session(id: string): Session | undefined;
  /** Null: there is no such session. */
  machineOf(id: string): Machine | null;
  add(session: Session): void;
  /** False: there is no such session. What is held for it is let go. */
  remove(id: string): boolean;
  /** Lets go of all that is held, in whichever machine. */
  letAllGo(): Promise<void>;
  clear(): void;
}

/** What one machine is made over. */
interface Around {
  readonly attached: () => readonly Session[];
  /** Null: it has one vCPU alone. */
  readonly port: MachinePort | null;
  readonly clock: Clock;
}

interface HeldFor {
  readonly driver: Session;
  readonly asked: Promise<Answer<HeldVcpus>>;
}

const createMachine = ({ attached, port, clock }: Around): Machine & { readonly driver: () => Session | null } => {
  let heldFor: HeldFor | null = null;
  let held: HeldVcpus | null = null;
  const ofAll = <T>(
    state: Target['run']['state'],
    act: (session: Session) => Promise<Answer<T>>,
  ): Promise<readonly OfVcpu<T>[]> =>
    Promise.all(
      attached()
        .filter(({ target }) => target.run.state === state)
        .map(async (session) => ({ session, answer: await act(session) })),
    );
  return {
    get attached() {
      return attached();
    },
    freezeAll: () => ofAll('running', (session) => session.freeze()),
    continueAll: () => ofAll('stopped', (session) => session.resume()),
    driver: () => heldFor?.driver ?? null,
    get held() {
      return held;
    },
    holdOthers: async (driver) => {
      // Two that hold for each other would wait for each other's turn.
      if (heldFor !== null) return refuse('busy', 'the other vCPUs are held already, for another one that is driven');
      const others = { vcpus: async () => answer([]), open: async () => noSuchSession() };
      const asked = holdVcpus(driver.target.identity.vcpu, attached(), port ?? others, clock);
      const mine: HeldFor = { driver, asked };
      heldFor = mine;
      const done = await asked;
      // Let go on the way: whoever did so waits for this, and does it.
      if (heldFor !== mine) return refuse('not-held', 'the other vCPUs were let go before all of them were held');
      if (!done.ok) {
        heldFor = null;
        return done;
      }
      held = done.value;
      return answer(held.numbers);
    },
    letOthersGo: async () => {
      const now = heldFor;
      heldFor = null;
      held = null;
      const all = await now?.asked;
      if (all?.ok !== true) return answer(null);
      const gone = await all.value.letGo();
      const { broken } = all.value;
      return broken === null ? gone : { ok: false, refusal: broken };
    },
  };
};

/** A pid alone may be another process's by now; a model and a file are machines of their own. */
const nameOf = ({ id, target: { identity } }: Session): string =>
  identity.kind === 'live' ? `${identity.pid} ${identity.startTimeTicks}` : id;

/** @param portOf the way to the vCPUs of a target that are not attached; null: it has none */
export const createMachines = (
  clock: Clock,
  portOf: (identity: TargetIdentity) => MachinePort | null = () => null,
): Machines => {
  const sessions = new Map<string, Session>();
  const machines = new Map<string, ReturnType<typeof createMachine>>();
  const attachedTo = (name: string): readonly Session[] =>
    [...sessions.values()]
      .filter((session) => nameOf(session) === name)
      .sort((a, b) => a.target.identity.vcpu - b.target.identity.vcpu);
  return {
    get sessions() {
      return [...sessions.values()];
    },
    session: (id) => sessions.get(id),
    machineOf: (id) => {
      const session = sessions.get(id);
      return session === undefined ? null : (machines.get(nameOf(session)) ?? null);
    },
    add: (session) => {
      const name = nameOf(session);
      sessions.set(session.id, session);
      if (!machines.has(name))
        machines.set(
          name,
          createMachine({ attached: () => attachedTo(name), port: portOf(session.target.identity), clock }),
        );
    },
    remove: (id) => {
      const session = sessions.get(id);
      if (session === undefined) return false;
      sessions.delete(id);
      const name = nameOf(session);
      const machine = machines.get(name);
      if (machine?.driver() === session) void machine.letOthersGo();
      if (attachedTo(name).length === 0) machines.delete(name);
      return true;
    },
    letAllGo: async () => {
      await Promise.all([...machines.values()].map((machine) => machine.letOthersGo()));
    },
    clear: () => {
      sessions.clear();
      machines.clear();
    },
  };
};
