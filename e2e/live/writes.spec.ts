import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { fitting, HAVING } from '../models/having.ts';
import { tilescope, tilescopeJson } from '../models/tilescope.ts';

/** Why QEMU does not lose what is written here, or null: only 7.2 does, on AMD hosts. */
const whyNothingIsLost = (): string | null => {
  const cpu = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  if (!cpu.includes('AuthenticAMD')) return 'this is no AMD host: QEMU loses nothing over its own copy';
  const version = execFileSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? '';
  return version.includes('version 7.2.') ? null : `${version} is not the QEMU that loses components over its own copy`;
};

interface Written {
  readonly changes: readonly { readonly path: string }[];
  readonly writtenBytes: number;
  readonly overwritten: readonly string[];
}

test.describe('general registers and what QEMU does with them', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let folder: string;
  test.beforeEach(async () => {
    guest = await Guest.start({ name: 'writes' });
    folder = mkdtempSync(join(tmpdir(), 'tilescope-writes-'));
  });
  test.afterEach(async () => {
    await guest?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const pid = (): string[] => ['--pid', String(guest.pid)];
  /** As QEMU's monitor prints it: a reader that shares no code with Tilescope. */
  const inMonitor = async (...names: string[]): Promise<string[]> => {
    const text = await guest.monitor('info registers');
    return names.map((name) => new RegExp(`\\b${name} ?=([0-9a-f]+)`).exec(text)?.[1] ?? `no ${name}`);
  };

  test('what set writes is what the monitor prints, and the guest counts on', async () => {
    const before = join(folder, 'before.json');
    await tilescopeJson('capture', ...pid(), '--out', before);
    // The XCR0 that it has set, which the host's CPU decides.
    const [rax = ''] = await inMonitor('RAX');
    expect(rax).toMatch(/^0{14}[0-9a-f]{2}$/);
    const written = await tilescopeJson<Written>(
      'set',
      ...pid(),
      'rax=5',
      'r12=0xdeadbeefcafe',
      'rbp=18446744073709551615',
    );
    expect(written).toMatchObject({ overwritten: [], changes: [{ path: 'rax' }, { path: 'r12' }, { path: 'rbp' }] });
    expect(await inMonitor('RAX', 'R12', 'RBP')).toEqual(['0000000000000005', '0000deadbeefcafe', 'ffffffffffffffff']);
    await guest.progress();
    const restored = await tilescopeJson<Written>('restore', ...pid(), '--only', 'rax,r12,rbp', before);
    expect(restored.writtenBytes).toBeGreaterThan(0);
    expect(await inMonitor('RAX', 'RBX', 'R12')).toEqual([rax, '1111222233334444', '0000000000000000']);
    await guest.progress();
  });

  test('RIP of a guest that loops: it goes on where it is told to', async () => {
    const { rip } = await tilescopeJson<{ rip: string }>('show', ...pid(), 'rip');
    // Inside its loop: the increment, and the jump behind it.
    const written = await tilescope('set', ...pid(), `rip=${rip}`);
    expect(written.code).toBe(0);
    await guest.progress();
    expect((await tilescope('set', ...pid(), 'rip=0x8000000000000000')).code).toBe(1);
    expect((await tilescope('set', ...pid(), 'rflags=0')).code).toBe(1);
    await guest.progress();
  });

  test('an MSR that KVM refuses: nothing was changed, and nothing is left to be put back', async () => {
    const xss = async (): Promise<string> => (await tilescope('show', ...pid(), 'xss')).out;
    const before = await xss();
    const set = await tilescope('set', ...pid(), 'xss=0x4000000000000000');
    expect(set.code).toBe(1);
    expect(set.err).toContain('KVM_SET_MSRS');
    expect(set.err).toContain('Nothing was changed');
    expect(await xss()).toBe(before);
    expect((await tilescope('journal', 'list')).out).toContain('Nothing was left behind');
    await guest.progress();
  });

  test('what QEMU puts back over a write is told, with exit code 1', async () => {
    const nothing = whyNothingIsLost();
    test.skip(nothing !== null, nothing ?? '');
    let isAsking = true;
    const asking = (async () => {
      while (isAsking) {
        await guest.monitor('info registers');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    const set = await tilescope('set', ...pid(), ...fitting(['k1=0x77']), 'ymm3:u32[5]=9', 'rax=9', '--json');
    isAsking = false;
    await asking;
    expect(set.code).toBe(1);
    expect((JSON.parse(set.out) as Written).overwritten).toEqual(['AVX', ...(HAVING.masks ? ['opmask'] : [])]);
    expect(set.err).toContain(`${HAVING.masks ? 'AVX, opmask do' : 'AVX does'} not hold what was written`);
    expect(await inMonitor('RAX')).toEqual(['0000000000000009']);
  });
});
