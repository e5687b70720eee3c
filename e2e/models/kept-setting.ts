import { type ChildProcess, spawn } from 'node:child_process';

/**
 * What whoever changes a setting of the whole machine holds meanwhile. Not the setting's own file: in each runner's own space that is
 * another one, and two that held theirs at the same time took for the machine's what the other had set.
 */
const HELD = '/dev/kvm';

/** A setting of the machine, as it was: it comes back whatever becomes of this process. Another that wants to set one waits. */
export class KeptSetting {
  readonly #keeper: ChildProcess;

  private constructor(keeper: ChildProcess) {
    this.#keeper = keeper;
  }

  static async take(path: string): Promise<KeptSetting> {
    const keep = `trap '' INT TERM HUP; old=$(cat ${path}); echo kept; cat > /dev/null; echo $old > ${path}`;
    const keeper = spawn('flock', ['-o', HELD, 'sh', '-c', keep], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await new Promise((resolve, reject) => {
      keeper.stdout.once('data', resolve);
      keeper.once('error', reject);
      keeper.once('exit', (code) => reject(new Error(`flock ended with ${code}`)));
    });
    return new KeptSetting(keeper);
  }

  async giveBack(): Promise<void> {
    const ended = new Promise((resolve) => this.#keeper.once('exit', resolve));
    this.#keeper.stdin?.end();
    await ended;
  }
}
