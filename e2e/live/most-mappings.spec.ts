import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { KVM_ABSENT } from '../models/guest.ts';
import { KeptSetting } from '../models/kept-setting.ts';
import { DEMO, isThere, LimitedVmm } from '../models/limited-vmm.ts';
import { signalProcess } from '../models/signal.ts';
import { builtFresh } from '../models/tilescope.ts';

const LIMIT = '/proc/sys/vm/max_map_count';
/** Some distributions have a million: to fill and to read so many takes minutes. */
const MOST_FILLED = 200_000;

const limit = (): number => Number(readFileSync(LIMIT, 'utf8'));

/** At SIGUSR2 the VMM maps page after page, of two kinds in turn, until the kernel gives it no more. */
const FILL = `
#include <signal.h>
#include <sys/mman.h>
static void fill(int number)
{
	(void)number;
	for (int kind = 0; mmap(0, 4096, kind ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;)
		kind = !kind;
}
__attribute__((constructor)) static void prepare(void) { signal(SIGUSR2, fill); }
`;

const absence = (): string | null => {
  if (KVM_ABSENT !== null) return KVM_ABSENT;
  try {
    accessSync(LIMIT, constants.W_OK);
  } catch {
    return `${LIMIT} may not be written here: the remedy takes root`;
  }
  if (limit() > MOST_FILLED) return `vm.max_map_count is ${limit()} here: so many are not filled`;
  return ['cc', 'flock', 'sysctl'].every(isThere) ? null : 'cc, flock or sysctl is missing';
};

test.describe('[C66] as many mappings as a process may have', () => {
  const absent = absence();
  test.skip(absent !== null, absent ?? '');
  test.beforeAll(builtFresh);

  test('vm.max_map_count: raised, as advised', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-mappings-'));
    const kept = await KeptSetting.take(LIMIT);
    const before = limit();
    let vmm: LimitedVmm | null = null;
    try {
      const library = join(folder, 'fill.so');
      writeFileSync(join(folder, 'fill.c'), FILL);
      expect(spawnSync('cc', ['-shared', '-fPIC', '-o', library, join(folder, 'fill.c')]).status).toBe(0);
      const one = await LimitedVmm.start(['env', `LD_PRELOAD=${library}`, DEMO, '--program', 'integer']);
      vmm = one;
      expect((await one.show()).code).toBe(0);
      const words = 'its vm.max_map_count is reached';
      signalProcess(one.pid, 'SIGUSR2');
      // The kernel gives one more than it says; [vsyscall] is its own.
      const lines = (): readonly string[] => readFileSync(`/proc/${one.pid}/maps`, 'latin1').trim().split('\n');
      const ofItsOwn = (): number => lines().filter((line) => !line.endsWith('[vsyscall]')).length;
      await expect.poll(ofItsOwn).toBe(before + 1);
      expect((await one.inList())?.reason).toContain(words);
      const { code, err } = await one.show();
      expect(err).toContain(words);
      expect(code).toBe(1);
      const remedy = /^ {2}to do: sudo (.+)$/m.exec(err)?.[1] ?? '';
      expect(remedy).toContain('sysctl vm.max_map_count=');
      expect(spawnSync('sh', ['-c', remedy]).status).toBe(0);
      expect(limit()).toBeGreaterThan(before);
      const shown = await one.show();
      expect(shown.err).toBe('');
      expect(shown.code).toBe(0);
      expect(await one.inList()).toMatchObject({ attachable: true, reason: null });
      expect(one.lives).toBe(true);
    } finally {
      await vmm?.end();
      await kept.giveBack();
      rmSync(folder, { recursive: true, force: true });
    }
    expect(limit()).toBe(before);
  });
});
