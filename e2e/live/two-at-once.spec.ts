import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import type { Opened, TargetList, TargetSummary } from '../../app/bridge.ts';
import { BridgeClient } from '../models/bridge.ts';
import { KVM_ABSENT } from '../models/guest.ts';
import { DEMO, LimitedVmm } from '../models/limited-vmm.ts';
import { builtFresh, startBuilt, WebHost } from '../models/tilescope.ts';

test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

/** An address that the guest never runs to. */
const NOWHERE = '0x7ffffffff000';

test.describe('[C66] two Tilescopes on one VMM: the second is told who holds the vCPU, and works once that one is gone', () => {
  let vmm: LimitedVmm;
  let folder: string;
  test.beforeAll(builtFresh);
  test.beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tilescope-two-'));
    vmm = await LimitedVmm.start([DEMO, '--program', 'integer', '--vcpus', '2']);
  });
  test.afterEach(async () => {
    await vmm?.end();
    rmSync(folder, { recursive: true, force: true });
  });

  /** vCPU 0 is another's: the refusal names the process, and the remedy; vCPU 1 is free. */
  const expectHeld = async (): Promise<void> => {
    const { code, err } = await vmm.show();
    expect(err).toMatch(/already attached to by another helper of Tilescope, pid \d+/);
    expect(err).toContain('detach there first, in the window or command that holds it');
    expect(code).toBe(1);
    const other = await vmm.show('--vcpu', '1');
    expect(other.err).toBe('');
    expect(other.code).toBe(0);
    expect(vmm.lives).toBe(true);
  };

  const expectFree = async (): Promise<void> => {
    const { code, err } = await vmm.show();
    expect(err).toBe('');
    expect(code).toBe(0);
  };

  const row = async (page: BridgeClient): Promise<TargetSummary> => {
    const { targets } = await page.sure<TargetList>('listTargets');
    const found = targets.find(({ pid }) => pid === vmm.pid);
    if (found === undefined) throw new Error('the VMM is not listed');
    return found;
  };

  test('two command lines', async () => {
    await expectFree();
    const begin = (): ChildProcess =>
      startBuilt('cli', ['break', '--pid', String(vmm.pid), '--wait', '3600', NOWHERE], {});
    let first = begin();
    try {
      // Whoever comes while the other looks is refused: where that is the first one, it comes again.
      const isHeld = async (): Promise<boolean> => {
        if (first.exitCode !== null) first = begin();
        return (await vmm.show()).code === 1;
      };
      await expect.poll(isHeld).toBe(true);
      await expectHeld();
    } finally {
      first.kill('SIGINT');
    }
    await new Promise((resolve) => first.once('exit', resolve));
    // Its helper lets go by itself once the pipe has closed, which may be after the command's own end.
    await expect.poll(async () => (await vmm.show()).code).toBe(0);
    await expectFree();
  });

  test('a page and a command line', async () => {
    const host = await WebHost.startBuilt({ XDG_STATE_HOME: folder });
    try {
      const page = await BridgeClient.open(host.url);
      const { startTimeTicks } = await row(page);
      for (const freeze of [false, true]) {
        const { session } = await page.sure<Opened>('attach', vmm.pid, startTimeTicks, 0, freeze);
        await expectHeld();
        await page.sure('detach', session, false);
        await expectFree();
      }
    } finally {
      await host.kill();
    }
  });
});
