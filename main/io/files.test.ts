import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { writeRedirect } from '../hosts/web/redirect-file.ts';
import { checkWritable, readBytes, writeBytes } from './captures.ts';
import { checkPlace, HALF, makeFolder, writeWhole, writeWholeNow } from './files.ts';
import { journalFolder, keptFiles, writeJournal } from './journal.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-files-'));
  path = join(folder, 'a.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('skipped: what belongs to other users: only root can make it');
const STRANGER = 54_321;

describe('[C52] a file is written whole or not at all', () => {
  test('for its owner alone, in the place of the old one, and nothing else is left', async () => {
    writeFileSync(path, 'old', { mode: 0o666 });
    chmodSync(path, 0o666);
    await writeWhole(path, bytes('new'));
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['a.json']);
  });

  test('a link of one’s own is gone after; links that lead nowhere are refused', async () => {
    const real = join(folder, 'real.json');
    writeFileSync(real, 'old');
    symlinkSync('real.json', path);
    await writeWhole(path, bytes('new'));
    expect(readFileSync(real, 'utf8')).toBe('new');
    const [one, other] = [join(folder, 'one'), join(folder, 'other')];
    symlinkSync(one, other);
    symlinkSync(other, one);
    await expect(writeWhole(one, bytes('x'))).rejects.toThrow('lead nowhere');
  });

  test.skipIf(!isRoot)('a link that somebody else has laid there is not followed', async () => {
    const precious = join(folder, 'precious');
    writeFileSync(precious, 'precious');
    symlinkSync(precious, path);
    lchownSync(path, STRANGER, STRANGER);
    await expect(writeWhole(path, bytes('new'))).rejects.toThrow('another user');
    expect(readFileSync(precious, 'utf8')).toBe('precious');
  });

  test.each([
    ['a pipe', () => spawnSync('mkfifo', [path])],
    ['a folder', () => mkdirSync(path)],
  ])('%s in its place is refused at once, before anything is done for it', async (what, make) => {
    make();
    await expect(writeWhole(path, bytes('x'))).rejects.toThrow(`it is ${what}, not a file`);
    expect(await checkWritable(path)).toMatchObject({ ok: false, refusal: { code: 'file', where: path } });
    expect(await writeBytes(path, bytes('x'))).toMatchObject({ ok: false });
    expect(readdirSync(folder)).toEqual(['a.json']);
  });

  test.each(['/dev/null', '/dev/full', '/dev/zero'])('%s is no file', async (device) => {
    await expect(writeWhole(device, bytes('x'))).rejects.toThrow('it is a device');
    await expect(checkPlace(device)).rejects.toThrow('it is a device');
  });

  test('a folder that is not there, or is none, is said beforehand', async () => {
    await expect(checkPlace(join(folder, 'no', 'a.json'))).rejects.toThrow('ENOENT');
    writeFileSync(path, 'x');
    await expect(checkPlace(join(path, 'a.json'))).rejects.toThrow(/ENOTDIR|no folder/);
  });

  test('a full disk leaves the old one whole, and no half of the new', async (context) => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk]);
    if (mounted.status !== 0) {
      console.log('skipped: a full disk leaves the old file whole: no file system can be mounted here');
      return context.skip();
    }
    try {
      const full = join(disk, 'a.json');
      await writeWhole(full, bytes('old'));
      await expect(writeWhole(full, new Uint8Array(1 << 20))).rejects.toThrow('ENOSPC');
      expect(readFileSync(full, 'utf8')).toBe('old');
      expect(readdirSync(disk)).toEqual(['a.json']);
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});

test('[C52] at once, for what is everybody’s to read', () => {
  symlinkSync('/nowhere/at/all', path);
  lchownSync(path, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  expect(() => writeWholeNow(path, 'x', 0o644)).toThrow('ENOENT');
  rmSync(path);
  writeWholeNow(path, 'old', 0o644);
  writeWholeNow(path, 'new', 0o644);
  expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777, readdirSync(folder)]).toEqual([
    'new',
    0o644,
    ['a.json'],
  ]);
  rmSync(path);
  spawnSync('mkfifo', [path]);
  expect(() => writeWholeNow(path, 'x')).toThrow('it is a pipe');
});

test('[C52] nothing else in main/ writes a file', () => {
  const main = join(import.meta.dirname, '..');
  const sources = readdirSync(main, { recursive: true, encoding: 'utf8' }).filter(
    (name) =>
      /\.ts$/.test(name) && !/\.(test|config)\.ts$|^(testing|fuzz|attack)\//.test(name) && name !== 'io/files.ts',
  );
  const writing =
    /\b(writeFile|writeFileSync|appendFile|appendFileSync|createWriteStream|copyFile|copyFileSync|cpSync)\b/;
  expect(sources.length).toBeGreaterThan(50);
  expect(sources.filter((name) => writing.test(readFileSync(join(main, name), 'utf8')))).toEqual([]);
});

test('[C31] a pipe that nobody writes to is not waited for', async () => {
  spawnSync('mkfifo', [path]);
  expect(await readBytes(path)).toMatchObject({ ok: false, refusal: { what: 'this is not a file' } });
});

describe('[C8] the journal’s folder', () => {
  test.skipIf(!isRoot)('root makes none in another user’s home, which would lock that user out', async () => {
    const home = join(folder, 'home');
    mkdirSync(home);
    chownSync(home, STRANGER, STRANGER);
    await expect(makeFolder(join(home, '.local', 'state', 'tilescope'))).rejects.toThrow('lock that user out');
    expect(readdirSync(home)).toEqual([]);
    expect(journalFolder({ HOME: home })).toBe(join(homedir(), '.local/state/tilescope/journal'));
    const named = journalFolder({ HOME: home, XDG_STATE_HOME: join(home, 'state') });
    expect(await writeJournal(named, 'ab'.repeat(16), sampleCapture())).toMatchObject({
      ok: false,
      refusal: { code: 'journal', where: expect.stringContaining('lock that user out') },
    });
    expect(readdirSync(home)).toEqual([]);
  });

  test('the half of an entry that a death has left is removed once it is old', async () => {
    const half = join(folder, `.tilescope-${'0'.repeat(18)}.new`);
    expect(HALF.test(half.slice(folder.length + 1))).toBe(true);
    writeFileSync(half, 'half');
    await keptFiles(folder);
    expect(readdirSync(folder)).toHaveLength(1);
    spawnSync('touch', ['-d', '2 hours ago', half]);
    await keptFiles(folder);
    expect(readdirSync(folder)).toHaveLength(0);
  });
});

test('[C10] what a browser is started with names a file for its owner alone, and no secret', async () => {
  const secret = 's'.repeat(43);
  const redirect = await writeRedirect(`http://127.0.0.1:1234/#${secret}`);
  expect(redirect.url).not.toContain(secret);
  const file = new URL(redirect.url).pathname;
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
  expect(readFileSync(file, 'utf8')).toContain(`url=http://127.0.0.1:1234/#${secret}`);
  await redirect.remove();
  expect(() => statSync(file)).toThrow('ENOENT');
});
