import type { Capture } from '../capture/capture.ts';
import type { Answer } from '../refusals/answer.ts';
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
}

/** The sessions that are open, each with its machine: those of one process have one together. */
export interface Machines {
  readonly sessions: readonly Session[];
  session(id: string): Session | undefined;
  /** Null: there is no such session. */
  machineOf(id: string): Machine | null;
  add(session: Session): void;
  /** False: there is no such session. */
  remove(id: string): boolean;
  clear(): void;
}

const createMachine = (attached: () => readonly Session[]): Machine => {
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
  };
};

/** A pid alone may be another process's by now; a model and a file are machines of their own. */
const nameOf = ({ id, target: { identity } }: Session): string =>
  identity.kind === 'live' ? `${identity.pid} ${identity.startTimeTicks}` : id;

export const createMachines = (): Machines => {
  const sessions = new Map<string, Session>();
  const machines = new Map<string, Machine>();
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
          createMachine(() => attachedTo(name)),
        );
    },
    remove: (id) => {
      const session = sessions.get(id);
      if (session === undefined) return false;
      sessions.delete(id);
      const name = nameOf(session);
      if (attachedTo(name).length === 0) machines.delete(name);
      return true;
    },
    clear: () => {
      sessions.clear();
      machines.clear();
    },
  };
};
