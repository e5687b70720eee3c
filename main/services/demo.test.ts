import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { kvmAbsent } from '../boot/kvm.mjs';
import { createDemo } from './demo.ts';

const DEMO = fileURLToPath(new URL('../../dist/native/demo-vmm', import.meta.url));
const why = kvmAbsent() ?? (existsSync(DEMO) ? null : 'demo-vmm is not built');
if (why !== null) console.log(`skipped: the demo guest runs, and ends with Tilescope: ${why}`);

describe('[C28] the demo guest', () => {
  test.skipIf(why !== null)('is started once, and ends when it is stopped', async () => {
    const demo = createDemo(DEMO);
    const first = await demo.start();
    if (!first.ok) throw new Error(first.refusal.what);
    expect(first.value.program).toMatch(/^(amx|avx512|avx|general)$/);
    expect(existsSync(`/proc/${first.value.pid}`)).toBe(true);
    expect(await demo.start()).toEqual(first);
    await demo.stop();
    expect(existsSync(`/proc/${first.value.pid}`)).toBe(false);
  });

  /** A script in its place, which notes each start in a file. */
  const script = (lines: string): { path: string; starts: () => number; end: () => void } => {
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-demo-'));
    const path = join(folder, 'demo');
    writeFileSync(path, `#!/bin/sh\necho $$ >> ${folder}/starts\n${lines}\n`, { mode: 0o700 });
    const pids = (): string[] =>
      existsSync(join(folder, 'starts')) ? readFileSync(join(folder, 'starts'), 'utf8').trim().split('\n') : [];
    return {
      path,
      starts: () => pids().length,
      end: () => {
        expect(pids().filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
        rmSync(folder, { recursive: true });
      },
    };
  };
  const READY = 'echo "ready pid=$$ program=amx (a script)"; read nothing';

  test('thirty starts at once are one, and its end is the end of it', async () => {
    const { path, starts, end } = script(READY);
    const demo = createDemo(path);
    const all = await Promise.all(Array.from({ length: 30 }, () => demo.start()));
    expect(new Set(all.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(all[0]).toMatchObject({ ok: true });
    expect(starts()).toBe(1);
    await demo.stop();
    end();
  });

  test('one that is still starting ends too, and none is started after that', async () => {
    const { path, starts, end } = script('read nothing');
    const demo = createDemo(path);
    const starting = demo.start();
    await expect.poll(starts).toBe(1);
    await demo.stop();
    expect(await starting).toMatchObject({ ok: false });
    expect(await demo.start()).toMatchObject({ ok: false });
    expect(starts()).toBe(1);
    end();
  });

  test('one that says nothing, and one that does not listen, are ended', async () => {
    const { path, end } = script("trap '' HUP INT TERM; while :; do sleep 0.05; done");
    const demo = createDemo(path, { readyMs: 200, endMs: 100 });
    expect(await demo.start()).toMatchObject({
      ok: false,
      refusal: { what: expect.stringContaining('nothing in time') },
    });
    end();
    await demo.stop();
  });

  test('that cannot start is a refusal with its reason', async () => {
    const missing = await createDemo('/nonexistent/demo-vmm').start();
    expect(missing).toMatchObject({ ok: false, refusal: { code: 'demo-guest' } });
    expect(missing.ok ? '' : missing.refusal.what).toContain('ENOENT');
    const silent = await createDemo('/bin/false').start();
    expect(silent).toMatchObject({ ok: false, refusal: { what: 'the demo guest did not start: it ended with 1' } });
  });
});
