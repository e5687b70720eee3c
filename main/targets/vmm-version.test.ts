import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { qemuVersionIn, vmmVersion } from './vmm-version.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-version-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = (bytes: number, at: number, words: string): string => {
  const path = join(folder, `${at}-${words.length}`);
  const image = Buffer.alloc(bytes, 0xc3);
  image.write(words, at, 'latin1');
  writeFileSync(path, image);
  return path;
};

const WORDS = 'QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\n\0';
const PART = 4 * 1024 * 1024;

test.each([0, 77, PART - 64, PART - 40, PART - 1, PART, PART + 1, 2 * PART - 20])(
  '[Q4] the version of QEMU is found in its program wherever it stands: at %d',
  async (at) => {
    expect(await qemuVersionIn(program(3 * PART, at, WORDS))).toBe('7.2.22');
  },
);

test('[Q4] of two digits, a wrong one, none, no file', async () => {
  expect(await qemuVersionIn(program(4096, 9, 'QEMU emulator version 11.0\n'))).toBe('11.0');
  expect(await qemuVersionIn(program(4096, 9, 'QEMU emulator version %s\n'))).toBeNull();
  expect(await qemuVersionIn(program(4096, 9, 'nothing'))).toBeNull();
  expect(await qemuVersionIn(join(folder, 'absent'))).toBeNull();
  // Another VMM is not looked into, and a process of this name is none of QEMU's.
  expect(await vmmVersion('Firecracker', process.pid)).toBeNull();
  expect(await vmmVersion('QEMU', 0)).toBeNull();
});
