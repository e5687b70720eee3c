import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openParts } from './part-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-parts-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7) & 0xff));

describe('a file that is read in parts', () => {
  test.each(['file', 'pipe'])('%s: any part of it in any order, and nothing behind its end', (kind) => {
    const [source, path] = [join(folder, 'source'), join(folder, 'path')];
    writeFileSync(source, BYTES);
    if (kind === 'file') writeFileSync(path, BYTES);
    else {
      execFileSync('mkfifo', [path]);
      spawn('sh', ['-c', `cat ${source} > ${path}`], { stdio: 'ignore' });
    }
    const file = openParts(path);
    try {
      expect(file.bytes).toBe(BYTES.length);
      for (const [at, bytes] of [
        [250_000, 100],
        [0, 16],
        [BYTES.length - 1, 1],
      ] as const) {
        expect(BYTES.subarray(at, at + bytes).equals(file.read(at, bytes) ?? new Uint8Array())).toBe(true);
      }
      expect(file.read(BYTES.length - 1, 2)).toBeNull();
      expect(file.whole(BYTES.length)?.equals(BYTES)).toBe(true);
      expect(file.whole(BYTES.length - 1)).toBeNull();
    } finally {
      file.close();
    }
  });

  test('what has no size, as files of /proc, is read whole; what is not there is told', () => {
    const file = openParts('/proc/self/status');
    expect(file.bytes).toBe(0);
    expect(file.whole(1 << 20)?.toString()).toContain('Name:');
    file.close();
    expect(() => openParts(join(folder, 'nothing'))).toThrow('ENOENT');
  });
});
