import { randomBytes } from 'node:crypto';
import type {
  Answer,
  Applied,
  CaptureDocument,
  HostFacts,
  Opened,
  SessionEvent,
  TargetList,
} from '../../app/bridge.ts';
import type { Capture } from '../../app/session/capture.ts';
import { encodeCapture } from '../../app/session/document.ts';
import { decodeCaptureFile, readCaptureFile } from '../captures.ts';
import { fileTarget } from '../targets/file.ts';
import type { Target } from '../targets/target.ts';
import type { WriteOutcome } from './apply.ts';
import { answer, refuse } from './refusals.ts';
import { createSession, type Session } from './session.ts';
import type { Verbs } from './verbs.ts';

/** The verbs of the bridge over sessions, and their end: the same for the window and the browser. */
export interface Sessions extends Verbs {
  onEvent(listener: (event: SessionEvent) => void): () => void;
  /** Detaches everything; what was written and not restored stays in the journal. */
  close(): Promise<void>;
}

export interface SessionsOptions {
  readonly hostFacts: () => Promise<Answer<HostFacts>>;
  readonly listTargets: () => Promise<Answer<TargetList>>;
  readonly openLive: (pid: number, startTimeTicks: bigint, vcpu: number) => Promise<Answer<Target>>;
  readonly journalFolder: string;
  /** The file named on the command line: the one path that a page may have read for it. */
  readonly openAtStart: string | null;
}

/** More than anyone looks at, and few enough that a page gone wild cannot fill the machine with helpers. */
const MAX_SESSIONS = 64;

const documents = (captured: Answer<Capture>): Answer<CaptureDocument> =>
  captured.ok ? answer(encodeCapture(captured.value)) : captured;

const applied = (outcome: Answer<WriteOutcome>): Answer<Applied> => {
  if (!outcome.ok) return outcome;
  const { capture, writtenBytes, changes } = outcome.value;
  return answer({ capture: encodeCapture(capture), writtenBytes, changes });
};

export const createSessions = (options: SessionsOptions): Sessions => {
  const sessions = new Map<string, Session>();
  const listeners = new Set<(event: SessionEvent) => void>();
  const tell = (event: SessionEvent): void => {
    for (const listener of listeners) listener(event);
  };

  const withSession = async <T>(id: string, use: (session: Session) => Promise<Answer<T>>): Promise<Answer<T>> => {
    const session = sessions.get(id);
    if (session !== undefined) return use(session);
    return refuse('no-such-session', 'this session has ended', { mend: 'Choose the target again' });
  };

  /** The first capture is the state found at attach. */
  const open = async (target: Target, freeze: boolean): Promise<Answer<Opened>> => {
    if (freeze) {
      const frozen = await target.freeze();
      if (!frozen.ok) {
        await target.detach();
        return frozen;
      }
    }
    const first = await target.capture();
    if (!first.ok) {
      await target.detach();
      return first;
    }
    const id = randomBytes(16).toString('hex');
    sessions.set(id, createSession(id, target, first.value, options.journalFolder));
    target.onGone((refusal) => {
      if (sessions.delete(id)) tell({ kind: 'gone', session: id, refusal });
    });
    target.onHelper((problem) => tell({ kind: 'helper', problem }));
    return answer({
      session: id,
      kind: target.identity.kind,
      vcpus: target.vcpus,
      vcpu: target.identity.vcpu,
      frozen: target.frozen,
      canWrite: target.canWrite,
      verdicts: target.verdicts,
      capture: encodeCapture(first.value),
    });
  };

  const full = (): Answer<Opened> | null =>
    sessions.size < MAX_SESSIONS
      ? null
      : refuse('too-many-sessions', `${MAX_SESSIONS} sessions are open`, { mend: 'Detach one' });

  return {
    hostFacts: options.hostFacts,
    listTargets: options.listTargets,
    attach: async (pid, startTimeTicks, vcpu, freeze) => {
      const refused = full();
      if (refused !== null) return refused;
      const target = await options.openLive(pid, BigInt(startTimeTicks), vcpu);
      return target.ok ? open(target.value, freeze) : target;
    },
    openFile: async (name, base64) => {
      const refused = full();
      if (refused !== null) return refused;
      const atStart = base64 === '' && options.openAtStart !== null && name === options.openAtStart;
      const capture = atStart ? await readCaptureFile(name) : decodeCaptureFile(name, Buffer.from(base64, 'base64'));
      return capture.ok ? open(fileTarget(name, capture.value), false) : capture;
    },
    capture: (id) => withSession(id, async (session) => documents(await session.capture())),
    freeze: (id) => withSession(id, async (session) => documents(await session.freeze())),
    resume: (id) =>
      withSession(id, async (session) => {
        const resumed = await session.resume();
        return resumed.ok ? answer(null) : resumed;
      }),
    apply: (id, assignments) => withSession(id, async (session) => applied(await session.assign(assignments))),
    restore: (id, scope) => withSession(id, async (session) => applied(await session.restore(scope))),
    detach: (id, restoreFirst) =>
      withSession(id, async (session) => {
        const detached = await session.detach(restoreFirst);
        if (detached.ok) sessions.delete(id);
        return detached;
      }),
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      const open = [...sessions.values()];
      sessions.clear();
      await Promise.all(open.map((session) => session.abandon()));
    },
  };
};
