import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isStopped } from '../../app/debug/run-state.ts';
import type { Session } from '../../app/debug/session.ts';
import { type FakeTarget, fakeTarget } from '../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { refusal } from '../../app/refusals/refusal.ts';
import { journalFolder, writeJournal } from '../io/journal.ts';
import { createKeptSession } from './kept-session.ts';

const ID = 'ab'.repeat(16);
const K1 = [{ path: 'k1', value: '0x9' }];
const GONE = refusal('target-gone', 'the target has ended');

const atHome = vi.hoisted(() => ({ isKnown: true }));
vi.mock('node:os', async (original) => {
  const real = await original<typeof import('node:os')>();
  const home = (): string => {
    if (atHome.isKnown) return real.homedir();
    throw new Error('A system error occurred: uv_os_homedir returned ENOENT (no such file or directory)');
  };
  return { ...real, homedir: home };
});

let folder: string;
let journal: string;
let said: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-trouble-'));
  journal = join(folder, 'journal');
  said = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const attach = (): { target: FakeTarget; session: Session } => {
  const target = fakeTarget(sampleCapture());
  return { target, session: createKeptSession(ID, target, sampleCapture(), journal) };
};

/** A folder in the place of the entry is what nobody can remove as a file, root included. */
const makeImmovable = (): string => {
  const path = join(journal, readdirSync(journal)[0] ?? '');
  rmSync(path);
  mkdirSync(path);
  return path;
};

describe('[C8] an entry that cannot be removed', () => {
  test.each([
    ['a detach', (session: Session) => session.detach(false)],
    ['a restore of everything', (session: Session) => session.restore({ kind: 'all' })],
    ['a restore at detach', (session: Session) => session.detach(true)],
  ])('is told, and does not undo %s', async (_what, act) => {
    const { target, session } = attach();
    await session.assign(K1);
    const path = makeImmovable();
    expect(await act(session)).toMatchObject({ ok: true });
    expect(said).toContain(path);
    expect(isStopped(target)).toBe(false);
  });

  test('is told where the target has ended, and ends nothing else', async () => {
    const { target, session } = attach();
    await session.assign(K1);
    const path = makeImmovable();
    const faults: unknown[] = [];
    const note = (fault: unknown): number => faults.push(fault);
    process.on('unhandledRejection', note);
    target.end(GONE);
    await expect.poll(() => said).toContain(path);
    process.off('unhandledRejection', note);
    expect(faults).toEqual([]);
  });
});

describe('[C8] the entry and its folder', () => {
  test('a target that ends while its entry is on the way to the disk leaves none', async () => {
    const { target, session } = attach();
    target.freeze = async () => ({ ok: false, refusal: GONE });
    const writing = session.assign(K1);
    // The preview is there, and the entry is being written.
    await new Promise((resolve) => setImmediate(resolve));
    expect(target.log).toEqual(['capture']);
    target.end(GONE);
    expect(await writing).toMatchObject({ refusal: { code: 'target-gone' } });
    await session.capture();
    expect(readdirSync(journal)).toEqual([]);
  });

  test('a link that lies where the half of it goes is not followed', async () => {
    const capture = sampleCapture();
    const { pid, startTimeTicks, vcpu } = capture.facts.target;
    const mine = join(folder, 'mine');
    writeFileSync(mine, 'precious');
    mkdirSync(journal);
    symlinkSync(mine, join(journal, `${pid}-${startTimeTicks}-vcpu${vcpu}-${ID}.json.new`));
    expect(await writeJournal(journal, ID, capture)).toMatchObject({ ok: true });
    expect(readFileSync(mine, 'utf8')).toBe('precious');
    expect(readdirSync(journal).filter((name) => name.endsWith('.json'))).toHaveLength(1);
  });

  test('a user whom no list of users names has a folder all the same', () => {
    atHome.isKnown = false;
    expect(journalFolder({})).toBe('/.local/state/tilescope/journal');
    expect(journalFolder({ HOME: '/home/me' })).toBe('/home/me/.local/state/tilescope/journal');
    atHome.isKnown = true;
    expect(journalFolder({})).toBe(join(homedir(), '.local/state/tilescope/journal'));
  });
});
