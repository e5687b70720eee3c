import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** The web host of the build as a process of its own, as it is attacked: from outside. */
export interface AttackedHost {
  readonly child: ChildProcess;
  readonly port: number;
  readonly token: string;
  readonly said: () => string;
  /** Sends the signal and waits for the end: how it ended, and after how long. */
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly ms: number }>;
  /** The names of what runs of it now, itself among them. */
  started(): readonly string[];
  /** Once it has ended: what it had started and what did not end with it, each by pid and name. Ends that. */
  outlivers(): Promise<readonly string[]>;
}

export interface HostOptions {
  /** dist/main/web.js */
  readonly web: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly words?: readonly string[];
  readonly uid?: number;
}

const SCRIPT = 'process.exitCode = await (await import(process.argv[1])).runWeb(process.argv.slice(2))';
const ADDRESS = /http:\/\/127\.0\.0\.1:(\d+)\/#([\w-]{43})/;
/** Far more than an end takes; a host that is still there then hangs. */
const END_TIMEOUT_MS = 100_000;

/** A process that has lost its pipe needs a moment to see that. */
const LOOKS = 100;
const BETWEEN_LOOKS_MS = 20;

/** What the host hands on to whatever it starts, in whichever session of the kernel's that is. */
const MARK = 'TILESCOPE_ATTACKED';

/** Processes that have this in their environment; those that are dead and not yet buried have none. */
const markedWith = (mark: string): readonly { readonly pid: number; readonly name: string }[] =>
  readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const isMarked = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${MARK}=${mark}`);
      return isMarked ? [{ pid: Number(pid), name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim() }] : [];
    } catch {
      return []; // It has ended, or is another user's.
    }
  });

const outliversOf = async (mark: string): Promise<readonly string[]> => {
  for (let look = 0; look < LOOKS && markedWith(mark).length > 0; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS_MS));
  }
  const left = markedWith(mark);
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  return left.map(({ pid, name }) => `${name} (${pid})`);
};

export const startHost = async ({ web, environment = {}, words, uid }: HostOptions): Promise<AttackedHost> => {
  const args = ['--input-type=module', '-e', SCRIPT, '--', web, ...(words ?? ['--no-open'])];
  const mark = randomUUID();
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment, [MARK]: mark },
    cwd: '/',
    detached: true,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let said = '';
  const gone = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const [, port = '', token = ''] = await new Promise<RegExpExecArray>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      const found = ADDRESS.exec(said);
      if (found !== null) resolve(found);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    void gone.then((code) => reject(new Error(`the web host ended with ${code}: ${said}`)));
  });
  return {
    child,
    port: Number(port),
    token,
    said: () => said,
    end: async (signal) => {
      const began = performance.now();
      child.kill(signal);
      const kill = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS);
      const code = await gone;
      clearTimeout(kill);
      return { code, ms: Math.round(performance.now() - began) };
    },
    started: () => markedWith(mark).map(({ name }) => name),
    outlivers: () => outliversOf(mark),
  };
};
