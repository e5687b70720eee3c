import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { describeProblem } from '../../app/bits/decoded.ts';
import type { Answer, Refusal } from '../../app/bridge.ts';
import { decodeRefusal, refusalToBridge } from '../../app/refusals/helper-refusal.ts';
import { messageOf, type Refused, refuse } from '../../app/refusals/refusal.ts';
import { encodeFrame, type Frame, FrameReader, STATUS } from '../../app/wire/frames.ts';
import { type HelloReply, MESSAGES, type MessageName, type ReplyOf, type RequestOf } from '../../app/wire/messages.ts';
import type { RunRequest } from '../../app/wire/run.ts';
import type { VcpuRef } from '../../app/wire/vcpu-ref.ts';
import { refusalContext } from './refusal-context.ts';
import { createRuns, type Ran, type Runs } from './runs.ts';

/**
 * The helper process: spawned without a shell, asked over its pipes, started again on demand. Every request ends in exactly
 * one of: its reply, a refusal by the helper, or a refusal because the helper is gone (died, could not be started, timed out,
 * spoke nonsense). A helper that times out or speaks nonsense is killed: whatever it did is undone by the kernel and by the
 * frames it left in the target, so that killing is the safe way out.
 */
export interface Helper {
  ask<Name extends MessageName>(
    name: Name,
    request: RequestOf<Name>,
    timeoutMs?: number,
  ): Promise<Answer<ReplyOf<Name>>>;
  /**
   * Drives a vCPU until it stops, as long as that takes: no time-out is set to it, and whatever else is asked stops it first. Ends as a
   * request does.
   */
  run(request: RunRequest): Promise<Answer<Ran>>;
  /** Starts it where it does not run, and says what it said first. */
  hello(): Promise<Answer<HelloReply>>;
  /** Counts the starts: an attachment made in one life is gone in the next. */
  readonly life: number;
  readonly running: boolean;
  /** Its unexpected end, once per life. */
  onDeath(listener: (why: Refusal) => void): () => void;
  onEvent(listener: (frame: Frame) => void): () => void;
  /** Closes the pipe and waits for the end; a helper that does not end by itself is killed. */
  stop(): Promise<void>;
}

export interface HelperOptions {
  readonly path: string;
  readonly args?: readonly string[];
  /** For a request that names no time of its own. */
  readonly timeoutMs?: number;
}

const pidOf = (request: unknown): number | undefined =>
  typeof request === 'object' && request !== null ? (request as Partial<VcpuRef>).pid : undefined;

/** What a request is about, for people. */
const whereOf = (request: unknown): string | null => {
  if (typeof request !== 'object' || request === null) return null;
  const { pid, vcpuIndex } = request as Partial<VcpuRef>;
  return pid === undefined ? null : `pid ${pid}${vcpuIndex === undefined ? '' : `, vCPU ${vcpuIndex}`}`;
};

/** For an answer: longer than the helper lets a vCPU stand still for one request (stand.h), so that it ends first, by itself. */
export const TIMEOUT_MS = 10_000;
/**
 * For the end: the helper unmaps its memory in each of its vCPUs before, and one that was killed over that leaves it there. Longer
 * than it needs beside whatever else the machine does.
 */
const STOP_TIMEOUT_MS = 3 * TIMEOUT_MS;
const STDERR_KEPT_CHARACTERS = 4_096;
/** Requests not yet answered; more are refused rather than heaped up in front of a helper that is slow. */
const MAX_WAITING = 64;

interface Waiting {
  readonly answer: (frame: Frame | Refused) => void;
  readonly timer: NodeJS.Timeout;
}

/** One life of the helper process. */
interface Life {
  readonly child: ChildProcessWithoutNullStreams;
  readonly waiting: Map<number, Waiting>;
  readonly runs: Runs;
  readonly ended: Promise<void>;
  hello: Promise<Answer<HelloReply>>;
  stopping: boolean;
  over: boolean;
}

