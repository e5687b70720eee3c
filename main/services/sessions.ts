import { randomBytes } from 'node:crypto';
import { shownText } from '../../app/bits/text.ts';
import type {
  Answer,
  AppliedInSession,
  CaptureDocument,
  DemoGuest,
  FileState,
  HostFacts,
  Opened,
  SessionEvent,
  TargetList,
  Told,
} from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import type { WriteOutcome } from '../../app/debug/apply.ts';
import type { Clock } from '../../app/debug/clock.ts';
import { driveResult } from '../../app/debug/drive-result.ts';
import { fileTarget } from '../../app/debug/file-target.ts';
import { createMachines } from '../../app/debug/machine.ts';
import { machineVerbs } from '../../app/debug/machine-verbs.ts';
import { openModel } from '../../app/debug/model-target.ts';
import type { Overwritten } from '../../app/debug/overwritten-watch.ts';
import { captureInPassing } from '../../app/debug/passing-capture.ts';
import type { Session } from '../../app/debug/session.ts';
import type { Target } from '../../app/debug/target.ts';
import { modelSummaries } from '../../app/model/guest.ts';
import { answer, noSuchSession, refuse, refuseProblem } from '../../app/refusals/refusal.ts';
import { decodeCapture, encodeCapture } from '../../app/session/document.ts';
import { changeOf } from '../../app/session/json-change.ts';
import { loadDecoder } from '../disas/load-decoder.ts';
import { readBytes } from '../io/captures.ts';
import { PRODUCT } from '../product.ts';
import { machinePort } from '../targets/machine-port.ts';
import { CLOCK } from './clock.ts';
import { type Decode, decodeHere } from './file-states.ts';
import { createGuestViews } from './guest-views.ts';
import { createKeptSession } from './kept-session.ts';
import { inSlot, type Shared } from './opening.ts';
import { createPageMemory } from './page-memory.ts';
import type { Reading } from './reading.ts';
import { createRecovery, recoveryVerbs } from './recovery.ts';
import type { Verbs } from './verbs.ts';

/** The verbs of the bridge over sessions, and their end: the same for the window and the browser. */
export interface Sessions extends Verbs {
  onEvent(listener: (event: SessionEvent) => void): () => void;
  /** Something is open that a page which is loaded again would want back. */
  holds(): boolean;
  /** Detaches everything; what was written and not restored stays in the journal. */
  close(): Promise<void>;
}

export interface SessionsOptions {
  readonly hostFacts: () => Promise<Answer<HostFacts>>;
  readonly listTargets: () => Promise<Answer<TargetList>>;
  readonly openLive: (pid: number, startTimeTicks: bigint, vcpu: number) => Promise<Answer<Target>>;
  readonly startDemo: () => Promise<Answer<DemoGuest>>;
  readonly journalFolder: string;
  /** The file named on the command line: the one path that a page may have read for it. */
  readonly openAtStart: string | null;
  /** Further files that were named since, by a second start. */
  readonly isOffered?: (name: string) => boolean;
  readonly shared: Shared;
  /** Reads what a page hands over; away from this thread where that may take long. */
  readonly decode?: Decode;
  readonly clock?: Clock;
}

const documents = (captured: Answer<Capture>): Answer<CaptureDocument> =>
  captured.ok ? answer(encodeCapture(captured.value)) : captured;

const applied = (session: Session, outcome: Answer<WriteOutcome>): Answer<AppliedInSession> => {
  if (!outcome.ok) return outcome;
  const { capture, writtenBytes, changes, leftAlone } = outcome.value;
  const told = { capture: encodeCapture(capture), writtenBytes, changes, writes: session.writes() };
  return answer(leftAlone === undefined ? told : { ...told, leftAlone });
};

