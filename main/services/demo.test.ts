import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createDemo } from './demo.ts';

const DEMO = fileURLToPath(new URL('../../dist/native/demo-vmm', import.meta.url));
const why = !existsSync('/dev/kvm') ? '/dev/kvm is absent' : existsSync(DEMO) ? null : 'demo-vmm is not built';
if (why !== null) console.log(`skipped: the demo guest runs, and ends with Tilescope: ${why}`);

describe('[C28] the demo guest', () => {
  test.skipIf(why !== null)('is started once, and ends when it is stopped', async () => {
    const demo = createDemo(DEMO);
    const first = await demo.start();
    if (!first.ok) throw new Error(first.refusal.what);
    expect(first.value.program).toMatch(/^(amx|avx512|integer)$/);
    expect(existsSync(`/proc/${first.value.pid}`)).toBe(true);
    expect(await demo.start()).toEqual(first);
    await demo.stop();
    expect(existsSync(`/proc/${first.value.pid}`)).toBe(false);
  });

  test('that cannot start is a refusal with its reason', async () => {
    const missing = await createDemo('/nonexistent/demo-vmm').start();
    expect(missing).toMatchObject({ ok: false, refusal: { code: 'demo-guest' } });
    expect(missing.ok ? '' : missing.refusal.what).toContain('ENOENT');
    const silent = await createDemo('/bin/false').start();
    expect(silent).toMatchObject({ ok: false, refusal: { what: 'the demo guest did not start: it ended with 1' } });
  });
});