export const createHelper = ({ path, args = [], timeoutMs: usualTimeoutMs = TIMEOUT_MS }: HelperOptions): Helper => {
  const deathListeners = new Set<(why: Refusal) => void>();
  const eventListeners = new Set<(frame: Frame) => void>();
  let current: Life | null = null;
  let lives = 0;
  let lastRequestId = 0;

  /** Ends one life for everyone who waits in it. */
  const bury = (life: Life, why: Refused): void => {
    if (life.over) return;
    life.over = true;
    if (current === life) current = null;
    life.child.kill('SIGKILL');
    for (const { answer, timer } of life.waiting.values()) {
      clearTimeout(timer);
      answer(why);
    }
    life.waiting.clear();
    life.runs.endAll(why);
    if (!life.stopping) for (const listener of [...deathListeners]) listener(why.refusal);
  };

  const hear = (life: Life, frame: Frame): void => {
    if (frame.status === STATUS.EVENT) {
      const problem = life.runs.hear(frame);
      if (problem !== null) unreadable(life, 'run', problem);
      for (const listener of [...eventListeners]) listener(frame);
      return;
    }
    const waiting = life.waiting.get(frame.requestId);
    if (waiting === undefined) {
      bury(
        life,
        refuse('helper-protocol', `the helper answered request ${frame.requestId}, which was not asked`, {
          where: path,
        }),
      );
      return;
    }
    life.waiting.delete(frame.requestId);
    clearTimeout(waiting.timer);
    waiting.answer(frame);
  };

  const begin = (): Life => {
    // A group of its own: Ctrl+C in the terminal is for us, who then let go of the target in order.
    const child = spawn(path, [...args], { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/', detached: true });
    const reader = new FrameReader();
    let words = '';
    let ended = (): void => undefined;
    const life: Life = {
      child,
      waiting: new Map(),
      runs: createRuns((of, refusal) => refusedBy(life, 'run', of, refusal)),
      ended: new Promise((resolve) => {
        ended = resolve;
      }),
      hello: Promise.resolve(refuse('helper-gone', 'not started')),
      stopping: false,
      over: false,
    };
    const said = (): string => words.trim().split('\n').slice(-3).join('; ');
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-STDERR_KEPT_CHARACTERS);
    });
    child.stdout.on('data', (chunk: Buffer) => {
      if (life.over) return;
      const { frames, problem } = reader.push(chunk);
      for (const frame of frames) hear(life, frame);
      if (problem === null) return;
      const what = `the helper sent what is no frame: ${describeProblem(problem)}`;
      bury(life, refuse('helper-protocol', what, { where: path }));
    });
    // EPIPE: its end is told by 'close'.
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => {
      const remedy = 'Run npm start or npm run build once more, which builds it';
      bury(
        life,
        refuse('helper-missing', `the helper cannot be started: ${messageOf(error)}`, { where: path, remedy }),
      );
      ended();
    });
    child.on('close', (code, signal) => {
      // stand.h: the helper's own limit for the time that a vCPU stands still.
      const byItself = signal === 'SIGALRM' ? 'ended itself, for the vCPU would have stood still too long' : null;
      const how = byItself ?? (signal === null ? `ended with ${code}` : `was ended by ${signal}`);
      const last = said();
      bury(
        life,
        refuse('helper-gone', `the helper ${how}${last === '' ? '' : `: ${last}`}`, {
          where: path,
          remedy: 'The VMM runs on; the next action starts the helper again',
        }),
      );
      ended();
    });
    lives += 1;
    current = life;
    life.hello = greet(life);
    return life;
  };

  const send = (
    life: Life,
    code: number,
    payload: Uint8Array,
    timeoutMs: number,
    what: string,
  ): Promise<Frame | Refused> =>
    new Promise((resolve) => {
      if (life.over) return resolve(refuse('helper-gone', 'the helper has ended', { where: path }));
      if (life.waiting.size >= MAX_WAITING) {
        return resolve(refuse('helper-busy', `${MAX_WAITING} requests wait for the helper`, { remedy: 'Try again' }));
      }
      lastRequestId = (lastRequestId % 0x7fffffff) + 1;
      const requestId = lastRequestId;
      const timer = setTimeout(() => {
        const remedy = 'The helper was ended; the VMM runs on. Try again';
        bury(
          life,
          refuse('helper-timeout', `the helper did not answer ${what} within ${timeoutMs} ms`, { where: path, remedy }),
        );
      }, timeoutMs);
      life.waiting.set(requestId, { answer: resolve, timer });
      life.child.stdin.write(encodeFrame({ requestId, code, status: 0, payload }));
    });

  const unreadable = (life: Life, name: MessageName, problem: string): Refused => {
    const what = `the helper’s answer to ${name} cannot be read: ${problem}`;
    const why = refuse('helper-protocol', what, { where: path });
    bury(life, why);
    return why;
  };

  const refusedBy = (life: Life, name: MessageName, request: unknown, payload: Uint8Array): Refused => {
    const refused = decodeRefusal(payload);
    if (!refused.ok) return unreadable(life, name, describeProblem(refused.problem));
    const context = { ...refusalContext(path), pid: pidOf(request) };
    return { ok: false, refusal: refusalToBridge(refused.value, whereOf(request), context) };
  };

  const askIn = async <Name extends MessageName>(
    life: Life,
    name: Name,
    request: RequestOf<Name>,
    timeoutMs: number,
  ): Promise<Answer<ReplyOf<Name>>> => {
    const row = MESSAGES[name];
    const frame = await send(life, row.code, row.encode(request as never), timeoutMs, name);
    if ('ok' in frame) return frame;
    if (frame.code !== row.code) return unreadable(life, name, `it carries code ${frame.code}`);
    if (frame.status === STATUS.REFUSED) return refusedBy(life, name, request, frame.payload);
    const reply = row.decode(frame.payload);
    if (!reply.ok) return unreadable(life, name, describeProblem(reply.problem));
    return { ok: true, value: reply.value as ReplyOf<Name> };
  };

  /** Both sides refuse another version by name. */
  const greet = async (life: Life): Promise<Answer<HelloReply>> => {
    const hello = await askIn(life, 'hello', null, usualTimeoutMs);
    if (!hello.ok) bury(life, hello);
    return hello;
  };

  const start = (): Life => current ?? begin();

  return {
    async ask(name, request, timeoutMs = usualTimeoutMs) {
      const life = start();
      const hello = await life.hello;
      return hello.ok ? askIn(life, name, request, timeoutMs) : hello;
    },
    async run(request) {
      const life = start();
      const hello = await life.hello;
      if (!hello.ok) return hello;
      const { ended, end } = life.runs.begin(request);
      const begun = await askIn(life, 'run', request, usualTimeoutMs);
      if (!begun.ok) end(begun);
      return ended;
    },
    hello: () => start().hello,
    get life() {
      return lives;
    },
    get running() {
      return current !== null;
    },
    onDeath(listener) {
      deathListeners.add(listener);
      return () => deathListeners.delete(listener);
    },
    onEvent(listener) {
      eventListeners.add(listener);
      return () => eventListeners.delete(listener);
    },
    async stop() {
      const life = current;
      if (life === null) return;
      life.stopping = true;
      life.child.stdin.end();
      const timer = setTimeout(() => life.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await life.ended;
      clearTimeout(timer);
    },
  };
};
