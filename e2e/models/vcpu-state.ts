import { readdirSync, readFileSync } from 'node:fs';
import type { Capture } from '../../app/capture/capture.ts';
import { HelperClient } from './helper.ts';
import { type Meaning, meaningOf } from './meaning.ts';
import { BUILT_HELPER } from './tilescope.ts';

/** A reader of its own, over a helper of its own: nothing of the Tilescope that is tested stands between. */
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
    while (traced()) await new Promise((resolve) => setTimeout(resolve, 5));
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

  async state(): Promise<Meaning> {
    return meaningOf(await this.capture());
  }

  /** Back to an earlier capture, without Tilescope. */
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
