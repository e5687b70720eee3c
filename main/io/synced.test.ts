import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HALF, writeWhole, writeWholeNow } from './files.ts';

/** What is asked of the file system, in the order in which it is done. */
const done = vi.hoisted(() => [] as string[]);

vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>();
  const open: typeof fs.open = async (path, ...how) => {
    const handle = await fs.open(path, ...how);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      await sync();
      done.push(`synced ${path}`);
    };
    return handle;
  };
  const rename: typeof fs.rename = async (from, to) => {
    await fs.rename(from, to);
    done.push(`renamed ${from}`);
  };
  return { ...fs, open, rename };
});

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const paths = new Map<number, unknown>();
  const openSync: typeof fs.openSync = (path, ...how) => {
    const handle = fs.openSync(path, ...how);
    paths.set(handle, path);
    return handle;
  };
  const fsyncSync: typeof fs.fsyncSync = (handle) => {
    fs.fsyncSync(handle);
    done.push(`synced ${paths.get(handle)}`);
  };
  const renameSync: typeof fs.renameSync = (from, to) => {
    fs.renameSync(from, to);
    done.push(`renamed ${from}`);
  };
  return { ...fs, openSync, fsyncSync, renameSync };
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-synced-'));
  done.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The half's own name is nobody's to know. */
const acts = (): readonly string[] =>
  done.map((act) => {
    const [what, path = ''] = act.split(' ');
    return `${what} ${HALF.test(basename(path)) ? 'the half' : path === folder ? 'the folder' : path}`;
  });

test('[C52] a file is on the disk before it takes its place, and that it has is on the disk as well', async () => {
  const path = join(folder, 'a.json');
  await writeWhole(path, new TextEncoder().encode('new'));
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(acts()).toEqual(['synced the half', 'renamed the half', 'synced the folder']);
});

test('[C52] so is one that is written while the program ends', () => {
  const path = join(folder, 'a.json');
  writeWholeNow(path, 'new');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(acts()).toEqual(['synced the half', 'renamed the half']);
});
