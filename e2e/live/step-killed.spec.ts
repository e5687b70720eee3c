import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'playwright/test';
import type { DriveAct, Opened, TargetList } from '../../app/bridge.ts';
import { BridgeClient } from '../models/bridge.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { randomFrom } from '../models/random.ts';
import { builtFresh, startBuilt, WebHost } from '../models/tilescope.ts';

const KILLS = 24;
/** Behind the moment that the vCPU's thread is traced: while it is stopped, armed, stepped, and read. */
const SPAN_MS = 80;

test.describe('whoever drives a real QEMU guest is killed', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  test.beforeAll(async () => {
    await builtFresh();
    guest = await Guest.start({ name: 'step-killed' });
  });
  test.afterAll(async () => {
    await guest?.stop();
  });

  const isTraced = (): boolean => guest.footprint().signalMasks.some((line) => /TracerPid:\s*[1-9]/.test(line));

  /** Were a debug exit QEMU's, it would stop its guest, or give it a #DB that it has no handler for. */
  const runsOn = async (): Promise<void> => {
    await expect.poll(isTraced).toBe(false);
    await guest.counts(0);
    expect(await guest.monitor('info status')).toContain('VM status: running');
  };

  test(`[RC1] [RC3] the command line, ${KILLS} times at a random moment of each verb: the guest runs on, and QEMU is as it was`, async () => {
    test.setTimeout(1_800_000);
    const random = randomFrom('STEP_KILLED_SEED');
    const pid = ['--pid', String(guest.pid)];
    const verbs = [
      ['step', ...pid, '10000'],
      ['break', ...pid, '0x5000', '--wait', '3600'],
      ['run', ...pid, '--until', 'xmm5 changes', '--wait', '3600'],
      ['trace', ...pid, '--steps', '10000', '--out', test.info().outputPath('trace.json')],
    ];
    const footprint = guest.footprint();
    let meanwhile = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const child: ChildProcess = startBuilt('cli', verbs[kill % verbs.length] ?? [], {});
      const ended = new Promise((resolve) => child.once('close', resolve));
      while (!isTraced() && child.exitCode === null) await sleep(1);
      await sleep(random.below(SPAN_MS));
      meanwhile += isTraced() ? 1 : 0;
      child.kill('SIGKILL');
      await ended;
      await runsOn();
    }
    console.log(`seed ${random.seed}: ${KILLS} kills, ${meanwhile} of them while the thread was traced`);
    expect(meanwhile).toBeGreaterThan(0);
    await expect.poll(() => guest.footprint()).toEqual(footprint);
  });

  const driving = async (act: DriveAct): Promise<{ host: WebHost; page: BridgeClient; ended: Promise<unknown> }> => {
    const host = await WebHost.startBuilt({});
    const page = await BridgeClient.open(host.url);
    const { targets } = await page.sure<TargetList>('listTargets');
    const ticks = targets.find(({ pid }) => pid === guest.pid)?.startTimeTicks;
    const { session } = await page.sure<Opened>('attach', guest.pid, ticks, 0, true);
    const drive = async (): Promise<void> => {
      for (;;) await page.sure('drive', session, act, null);
    };
    return { host, page, ended: drive().catch(() => undefined) };
  };
  const acts: readonly DriveAct[] = [
    { kind: 'break', breakpoints: [{ address: '0x5000', on: 'execute', bytes: 1 }] },
    { kind: 'until', condition: 'xmm5 changes', most: 2_000_000_000 },
    { kind: 'trace', count: 2_000 },
  ];

  for (const act of acts) {
    test(`[RC6] [C50] the host, and the page alone, while the page drives it: ${act.kind}`, async () => {
      const random = randomFrom('STEP_KILLED_SEED');
      const footprint = guest.footprint();
      for (const victim of ['host', 'page'] as const) {
        const { host, page, ended } = await driving(act);
        await sleep(random.below(SPAN_MS));
        if (victim === 'host') await host.kill();
        else page.close();
        await ended;
        await runsOn();
        if (victim === 'page') await host.stop();
        await expect.poll(() => guest.footprint()).toEqual(footprint);
      }
    });
  }
});
