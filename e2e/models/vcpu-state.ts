import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { hexShort } from '../../app/bits/mask.ts';
import type { Capture } from '../../app/session/capture.ts';
import { HelperClient } from './helper.ts';
import { BUILT_HELPER } from './tilescope.ts';

/** Everything that a transaction can write, as text, so that two of them are compared bit for bit and a difference is seen. */
export type VcpuState = Readonly<Record<string, string>>;

/** They move while the guest's loop runs: it counts, and each count sets flags. */
const OF_THE_GUEST = ['rip', 'rflags'];

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

const stateOf = ({ image, facts }: Capture): VcpuState => ({
  image: sha(image.bytes),
  header: Buffer.from(image.bytes.subarray(512, 576)).toString('hex'),
  legacy: sha(image.bytes.subarray(0, 512)),
  ...Object.fromEntries(
    image.layout.components
      .filter(({ bit }) => bit > 1)
      .map(({ bit, offsetBytes, sizeBytes }) => [
        `component ${bit}`,
        sha(image.bytes.subarray(offsetBytes, offsetBytes + sizeBytes)),
      ]),
  ),
  xcr0: facts.xcr0 === null ? 'not known' : hexShort(facts.xcr0),
  ...Object.fromEntries(
    facts.msrs.map(({ index, value, errno }) => [
      `msr ${index.toString(16)}`,
      value === null ? `errno ${errno}` : hexShort(value),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(facts.general ?? {})
      .filter(([name]) => !OF_THE_GUEST.includes(name))
      .map(([name, value]: [string, bigint]) => [name, hexShort(value)]),
  ),
});

/** A reader of its own, over a helper of its own: nothing of the Tilescope that is tested stands between. */
const LETS_GO_WITHIN_MS = 10_000;

export class VcpuReader {
  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** A helper that was asked to end, or whose Tilescope died, lets go a moment later: no thread of it is traced then. */
  async letGo(): Promise<void> {
    const tasks = `/proc/${this.#pid}/task`;
    const traced = (): boolean =>
      readdirSync(tasks).some((tid) => !/^TracerPid:\t0$/m.test(readFileSync(`${tasks}/${tid}/status`, 'utf8')));
    for (const until = Date.now() + LETS_GO_WITHIN_MS; traced(); ) {
      if (Date.now() > until) throw new Error(`process ${this.#pid} is still traced`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async capture(): Promise<Capture> {
    await this.letGo();
    const helper = new HelperClient({ helper: BUILT_HELPER });
    try {
      await helper.attach(this.#pid);
      return await helper.capture();
    } finally {
      await helper.stop();
    }
  }

  async state(): Promise<VcpuState> {
    return stateOf(await this.capture());
  }

  /** Back to a former capture, without Tilescope. */
  async reset(to: Capture): Promise<void> {
    await this.letGo();
    const helper = new HelperClient({ helper: BUILT_HELPER });
    const vcpu = { pid: this.#pid, vcpuIndex: 0 };
    try {
      await helper.attach(this.#pid);
      await helper.must('freeze', vcpu);
      const now = await helper.capture();
      await helper.must('setImage', { ...vcpu, image: to.image.bytes });
      if (to.facts.xcr0 !== null) await helper.must('setXcr0', { ...vcpu, value: to.facts.xcr0 });
      if (to.facts.general !== null && now.facts.general !== null) {
        const { rip, rflags } = now.facts.general;
        await helper.must('setRegs', { ...vcpu, general: { ...to.facts.general, rip, rflags } });
      }
    } finally {
      await helper.stop();
    }
  }
}
