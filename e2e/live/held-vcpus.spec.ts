import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { Guest, type GuestOptions, KVM_ABSENT } from '../models/guest.ts';
import { builtFresh, builtTilescope, type Ran } from '../models/tilescope.ts';

test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

const WAYS = {
  paused: /Where QEMU’s monitor or libvirt has paused the guest: cont in its monitor, or virsh resume\./,
  gdb: /Where a gdb at QEMU’s -gdb has stopped it: continue there\./,
  halted: /Where it has halted under kernel-irqchip=off: once an interrupt wakes it/,
};

test.describe('[C66] QEMU holds a vCPU: what is said fits each reason, claims none, and the advice works', () => {
  let guest: Guest;
  let folder: string;
  let gdb: ChildProcess | null = null;
  test.beforeAll(builtFresh);
  test.beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tilescope-held-'));
  });
  test.afterEach(async () => {
    gdb?.kill('SIGKILL');
    gdb = null;
    await guest?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const started = async (options: Partial<GuestOptions>): Promise<void> => {
    guest = await Guest.start({ name: 'held', ...options });
  };
  const run = (verb: string, ...words: string[]): Promise<Ran> =>
    builtTilescope({ XDG_STATE_HOME: folder }, verb, '--pid', String(guest.pid), ...words);
  const expectWritten = async (): Promise<void> => {
    const { code, err } = await run('set', 'mxcsr=0x3f80');
    expect(err).toBe('');
    expect(code).toBe(0);
  };
  const expectHeld = async (...words: string[]): Promise<void> => {
    const { code, err } = await run('set', ...words, 'mxcsr=0x1fa0');
    expect(err).toContain('outside KVM_RUN');
    for (const way of Object.values(WAYS)) expect(err).toMatch(way);
    expect(code).toBe(1);
    expect(guest.ended).toBe(false);
  };

  test('paused by its monitor: cont', async () => {
    await started({});
    await guest.monitor('stop');
    await expectHeld();
    await guest.monitor('cont');
    await expectWritten();
  });

  test('stopped by a gdb at its gdbstub: continued there', async () => {
    test.skip(spawnSync('which', ['gdb']).status !== 0, 'gdb is not installed');
    const stub = join(folder, 'gdb');
    await started({ more: ['-gdb', `unix:${stub},server=on,wait=off`] });
    gdb = spawn('gdb', ['-q', '-nx', '-ex', `target remote ${stub}`], { stdio: ['pipe', 'ignore', 'ignore'] });
    await expect.poll(() => guest.monitor('info status')).toContain('paused');
    await expectHeld();
    gdb.stdin?.write('continue\n');
    await expect.poll(() => guest.monitor('info status')).toContain('running');
    await expectWritten();
  });

  test('a vCPU that waits in QEMU under a userspace irqchip: the others are written', async () => {
    const cpu = `${process.env.TILESCOPE_GUEST_CPU ?? 'host,-arch-capabilities'},-kvm-asyncpf-int`;
    await started({ vcpus: 2, more: ['-machine', 'pc,kernel-irqchip=off', '-cpu', cpu] });
    expect(await guest.monitor('info status')).toContain('running');
    await expectHeld('--vcpu', '1');
    await expectWritten();
  });
});

test.describe('[C66] no thread was seen running the vCPU: each advice works', () => {
  let guest: Guest | null = null;
  test.beforeAll(builtFresh);
  test.afterEach(async () => guest?.stop());

  const show = (): Promise<Ran> => builtTilescope({}, 'show', '--pid', String(guest?.pid), 'xcr0');
  const listed = async (): Promise<unknown> => {
    const targets: readonly { pid: number }[] = JSON.parse((await builtTilescope({}, 'list', '--json')).out);
    return targets.find(({ pid }) => pid === guest?.pid);
  };
  const expectShown = async (): Promise<void> => {
    expect(await listed()).toMatchObject({ attachable: true, reason: null });
    const { code, err } = await show();
    expect(code, err).toBe(0);
  };

  test('the guest runs on', async () => {
    guest = await Guest.start({ name: 'nameless', debugThreads: false });
    await guest.monitor('stop');
    const words = 'no thread was seen running this vCPU';
    expect(await listed()).toMatchObject({
      attachable: false,
      reason: words,
      remedy: expect.stringContaining('debug-threads=on'),
    });
    const refused = await show();
    expect(refused.err).toContain(words);
    expect(refused.code).toBe(1);
    await guest.monitor('cont');
    await expectShown();
  });

  test('-name NAME,debug-threads=on', async () => {
    guest = await Guest.start({ name: 'named', debugThreads: true });
    await guest.monitor('stop');
    await expectShown();
    await guest.monitor('cont');
    await guest.progress();
  });
});
