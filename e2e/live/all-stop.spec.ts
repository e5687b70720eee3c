import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'playwright/test';
import type { Opened, TargetList } from '../../app/bridge.ts';
import { BridgeClient } from '../models/bridge.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { signalProcess } from '../models/signal.ts';
import { builtFresh, builtTilescope, startBuilt, WebHost } from '../models/tilescope.ts';

const VCPUS = [0, 1, 2] as const;
const OTHERS = [1, 2] as const;

test.describe('the other vCPUs of a real QEMU guest are held while one is driven', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  test.beforeAll(async () => {
    await builtFresh();
    guest = await Guest.start({ name: 'all-stop', vcpus: VCPUS.length, allCount: true });
  });
  test.afterAll(async () => {
    await guest?.stop();
  });

  const allCount = async (of = guest): Promise<void> => {
    for (const vcpu of VCPUS) await of.counts(vcpu);
  };
  /** The helper that traces a thread of QEMU's; 0: none does. */
  const tracerOf = (tid: number, of = guest): number =>
    Number(/^TracerPid:\s*(\d+)/m.exec(readFileSync(`/proc/${of.pid}/task/${tid}/status`, 'utf8'))?.[1]);
  const traced = (of = guest): number =>
    readdirSync(`/proc/${of.pid}/task`).filter((tid) => tracerOf(Number(tid), of) !== 0).length;

  test('[MA2] none of them counts from before the first step until they are let go; then all do', async () => {
    const footprint = guest.footprint();
    const host = await WebHost.startBuilt({});
    const page = await BridgeClient.open(host.url);
    const { targets } = await page.sure<TargetList>('listTargets');
    const ticks = targets.find(({ pid }) => pid === guest.pid)?.startTimeTicks;
    const { session } = await page.sure<Opened>('attach', guest.pid, ticks, 0, true);
    for (let round = 0; round < 3; round += 1) {
      expect(await page.sure('holdOthers', session)).toEqual([...OTHERS]);
      const stand = OTHERS.map((vcpu) => guest.counted(vcpu));
      for (let part = 0; part < 3; part += 1) {
        await page.sure('drive', session, { kind: 'step', count: 500 }, null);
        expect(OTHERS.map((vcpu) => guest.counted(vcpu))).toEqual(stand);
      }
      await page.sure('letOthersGo', session);
      for (const vcpu of OTHERS) await guest.counts(vcpu);
    }
    await page.sure('detach', session, false);
    await allCount();
    expect(guest.footprint()).toEqual(footprint);
    await host.stop();
  });

  test('[RC12] from the command line: held, said, let go', async () => {
    const footprint = guest.footprint();
    const { code, err } = await builtTilescope({}, 'step', '--pid', String(guest.pid), '--all-stop', '200', '--json');
    expect(err).toContain('held meanwhile: vCPU 1, vCPU 2\n');
    expect(code).toBe(0);
    await allCount();
    expect(guest.footprint()).toEqual(footprint);
  });

  test('[RC15] a breakpoint on all of them: the vCPU whose registers it asks for comes there, and all run on', async () => {
    const footprint = guest.footprint();
    const json = async <T>(...words: readonly string[]): Promise<T> => {
      const { code, out, err } = await builtTilescope({}, ...words, '--pid', String(guest.pid), '--json');
      expect(code, err).toBe(0);
      return JSON.parse(out) as T;
    };
    for (const vcpu of [2, 0, 1]) {
      const { stops } = await json<{ stops: { rip: string }[] }>('step', '1', '--vcpu', String(vcpu));
      const { rdi } = await json<{ rdi: string }>('show', 'rdi', '--vcpu', String(vcpu));
      const there = await json<{ hit: boolean; vcpu: number }>(
        ...['break', stops[0]?.rip ?? '', '--any-vcpu', '--when', `rdi == ${rdi}`, '--wait', '3600'],
      );
      expect(there).toMatchObject({ hit: true, vcpu });
      await allCount();
    }
    expect(guest.footprint()).toEqual(footprint);
  });

  test('[RC12] one that another holds: refused, and nobody stood still', async () => {
    const words = ['run', '--pid', String(guest.pid), '--vcpu', '2', '--until', 'xmm5 changes', '--wait', '3600'];
    const other = startBuilt('cli', words, {});
    const ended = new Promise((resolve) => other.once('close', resolve));
    await expect.poll(() => traced()).toBe(1);
    const { code, err } = await builtTilescope({}, 'step', '--pid', String(guest.pid), '--all-stop', '200');
    expect(code).toBe(1);
    expect(err).toContain('vCPU 2 cannot be held: ');
    other.kill('SIGINT');
    await ended;
    await allCount();
  });

  /** Mappings at the places where a helper's own lie. */
  const scratchIn = (of: Guest): readonly string[] =>
    of.footprint().maps.filter((line) => /^[23][0-9a-f]{11}-/.test(line));

  const askMeanwhile = async (of: Guest, command: string, status: string): Promise<void> => {
    const words = ['run', '--pid', String(of.pid), '--all-stop', '--until', 'xmm5 changes', '--wait', '3600'];
    const run = startBuilt('cli', words, {});
    let said = '';
    for (const stream of [run.stdout, run.stderr])
      stream?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
    const ended = new Promise<number | null>((resolve) => run.once('close', resolve));
    await expect.poll(() => traced(of)).toBe(VCPUS.length);
    // QEMU waits for the vCPUs that are held, and so does its answer.
    const answered = of.monitor(command);
    // One that resets its guest runs it again, and the run goes on with it.
    if (command === 'system_reset') {
      await answered;
      run.kill('SIGINT');
    }
    expect(await ended).toBe(1);
    await answered;
    expect(said).toMatch(command === 'system_reset' ? /./ : /paused/);
    await expect.poll(() => of.monitor('info status')).toContain(`VM status: ${status}`);
    if (status !== 'running') await of.monitor('cont');
    await allCount(of);
    expect(traced(of)).toBe(0);
    expect(scratchIn(of), said).toEqual([]);
  };

  for (const [command, status] of [
    ['stop', 'paused'],
    ['system_reset', 'running'],
    ['migrate exec:cat>/dev/null', 'paused (postmigrate)'],
  ] as const) {
    test(`[RC12] QEMU is asked meanwhile for ${command}: it gets it, the run ends with a word, and nothing is left`, async () => {
      await askMeanwhile(guest, command, status);
    });
  }

  test('[RC12] QEMU is asked meanwhile for savevm: the snapshot is made, the run ends with a word, and all vCPUs run on', async () => {
    // Into the overlay of a drive with nothing on it. It has workers that come and go, so it is a QEMU of its own.
    const more = ['-drive', 'if=none,id=snapshots,format=raw,file=null-co://,snapshot=on'];
    const saver = await Guest.start({ name: 'all-stop-savevm', vcpus: VCPUS.length, allCount: true, more });
    try {
      await askMeanwhile(saver, 'savevm asked', 'running');
      expect(await saver.monitor('info snapshots')).toMatch(/\basked\b/);
    } finally {
      await saver.stop();
    }
  });

  test('[RC12] killed meanwhile, all of it at once or one helper: all vCPUs run on', async () => {
    const footprint = guest.footprint();
    const words = ['run', '--pid', String(guest.pid), '--all-stop', '--until', 'xmm5 changes', '--wait', '3600'];
    // The monitor waits for a vCPU that stands still.
    const tids = await guest.vcpuThreads();
    for (const how of ['program', 'helper'] as const) {
      const run = startBuilt('cli', words, {});
      let err = '';
      run.stderr?.on('data', (chunk: Buffer) => {
        err += chunk.toString();
      });
      const ended = new Promise<number | null>((resolve) => run.once('close', resolve));
      await expect.poll(() => traced()).toBe(VCPUS.length);
      // All of them are attached to: held are they once none counts any more.
      const counts = (): readonly bigint[] => OTHERS.map((vcpu) => guest.counted(vcpu));
      let last = counts();
      await expect
        .poll(() => {
          const now = counts();
          const stand = now.every((count, at) => count === last[at]);
          last = now;
          return stand;
        })
        .toBe(true);
      if (how === 'program') run.kill('SIGKILL');
      else signalProcess(tracerOf(tids[1] ?? 0), 'SIGKILL');
      expect(await ended).toBe(how === 'program' ? null : 1);
      if (how === 'helper') expect(err).toContain('vCPU 1 is held no longer, and runs on: ');
      await allCount();
      // A killed helper's scratch memory is left, and taken over by the next one ([W12]).
      if (how === 'helper') await builtTilescope({}, 'show', '--pid', String(guest.pid), '--vcpu', '1', 'rip');
      await expect.poll(() => guest.footprint()).toEqual(footprint);
    }
  });
});
