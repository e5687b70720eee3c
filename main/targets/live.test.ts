import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { Refusal } from '../../app/bridge.ts';
import { isStopped } from '../../app/debug/run-state.ts';
import type { Target } from '../../app/debug/target.ts';
import { kvmAbsent } from '../boot/kvm.mjs';
import { createHelper, type Helper } from '../helper/helper.ts';
import { openLive } from './live.ts';

/** The real helper on the small VMM that is built with it. Where one of them is not there, the reason is printed. */
const at = (file: string): string => fileURLToPath(new URL(`../../dist/native/${file}`, import.meta.url));
const HELPER = at('tilescope-helper');
const VMM = at('demo-vmm');

const whyNot = ((): string | null => {
  for (const path of [HELPER, VMM]) if (!existsSync(path)) return `${path} is not built: npm run build`;
  return kvmAbsent();
})();
if (whyNot !== null) process.stderr.write(`main/targets/live.test.ts is skipped: ${whyNot}\n`);

const vmms: ChildProcess[] = [];
const targets: Target[] = [];

afterEach(async () => {
  await Promise.all(targets.splice(0).map((target) => target.detach()));
  for (const vmm of vmms.splice(0)) vmm.kill('SIGKILL');
});

const startVmm = async (vcpus = 1): Promise<ChildProcess & { pid: number }> => {
  const vmm = spawn(VMM, ['--vcpus', String(vcpus)], { stdio: 'ignore' });
  vmms.push(vmm);
  const lister = createHelper({ path: HELPER });
  await expect
    .poll(async () => {
      const listed = await lister.ask('listTargets', { afterPid: 0 });
      return (
        listed.ok && listed.value.targets.some((target) => target.pid === vmm.pid && target.vcpus.length === vcpus)
      );
    })
    .toBe(true);
  await lister.stop();
  return vmm as ChildProcess & { pid: number };
};

const attach = async (pid: number, startTimeTicks = 0n, vcpu = 0): Promise<{ helper: Helper; target: Target }> => {
  const helper = createHelper({ path: HELPER });
  const opened = await openLive({ helper, pid, startTimeTicks, vcpu, suspendSeccomp: false });
  if (!opened.ok) throw new Error(`${opened.refusal.code}: ${opened.refusal.what}`);
  targets.push(opened.value);
  return { helper, target: opened.value };
};

const killHelper = async (helper: Helper): Promise<void> => {
  const hello = await helper.hello();
  if (hello.ok) process.kill(hello.value.pid, 'SIGKILL');
  await expect.poll(() => helper.running).toBe(false);
};

describe.skipIf(whyNot !== null)('[C25] a live target', () => {
  test('is captured, frozen, written, resumed and let go', async () => {
    const vmm = await startVmm();
    const { target } = await attach(vmm.pid);
    expect(target.identity).toMatchObject({ kind: 'live', pid: vmm.pid, vcpu: 0 });
    const first = await target.capture();
    expect(first).toMatchObject({ ok: true, value: { facts: { target: { pid: vmm.pid } } } });
    expect(await target.freeze()).toEqual({ ok: true, value: { inKvmRun: expect.any(Boolean) } });
    expect(isStopped(target)).toBe(true);
    const now = await target.capture();
    if (!now.ok) throw new Error(now.refusal.what);
    const written = await target.writeImage(now.value.image.bytes);
    expect(written.ok || written.refusal.code).toBe(now.value.facts.inKvmRun ? true : 'outside-kvm-run');
    const resumed = await target.resume();
    expect(resumed.ok && resumed.value > 0n).toBe(true);
    expect(await target.detach()).toEqual({ ok: true, value: null });
  });

  test('[W10] takes general registers and keeps them while it runs', async () => {
    const vmm = await startVmm();
    const { target } = await attach(vmm.pid);
    const frozen = async () => {
      await target.freeze();
      const capture = await target.capture();
      if (!capture.ok || capture.value.facts.general === null) throw new Error('no general registers');
      return capture.value.facts.general;
    };
    const before = await frozen();
    const general = { ...before, r14: 0x1122334455667788n, r15: 0xfedcba9876543210n };
    const written = await target.writeGeneral(general);
    if (!written.ok) throw new Error(written.refusal.what);
    expect(await frozen()).toEqual(general);
    await target.resume();
    const later = await frozen();
    expect(later).toMatchObject({ r14: general.r14, r15: general.r15 });
    expect(await target.writeGeneral({ ...later, rflags: later.rflags | 0x8000n })).toMatchObject({
      ok: false,
      refusal: { code: 'guard-regs', call: 'KVM_SET_REGS' },
    });
    expect((await target.writeGeneral({ ...later, r14: before.r14, r15: before.r15 })).ok).toBe(true);
  });

  test('[W11] stays attached, and frozen, while another helper has another vCPU; its own is refused to a second', async () => {
    const vmm = await startVmm(2);
    const first = await attach(vmm.pid);
    await first.target.freeze();
    const second = await attach(vmm.pid, 0n, 1);
    const captures = await Promise.all([first.target.capture(), second.target.capture()]);
    expect(captures.map((capture) => capture.ok && capture.value.facts.frozen)).toEqual([true, false]);
    await expect(attach(vmm.pid)).rejects.toThrow(/^other-helper: /);
    expect(await first.target.detach()).toEqual({ ok: true, value: null });
    expect((await second.target.capture()).ok).toBe(true);
    const again = await attach(vmm.pid);
    expect((await again.target.capture()).ok).toBe(true);
  });

  test('outlives its helper: told once, attached again on demand', async () => {
    const vmm = await startVmm();
    const { helper, target } = await attach(vmm.pid);
    const told: (string | null)[] = [];
    target.onHelper((problem) => told.push(problem));
    await target.freeze();
    await killHelper(helper);
    expect(told).toEqual(['the helper was ended by SIGKILL']);
    expect(isStopped(target)).toBe(false);
    expect((await target.capture()).ok).toBe(true);
    expect(told).toEqual(['the helper was ended by SIGKILL', null]);
    expect(helper.life).toBe(2);
    expect(vmm.exitCode).toBeNull();
  });

  test('that ends is an event and not a hang', async () => {
    const vmm = await startVmm();
    const { target } = await attach(vmm.pid);
    const gone: Refusal[] = [];
    target.onGone((why) => gone.push(why));
    vmm.kill('SIGKILL');
    await expect.poll(() => gone.length, { timeout: 500_000 }).toBe(1);
    expect(gone[0]?.code).toBe('target-gone');
    expect(await target.capture()).toMatchObject({ ok: false, refusal: { code: 'target-gone' } });
  });

  test('is never another process with the same pid', async () => {
    const vmm = await startVmm();
    await expect(attach(vmm.pid, 1n)).rejects.toThrow(/^not-the-same-process: /);
  });

  test('a process that is no VMM is refused, and no helper stays', async () => {
    const other = spawn('sleep', ['30'], { stdio: 'ignore' });
    vmms.push(other);
    const helper = createHelper({ path: HELPER });
    const opened = await openLive({ helper, pid: other.pid ?? 0, startTimeTicks: 0n, vcpu: 0, suspendSeccomp: false });
    expect(opened).toMatchObject({ ok: false, refusal: { code: 'not-a-vmm' } });
    expect(helper.running).toBe(false);
  });
});
