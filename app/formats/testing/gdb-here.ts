import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Why the gdb of this name cannot write vector registers of a process on this machine, or null where it can: asked by
 * writing one. Linux takes NT_X86_XSTATE back at its full size alone (EFAULT; xstateregs_set in
 * arch/x86/kernel/fpu/regset.c), and gdb up to 13 writes as many bytes as it knows of: fewer than are there on a CPU with
 * AMX, so that it refuses every x87, SSE and AVX register.
 */
export const whyGdbWritesNoVectors = (gdb: string): string | null => {
  const folder = mkdtempSync(join(tmpdir(), 'tilescope-gdb-here-'));
  try {
    const program = join(folder, 'program');
    writeFileSync(`${program}.c`, 'void _start(void) { for (;;) ; }\n');
    const built = spawnSync('cc', ['-nostdlib', '-static', '-o', program, `${program}.c`], { encoding: 'utf8' });
    if (built.status !== 0) return 'cc makes no program';
    const commands = [
      ...['set disable-randomization off', 'starti', 'set $xmm1.v4_int32[0] = 1'],
      ...['echo <', 'output $xmm1.v4_int32[0]', 'echo >', 'kill'],
    ];
    const args = ['-q', '-nx', '-batch', ...commands.flatMap((command) => ['-ex', command]), program];
    const { stdout, stderr } = spawnSync(gdb, args, { encoding: 'utf8' });
    return stdout.includes('<1>')
      ? null
      : `${gdb} writes no vector register of a process here: ${stderr.trim().split('\n').at(-1)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
