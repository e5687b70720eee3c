import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { listAll } from '../targets/listing.ts';
import { createHelper, type Helper } from './helper.ts';

/** What a helper for each vCPU costs beside one for all, before any is attached: that needs KVM, and bench-live has it. */

const HELPER = fileURLToPath(new URL('../../dist/native/tilescope-helper', import.meta.url));
const VCPUS = 64;

/** KiB, of /proc/PID/smaps_rollup. */
const memoryOf = (pid: number, row: 'Rss' | 'Pss'): number =>
  Number(new RegExp(`^${row}:\\s*(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await work();
  return performance.now() - from;
};

const scan = async (helper: Helper): Promise<void> => {
  expect((await listAll(helper)).ok).toBe(true);
};

test(`${VCPUS} helpers beside one`, async (context) => {
  if (!existsSync(HELPER)) {
    console.log(`# skipped: ${HELPER} is not built: npm run build`);
    context.skip();
  }
  const one = createHelper({ path: HELPER });
  const startedMs = await timed(() => one.hello());
  const scanMs = await timed(() => scan(one));
  const scans = await timed(async () => {
    for (let at = 0; at < VCPUS; at += 1) await scan(one);
  });
  const all = Array.from({ length: VCPUS }, () => createHelper({ path: HELPER }));
  const allStartedMs = await timed(() => Promise.all(all.map((helper) => helper.hello())));
  const allScanMs = await timed(() => Promise.all(all.map(scan)));
  const pids: number[] = [];
  for (const helper of all) {
    const hello = await helper.hello();
    if (hello.ok) pids.push(hello.value.pid);
  }
  const sum = (row: 'Rss' | 'Pss'): number => pids.reduce((total, pid) => total + memoryOf(pid, row), 0);
  const hello = await one.hello();
  const alone = hello.ok ? memoryOf(hello.value.pid, 'Rss') : 0;
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length;
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  console.log(
    [
      `# ${VCPUS} helpers: ${pids.length} processes, ${(sum('Rss') / 1024).toFixed(1)} MiB resident, ${(sum('Pss') / 1024).toFixed(1)} MiB with what they share counted once; one: ${alone} KiB`,
      `# started: ${ms(allStartedMs)} for all at once, ${ms(startedMs)} for one`,
      `# scans of /proc with ${processes} processes: ${ms(allScanMs)} for ${VCPUS} at once, ${ms(scans)} for ${VCPUS} by one helper, ${ms(scanMs)} for one`,
    ].join('\n'),
  );
  await Promise.all([one, ...all].map((helper) => helper.stop()));
  expect(pids).toHaveLength(VCPUS);
});
