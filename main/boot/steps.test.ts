import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';

const STEPS = new URL('steps.mjs', import.meta.url).href;

const runs = (pid: number): boolean => {
  try {
    // A process that nobody has waited for is over all the same.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

/** A run of one step, which starts what sleeps for ever in a session of its own, says so, and then ends as `end` does. */
const script = (end: string): string => `
  const { spawn } = await import('node:child_process');
  const { runSteps } = await import(${JSON.stringify(STEPS)});
  const run = () => new Promise((resolve, reject) => {
    const child = spawn('sleep', ['infinity'], { detached: true, stdio: 'ignore' });
    child.once('spawn', () => {
      process.stdout.write('started ' + child.pid + ' in ' + process.env.TMPDIR + '\\n');
      ${end}
    });
  });
  process.exitCode = await runSteps([{ name: 'a step', run }], 0);`;

const HANGS = 'setInterval(() => undefined, 1000);';

interface Run {
  readonly runner: ChildProcess;
  /** What the step started, and where its temporary files lie. */
  readonly started: Promise<{ readonly pid: number; readonly folder: string }>;
  readonly over: Promise<{ readonly code: number | null; readonly said: string }>;
}

const begun: number[] = [];

/** In a process group of its own, as a shell starts it. */
const start = (end: string): Run => {
  const args = ['--input-type=module', '-e', script(end)];
  const runner = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  const over = new Promise<{ code: number | null; said: string }>((resolve) => {
    runner.once('close', (code) => resolve({ code, said }));
  });
  const started = new Promise<{ pid: number; folder: string }>((resolve, reject) => {
    runner.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [, pid, folder] = /^started (\d+) in (\S+)\n/m.exec(said) ?? [];
      if (pid === undefined || folder === undefined) return;
      begun.push(Number(pid));
      resolve({ pid: Number(pid), folder });
    });
    void over.then(() => reject(new Error(`it ended before its step had begun: ${said}`)));
  });
  return { runner, started, over };
};

afterEach(() => {
  // Where a test has failed: it stands for itself, and nothing of it is left either.
  for (const pid of begun.splice(0)) if (runs(pid)) process.kill(pid, 'SIGKILL');
});

describe('[C26] however a run ends, nothing of it is left', () => {
  test.each([
    ['that passes', 'resolve({ passed: 3, failed: 0, skipped: 1 });', '3 passed, 1 failed, 1 skipped'],
    ['that fails', 'resolve({ passed: 3, failed: 2, skipped: 0 });', '3 passed, 3 failed'],
    ['that throws', "reject(new Error('its own fault'));", '0 passed, 2 failed'],
  ])('after a step %s: what it left running fails the run, is named and ended', async (_what, end, counts) => {
    const run = start(end);
    const { pid, folder } = await run.started;
    const { code, said } = await run.over;
    expect(code).toBe(1);
    expect(said).toContain(`left running, and ended: process ${pid}: sleep infinity\n`);
    expect(said.trimEnd().split('\n').at(-1)).toBe(counts);
    expect([runs(pid), existsSync(folder)]).toEqual([false, false]);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s, which is said', async (signal) => {
    const run = start(HANGS);
    const { pid, folder } = await run.started;
    run.runner.kill(signal);
    const { code, said } = await run.over;
    expect(code).toBe(1);
    expect(said).toContain(`left running, and ended: process ${pid}: sleep infinity\n`);
    expect(said).toContain(`ended by ${signal}\n0 passed, 1 failed\n`);
    expect([runs(pid), existsSync(folder)]).toEqual([false, false]);
  });

  test('by a second signal while the first is still at work', async () => {
    const run = start(HANGS);
    const { pid, folder } = await run.started;
    run.runner.kill('SIGINT');
    run.runner.kill('SIGINT');
    await run.over;
    await expect.poll(() => [runs(pid), existsSync(folder)], { timeout: 500_000 }).toEqual([false, false]);
  });

  test.each([
    ['itself', 1],
    ['with its whole process group, as a time-out of the shell does', -1],
  ])('by SIGKILL of the runner %s', async (_what, sign) => {
    const run = start(HANGS);
    const { pid, folder } = await run.started;
    process.kill(sign * Number(run.runner.pid), 'SIGKILL');
    await run.over;
    await expect.poll(() => [runs(pid), existsSync(folder)], { timeout: 500_000 }).toEqual([false, false]);
  });
});
