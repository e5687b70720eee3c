import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { signalProcess } from './signal.ts';
import { BUILT, builtTilescope, type Ran } from './tilescope.ts';

/** The demo VMM of the build. */
export const DEMO = join(BUILT, 'native/demo-vmm');

export const isThere = (program: string): boolean => spawnSync('which', [program]).status === 0;

interface Listed {
  readonly pid: number;
  readonly attachable: boolean;
  readonly reason: string | null;
  readonly remedy: string | null;
}

async function listed(): Promise<readonly Listed[]> {
  const { code, out, err } = await builtTilescope({}, 'list', '--json');
  if (code !== 0) throw new Error(`list: ${err}`);
  return JSON.parse(out);
}

/** A VMM in some odd place, as the command line finds it; it ends with the test. */
export class LimitedVmm {
  readonly #child: ChildProcess;
  readonly pid: number;

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
  }

  /** words: what is executed, the demo VMM's options last. */
  static async start(words: readonly string[]): Promise<LimitedVmm> {
    const before = new Set((await listed()).map(({ pid }) => pid));
    const [program = '', ...args] = words;
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('ready')) resolve();
      });
      child.once('exit', (code) => reject(new Error(`${words.join(' ')} ended with ${code}`)));
    });
    // Its pid in its own namespace says nothing here: it is the one that is new.
    const found = (await listed()).find(({ pid }) => !before.has(pid));
    if (found === undefined) {
      child.kill('SIGKILL');
      throw new Error(`${words.join(' ')} is not listed`);
    }
    return new LimitedVmm(child, found.pid);
  }

  get lives(): boolean {
    return existsSync(`/proc/${this.pid}`);
  }

  /** What the list says of it. */
  async inList(): Promise<Listed | undefined> {
    return (await listed()).find(({ pid }) => pid === this.pid);
  }

  show(...options: string[]): Promise<Ran> {
    return builtTilescope({}, 'show', '--pid', String(this.pid), ...options, 'xcr0');
  }

  async end(): Promise<void> {
    try {
      signalProcess(this.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
    this.#child.kill('SIGKILL');
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      await new Promise((resolve) => this.#child.once('exit', resolve));
    }
  }
}
