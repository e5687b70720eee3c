import { type ChildProcess, spawn } from 'node:child_process';
import type { Answer, DemoGuest } from '../../app/bridge.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';

/** A program is run once in a throw-away VM before one is chosen; a machine that takes longer is not going to. */
const READY_TIMEOUT_MS = 15_000;
const READY = /^ready pid=(\d+) program=(\S+) \((.*)\)$/m;

/** The demo guest: a small VMM of Tilescope's own, to have something live to look at. It ends with Tilescope. */
export interface Demo {
  start(): Promise<Answer<DemoGuest>>;
  stop(): Promise<void>;
}

const refused = (why: string): Answer<never> =>
  refuse('demo-guest', `the demo guest did not start: ${why}`, {
    where: 'demo-vmm',
    mend: 'It needs /dev/kvm, readable and writable by you',
  });

/** Waits for the demo VMM's first line, its end, or the end of patience. */
const untilReady = (child: ChildProcess): Promise<Answer<DemoGuest>> =>
  new Promise((resolve) => {
    let said = '';
    const patience = setTimeout(() => {
      child.stdin?.end();
      resolve(refused('it said nothing in time'));
    }, READY_TIMEOUT_MS);
    const end = (result: Answer<DemoGuest>): void => {
      clearTimeout(patience);
      resolve(result);
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const ready = READY.exec(said);
      if (ready !== null) end(answer({ pid: Number(ready[1]), program: ready[2] ?? '', summary: ready[3] ?? '' }));
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once('error', (error) => end(refused(error.message)));
    child.once('exit', (code) => end(refused(said.trim() === '' ? `it ended with ${code}` : said.trim())));
  });

export const createDemo = (path: string): Demo => {
  let running: { readonly child: ChildProcess; readonly guest: DemoGuest } | null = null;
  return {
    async start() {
      if (running !== null && running.child.exitCode === null && running.child.signalCode === null) {
        return answer(running.guest);
      }
      // Its standard input is a pipe of ours: it ends when that closes, however Tilescope ends.
      const child = spawn(path, [], { stdio: ['pipe', 'pipe', 'pipe'] });
      const started = await untilReady(child);
      if (started.ok) running = { child, guest: started.value };
      return started;
    },
    async stop() {
      if (running === null) return;
      const { child } = running;
      running = null;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.stdin?.end();
      await gone;
    },
  };
};
