import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { leftWords, sweep } from './left.mjs';

const LEFT = new URL('left.mjs', import.meta.url).href;

const runs = (pid: number): boolean => {
  try {
    // A process that nobody has waited for is over all the same.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

/** Sleeps for ever, in a session of its own, with the mark of a run. */
const sleeper = (folder: string): number => {
  const env = { ...process.env, TILESCOPE_TEST_RUN: folder };
  const child = spawn('sleep', ['infinity'], { detached: true, stdio: 'ignore', env });
  child.unref();
  return child.pid ?? 0;
};

describe('[C26] what a run leaves', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tilescope-left-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('a process is ended by its number and named, one of another run is let be', async () => {
    const [ours, other] = [sleeper(folder), sleeper(`${folder}-other`)];
    writeFileSync(join(folder, 'ram'), '');
    // Its mark stands in /proc once it has executed its program.
    await expect.poll(() => readFileSync(`/proc/${ours}/comm`, 'utf8')).toBe('sleep\n');
    const left = await sweep(folder, 0);
    expect(left.processes).toEqual([{ pid: ours, name: 'sleep infinity' }]);
    expect([runs(ours), runs(other)]).toEqual([false, true]);
    expect(existsSync(folder)).toBe(false);
    expect(leftWords(left)).toEqual([
      `left running, and ended: process ${ours}: sleep infinity`,
      'left on disk, and removed: ram',
    ]);
    process.kill(other, 'SIGKILL');
  });

  test('what goes by itself was not left, and nothing is said of nothing', async () => {
    const env = { ...process.env, TILESCOPE_TEST_RUN: folder };
    spawn('sleep', ['0.2'], { stdio: 'ignore', env });
    const left = await sweep(folder);
    expect(leftWords(left)).toEqual([]);
  });

  test('a run that is killed is swept by its keeper', async () => {
    const script = `
      const { beginRun } = await import(${JSON.stringify(LEFT)});
      const { spawn } = await import('node:child_process');
      const run = beginRun();
      const child = spawn('sleep', ['infinity'], { detached: true, stdio: 'ignore' });
      child.once('spawn', () => {
        process.stdout.write(child.pid + ' ' + run.folder, () => process.kill(process.pid, 'SIGKILL'));
      });
      setInterval(() => undefined, 1000);`;
    const killed = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(killed.signal).toBe('SIGKILL');
    const [pid = '', made = ''] = killed.stdout.split(' ');
    expect(Number(pid)).toBeGreaterThan(0);
    await expect.poll(() => [runs(Number(pid)), existsSync(made)], { timeout: 500_000 }).toEqual([false, false]);
  });
});
