import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { driveTrace } from '../../app/debug/drive.ts';
import { createHistory } from '../../app/session/history.ts';
import { kvmAbsent } from '../boot/kvm.mjs';
import { createHelper } from '../helper/helper.ts';
import { openLive } from './live.ts';

/** What becomes of the instructions that the helper makes: a trace keeps the state after each. */

const at = (file: string): string => fileURLToPath(new URL(`../../dist/native/${file}`, import.meta.url));
const [HELPER, VMM] = [at('tilescope-helper'), at('demo-vmm')];
const STEPS = 4_000;
const ROUNDS = 5;

const vmmOf = (program: string) =>
  new Promise<ReturnType<typeof spawn>>((resolve, reject) => {
    const vmm = spawn(VMM, ['--program', program], { stdio: ['pipe', 'pipe', 'ignore'] });
    vmm.once('error', reject);
    vmm.stdout.once('data', () => resolve(vmm));
  });

/** Instructions a second: those that the helper makes with the whole state read after each and dropped, and those that a trace keeps. */
const rates = async (pid: number) => {
  const helper = createHelper({ path: HELPER });
  const opened = await openLive({ helper, pid, startTimeTicks: 0n, vcpu: 0, suspendSeccomp: false });
  if (!opened.ok) throw new Error(opened.refusal.what);
  const target = opened.value;
  const best = { made: 0, kept: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    expect((await target.freeze()).ok).toBe(true);
    let from = performance.now();
    let made = 0;
    while (made < STEPS) {
      const ref = { pid, vcpuIndex: target.identity.vcpu };
      const steps = await helper.run({ ...ref, count: STEPS - made, keepState: true, keepLast: true });
      if (!steps.ok) throw new Error(steps.refusal.what);
      made += steps.value.made;
    }
    best.made = Math.max(best.made, (made * 1_000) / (performance.now() - from));
    const history = createHistory();
    from = performance.now();
    const traced = await driveTrace(target, STEPS, {
      ...{ most: STEPS, isOver: () => false },
      onState: (capture) => void history.add(capture),
    });
    if (!traced.ok) throw new Error(traced.refusal.what);
    best.kept = Math.max(best.kept, (traced.value.made * 1_000) / (performance.now() - from));
  }
  await target.detach();
  return best;
};

test('what a trace keeps of the instructions that the helper makes', async (context) => {
  const absent = [HELPER, VMM].find((path) => !existsSync(path));
  const why = absent === undefined ? kvmAbsent() : `${absent} is not built: npm run build`;
  if (why !== null) {
    console.log(`# skipped: ${why}`);
    context.skip();
  }
  for (const program of ['general', 'integer']) {
    const vmm = await vmmOf(program);
    const { made, kept } = await rates(vmm.pid ?? 0);
    vmm.kill('SIGKILL');
    console.log(
      `bench: instructions of ${program} that a trace keeps to those that the helper makes, the whole state read: ${(kept / made).toFixed(2)}, ${kept.toFixed(0)} a second to ${made.toFixed(0)}`,
    );
    expect(kept).toBeGreaterThan(0);
  }
});