/** A tracer that is this very Tilescope is not to be ended: whose it is, is said instead. */
const withOwn = (listed: Answer<TargetList>, own: ReadonlyMap<number, string | null>): Answer<TargetList> => {
  if (!listed.ok || own.size === 0) return listed;
  const targets = listed.value.targets.map((target) => {
    const tab = own.get(target.pid);
    if (target.attachable || tab === undefined) return target;
    return {
      ...target,
      reason: 'attached in another tab or window of this Tilescope',
      remedy: 'go on with it here, or detach there',
      ...(tab === null ? {} : { heldBy: tab }),
    };
  });
  return answer({ ...listed.value, targets });
};

const aboutTarget = (session: string, target: Target): Omit<Opened, 'capture'> => ({
  session,
  kind: target.identity.kind,
  vcpus: target.vcpus,
  vcpu: target.identity.vcpu,
  run: target.run,
  canWrite: target.canWrite,
  verdicts: target.verdicts,
  ...(target.program === null ? {} : { model: target.program.position() }),
});

export const createSessions = (options: SessionsOptions): Sessions => {
  const { shared, clock = CLOCK, decode = decodeHere } = options;
  const { openIds, attachedPids } = shared;
  const machines = createMachines(clock, machinePort(options));
  const files = new Map<string, { readonly name: string; readonly bytes: Uint8Array }>();
  const memory = createPageMemory(shared.keptText);
  let ownTab: string | null = null;
  const listeners = new Set<(event: SessionEvent) => void>();
  const tell = (event: SessionEvent): void => {
    for (const listener of listeners) listener(event);
  };

  /** States of files that are being put in the place of another: the second of two clicks finds it busy. */
  const choosing = new Set<string>();

  const letFileGo = (id: string): void => {
    shared.fileBytes.give(files.get(id)?.bytes.length ?? 0);
    files.delete(id);
  };

  /** The ways to call off what is being read. */
  const readings = new Set<() => void>();

  /** Reads a file; what takes longer than people wait without a word is told, and can be called off. */
  const read: Decode = async (request) => {
    const { name, bytes } = request;
    let cancel: (() => void) | null = null;
    const onReading = (reading: Reading): void => {
      cancel = reading.cancel;
      readings.add(cancel);
      tell({ kind: 'reading', name, sizeBytes: bytes.length, elapsedMs: reading.elapsedMs });
    };
    try {
      return await decode({ ...request, onReading });
    } finally {
      if (cancel !== null) {
        readings.delete(cancel);
        tell({ kind: 'reading', name, sizeBytes: bytes.length, elapsedMs: null });
      }
    }
  };

  const forget = (id: string): void => {
    if (machines.remove(id)) shared.sessions.give();
    letFileGo(id);
    openIds.delete(id);
    attachedPids.delete(id);
    views.forget(id);
  };

  const withSession = async <T>(id: string, use: (session: Session) => Promise<Answer<T>>): Promise<Answer<T>> => {
    const session = machines.session(id);
    return session === undefined ? noSuchSession() : use(session);
  };

  const views = createGuestViews(withSession);
  /** What each session's page was told last of its steps and drives: the next is told as what differs. */
  const toldLast = new WeakMap<Session, { readonly number: number; readonly whole: unknown }>();
  const told = <T>(session: Session, whole: T, have: number | null): Told<T> => {
    const last = toldLast.get(session);
    const number = (last?.number ?? 0) + 1;
    toldLast.set(session, { number, whole });
    return last !== undefined && last.number === have
      ? { number, change: changeOf(last.whole, whole) }
      : { number, whole };
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
    const first = await captureInPassing(target, clock);
    if (!first.ok) {
      await target.detach();
      return first;
    }
    const id = randomBytes(16).toString('hex');
    const onOverwritten = ({ parts, capture }: Overwritten): void =>
      tell({ kind: 'overwritten', session: id, parts, capture: encodeCapture(capture) });
    machines.add(createKeptSession(id, target, first.value, options.journalFolder, { clock, onOverwritten }));
    openIds.add(id);
    if (target.identity.kind === 'live' && target.identity.pid !== null) {
      attachedPids.set(id, { pid: target.identity.pid, tab: ownTab });
    }
    target.onGone((refusal) => {
      const wasOpen = machines.session(id) !== undefined;
      forget(id);
      if (wasOpen) tell({ kind: 'gone', session: id, refusal });
    });
    target.onHelper((problem) => tell({ kind: 'helper', problem }));
    return answer({ ...aboutTarget(id, target), capture: encodeCapture(first.value) });
  };

  /** One state of a file as a session of its own; the bytes are kept, for its other states and other layouts. */
  const openState = async (
    name: string,
    bytes: Uint8Array,
    wanted: number | null,
    preset: string,
  ): Promise<Answer<Opened>> => {
    const chosen = await read({ name, bytes, wanted, preset });
    if (!chosen.ok) return chosen;
    const { capture, number, file, timeline } = chosen.value;
    const vcpus = file.states.map((state) => state.vcpu);
    const opened = await open(fileTarget(name, capture, vcpus), false);
    if (!opened.ok) return opened;
    const { session } = opened.value;
    if (!shared.fileBytes.take(bytes.length)) {
      forget(session);
      // Given back by forget(), and once more by whoever took the slot for it.
      shared.sessions.take();
      return refuse('file', `the files that are open hold ${shared.fileBytes.most} bytes`, {
        where: name,
        remedy: 'Close one',
      });
    }
    files.set(session, { name, bytes });
    return answer({ ...opened.value, vcpu: number, file, ...(timeline === null ? {} : { timeline }) });
  };

  /** The bytes that a page hands over; without any, those of the file named at the start, and of no other. */
  const bytesOf = async (name: string, file: string | Uint8Array): Promise<Answer<Uint8Array>> => {
    if (typeof file !== 'string') return answer(file);
    const base64 = file;
    const { openAtStart } = options;
    if (base64 === '' && openAtStart !== null && (name === openAtStart || name === shownText(openAtStart))) {
      // The page names it as it was shown to it.
      return readBytes(openAtStart);
    }
    const isOffered = base64 === '' && options.isOffered?.(name) === true;
    return isOffered ? readBytes(name) : answer<Uint8Array>(Buffer.from(base64, 'base64'));
  };

  /** A session that is open holds its slot on until it is forgotten, which it may have been meanwhile. */
  const opening = (work: () => Promise<Answer<Opened>>): Promise<Answer<Opened>> =>
    inSlot(shared.sessions, work, (opened) => opened.ok);

  const recovery = createRecovery({
    journalFolder: options.journalFolder,
    openLive: options.openLive,
    isOpen: (id) => openIds.has(id),
    inHand: shared.entriesInHand,
  });

  return {
    ...recoveryVerbs(recovery, shared.sessions),
    ...machineVerbs(machines),
    readCode: views.readCode,
    nameCode: views.nameCode,
    readMemory: views.readMemory,
    findMemory: views.findMemory,
    readArea: views.readArea,
    readCalls: views.readCalls,
    takeSymbols: views.takeSymbols,
    placeSymbols: views.placeSymbols,
    hostFacts: options.hostFacts,
    listTargets: async () =>
      withOwn(await options.listTargets(), new Map([...attachedPids.values()].map(({ pid, tab }) => [pid, tab]))),
    startDemo: options.startDemo,
    attach: (pid, startTimeTicks, vcpu, freeze) =>
      opening(async () => {
        const target = await options.openLive(pid, BigInt(startTimeTicks), vcpu);
        return target.ok ? open(target.value, freeze) : target;
      }),
    openFile: (name, base64) =>
      opening(async () => {
        const bytes = await bytesOf(name, base64);
        return bytes.ok ? openState(name, bytes.value, null, '') : bytes;
      }),
    chooseState: async (id, vcpu, preset) => {
      const file = files.get(id);
      if (file === undefined) return refuse('no-such-session', 'no file is open in this session');
      if (choosing.has(id)) return refuse('busy', 'another state of this file is being opened', { where: file.name });
      choosing.add(id);
      try {
        return await opening(async () => {
          const opened = await openState(file.name, file.bytes, vcpu, preset);
          if (opened.ok) forget(id);
          return opened;
        });
      } finally {
        choosing.delete(id);
      }
    },
    readState: async (name, base64, state, preset): Promise<Answer<FileState>> => {
      const bytes = await bytesOf(name, base64);
      if (!bytes.ok) return bytes;
      const chosen = await read({ name, bytes: bytes.value, wanted: state, preset });
      if (!chosen.ok) return chosen;
      return answer({ capture: encodeCapture(chosen.value.capture), file: chosen.value.file });
    },
    listModels: async () => answer(modelSummaries()),
    openModel: (program) =>
      opening(async () => {
        const target = openModel(program, Date.now);
        return target.ok ? open(target.value, false) : target;
      }),
    step: (id, count, have) =>
      withSession(id, async (session) => {
        const stepped = await session.step(count);
        if (!stepped.ok) return stepped;
        return answer(told(session, { ...stepped.value, capture: encodeCapture(stepped.value.capture) }, have));
      }),
    drive: (id, act, have) =>
      withSession(id, async (session) => {
        const broken = machines.machineOf(id)?.held?.broken ?? null;
        if (broken !== null) return { ok: false, refusal: broken };
        const driven = await session.driveAct(act, loadDecoder);
        return driven.ok ? answer(told(session, driveResult(driven.value, PRODUCT), have)) : driven;
      }),
    rewind: (id, at) =>
      withSession(id, async (session) => {
        const rewound = await session.rewind(at);
        return rewound.ok
          ? answer({ ...rewound.value, capture: encodeCapture(rewound.value.capture), writes: session.writes() })
          : rewound;
      }),
    capture: (id) => withSession(id, async (session) => documents(await session.capture())),
    look: (id, have) =>
      withSession(id, async (session) => {
        const now = await session.capture();
        return now.ok ? answer(told(session, encodeCapture(now.value), have)) : now;
      }),
    freeze: (id) => withSession(id, async (session) => documents(await session.freeze())),
    resume: (id) =>
      withSession(id, async (session) => {
        const resumed = await session.resume();
        return resumed.ok ? answer(null) : resumed;
      }),
    apply: (id, assignments) => withSession(id, async (session) => applied(session, await session.assign(assignments))),
    undo: (id) => withSession(id, async (session) => applied(session, await session.undo())),
    redo: (id) => withSession(id, async (session) => applied(session, await session.redo())),
    restore: (id, scope, then) =>
      withSession(id, async (session) => {
        if (then === null) return applied(session, await session.restore(scope));
        const previous = decodeCapture(then);
        return previous.ok
          ? applied(session, await session.restore(scope, previous.value))
          : refuseProblem('bad-call', previous.problem, { where: 'the state to be restored' });
      }),
    detach: (id, restoreFirst) =>
      withSession(id, async (session) => {
        const detached = await session.detach(restoreFirst);
        if (detached.ok) forget(id);
        return detached;
      }),
    cancelReading: async () => {
      for (const cancel of [...readings]) cancel();
      return answer(null);
    },
    comeBack: async (tab) => {
      ownTab = tab;
      // The page that drove is gone, and its drive with it.
      await machines.letAllGo();
      const open = machines.sessions.map(({ id, target, writes }) => ({
        ...aboutTarget(id, target),
        writes: writes(),
      }));
      return answer({ kept: memory.all(), open });
    },
    keep: async (name, text) => memory.keep(name, text),
    holds: () => machines.sessions.length > 0,
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      for (const cancel of [...readings]) cancel();
      memory.clear();
      const othersGone = machines.letAllGo();
      const open = machines.sessions;
      for (const { id } of open) letFileGo(id);
      machines.clear();
      await othersGone;
      // Until a session has let go its entry is in use; then another page may be offered it.
      await Promise.all(
        open.map((session) =>
          session.abandon().finally(() => {
            openIds.delete(session.id);
            attachedPids.delete(session.id);
            shared.sessions.give();
          }),
        ),
      );
    },
  };
};
