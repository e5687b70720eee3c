import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { hasOwnSpace, inOwnSpace } from './own-space.mjs';

const absent = hasOwnSpace() ? null : 'this user may not have a namespace of processes';
if (absent !== null) console.log(`skipped: runs of stories apart from each other: ${absent}`);

const run = (script: string): { readonly code: number | null; readonly out: string } => {
  const { program, args } = inOwnSpace('sh', ['-c', script], 0);
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' });
  return { code: status, out: stdout };
};

describe.skipIf(absent !== null)('a runner in a namespace of its own', () => {
  test('[C26] sees no process of others, and ends as its program does', () => {
    const { code, out } = run('ls -d /proc/[0-9]*; exit 3');
    expect(out).toContain('/proc/1\n');
    // Of a machine there are always more: the shell that waits, Node, the program and its ls.
    expect(out.trimEnd().split('\n').length).toBeLessThanOrEqual(4);
    expect(out).not.toContain(`/proc/${process.pid}\n`);
    expect(code).toBe(3);
  });

  test('has failed where it left a process, which is named and ended', () => {
    const { code, out } = run('sleep 86399 >&- 2>&- & until grep -q sleep /proc/$!/comm; do :; done; exit 0');
    expect(out).toMatch(/^left running, and ended: process \d+: sleep 86399\n$/);
    expect(code).toBe(1);
  });

  test('waits for those whose parents ended: nobody stands there as over', () => {
    const { code, out } = run('p=$( (true & echo $!) ); while [ -e /proc/$p ]; do :; done; echo "$p is gone"');
    expect(out).toMatch(/^\d+ is gone\n$/);
    expect(code).toBe(0);
  });
});
