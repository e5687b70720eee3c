import { type ChildProcess, spawn } from 'node:child_process';
import type { Answer, DemoGuest } from '../../app/bridge.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';

/** A program is run once in a throw-away VM before one is chosen; a machine that takes longer is not going to. */
const READY_TIMEOUT_MS = 15_000;
/** Its end is asked for by closing its pipe; one that does not listen is killed. */
const END_TIMEOUT_MS = 2_000;
const READY = /^ready pid=(\d+) program=(\S+) \((.*)\)$/m;
const SAID_KEPT_CHARACTERS = 4_096;

/** The demo guest: a small VMM of Tilescope's own, to have something live to look at. It ends with Tilescope. */
export interface Demo {
  /** However often it is asked for at once, one is started. */
  start(): Promise<Answer<DemoGuest>>;
  /** Ends it, one that is still starting too; none is started after that. */
  stop(): Promise<void>;
}

/** How long the demo guest may take to be ready, and to end. */
export interface DemoOptions {
  readonly readyMs?: number;
  readonly endMs?: number;
}

const refused = (why: string): Answer<never> =>
  refuse('demo-guest', `the demo guest did not start: ${why}`, {
    where: 'demo-vmm',
    remedy: 'It needs /dev/kvm, readable and writable by you',
  });

/** One process of it, from its start to its end. */
interface Run {
  readonly child: ChildProcess;
  readonly guest: Promise<Answer<DemoGuest>>;
  readonly gone: Promise<void>;
  hasEnded: boolean;
}

/** Waits for the demo VMM's first line, its end, or the end of patience. */
const untilReady = (child: ChildProcess, readyMs: number): Promise<Answer<DemoGuest>> =>
  new Promise((resolve) => {
    let said = '';
    const end = (result: Answer<DemoGuest>): void => {
      clearTimeout(patience);
      resolve(result);
    };
    const patience = setTimeout(() => end(refused('it said nothing in time')), readyMs);
    const hear = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-SAID_KEPT_CHARACTERS);
      const ready = READY.exec(said);
      if (ready !== null) end(answer({ pid: Number(ready[1]), program: ready[2] ?? '', summary: ready[3] ?? '' }));
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', (error) => end(refused(error.message)));
    child.once('exit', (code) => end(refused(said.trim() === '' ? `it ended with ${code}` : said.trim())));
  });

const begin = (path: string, readyMs: number): Run => {
  // Its standard input is a pipe of ours: it ends when that closes, however Tilescope ends.
  const child = spawn(path, [], { stdio: ['pipe', 'pipe', 'pipe'] });
  // EPIPE: its end is told by 'exit'.
  child.stdin?.on('error', () => undefined);
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const run: Run = { child, guest: untilReady(child, readyMs), gone, hasEnded: false };
  void gone.then(() => {
    run.hasEnded = true;
  });
  return run;
};

export const createDemo = (
  path: string,
  { readyMs = READY_TIMEOUT_MS, endMs = END_TIMEOUT_MS }: DemoOptions = {},
): Demo => {
  let current: Run | null = null;
  let isStopped = false;

  const end = async ({ child, gone }: Run): Promise<void> => {
    child.stdin?.end();
    const kill = setTimeout(() => child.kill('SIGKILL'), endMs);
    await gone;
    clearTimeout(kill);
  };

  return {
    async start() {
      if (isStopped) return refused('Tilescope is ending');
      if (current === null || current.hasEnded) current = begin(path, readyMs);
      const run = current;
      const started = await run.guest;
      if (!started.ok) {
        if (current === run) current = null;
        await end(run);
      }
      return started;
    },
    async stop() {
      isStopped = true;
      if (current !== null) await end(current);
    },
  };
};
