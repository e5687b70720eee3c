import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Capture } from '../../../app/capture/capture.ts';
import { type FakeTarget, fakeTarget } from '../../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../../app/fixtures/samples.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { captureText } from '../../../app/session/document.ts';
import { encodeJournalEntry, type JournalEntry } from '../../../app/session/journal-entry.ts';
import { bootId, executableOf, startTimeOf } from '../../io/processes.ts';
import type { Host } from '../../services/host.ts';
import { fakeHost, type Ran, runOn } from '../../testing/command-line.ts';

const ID = 'abcd'.repeat(8);

/** A Tilescope that keeps an entry, and has ended after having been looked at so often. */
const keeper = vi.hoisted(() => ({ pid: 0x7ffffffe, startTimeTicks: 5n, looks: 0 }));
vi.mock('../../io/processes.ts', async (original) => {
  const real = await original<typeof import('../../io/processes.ts')>();
  const startTimeOf: typeof real.startTimeOf = (pid) => {
    if (pid !== keeper.pid) return real.startTimeOf(pid);
    keeper.looks -= 1;
    return keeper.looks >= 0 ? keeper.startTimeTicks : null;
  };
  return { ...real, startTimeOf };
});

/** A vCPU of a process that surely runs: this one. */
const captureHere = (): Capture => {
  const sample = sampleCapture();
  const here = { pid: process.pid, startTimeTicks: startTimeOf('self'), executable: executableOf(process.pid) };
  return { ...sample, facts: { ...sample.facts, target: { ...sample.facts.target, ...here } } };
};
const PID = String(process.pid);

let folder: string;
let target: FakeTarget;
let host: Host;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-cli-recovery-'));
  target = fakeTarget(captureHere());
  host = fakeHost(folder, {
    listTargets: async () => answer({ targets: [], skippedCount: 0 }),
    openLive: async (pid) =>
      pid === process.pid ? answer(target) : refuse('no-such-process', 'there is no such process'),
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Ran> => runOn(host, args);

const saved = (name: string, capture: Capture): string => {
  const path = join(folder, name);
  writeFileSync(path, captureText(capture));
  return path;
};

/** What a Tilescope leaves that died after its first write. */
const leave = (
  startTimeTicks = startTimeOf('self'),
  capture = captureHere(),
  owner: JournalEntry['owner'] = { pid: process.pid, startTimeTicks: 1n },
): void => {
  const { pid, vcpu } = capture.facts.target;
  const kept = { ...capture, facts: { ...capture.facts, target: { ...capture.facts.target, startTimeTicks } } };
  mkdirSync(host.journalFolder, { recursive: true });
  const entry = encodeJournalEntry({
    session: ID,
    product: 'x',
    owner,
    bootId: bootId(),
    general: [],
    memory: [],
    capture: kept,
  });
  const path = join(host.journalFolder, `${pid}-${startTimeTicks}-vcpu${vcpu}-${ID}.json`);
  writeFileSync(path, JSON.stringify(entry), { mode: 0o600 });
};

describe('[J5] tilescope journal', () => {
  test('lists what was left, and says where nothing was', async () => {
    expect(await run('journal')).toEqual({ code: 0, out: 'Nothing was left behind\n', err: '' });
    leave();
    const listed = await run('journal', 'list');
    expect(listed.out).toContain('abcdabcd');
    expect(listed.out).toContain('can be restored');
    expect(JSON.parse((await run('journal', '--json')).out)).toMatchObject([{ id: ID, state: 'there', vcpu: 0 }]);
  });

  test('restore puts it back by the first digits of its ID, and forgets it', async () => {
    leave();
    expect((await run('set', '--pid', PID, 'k3=0xbeef')).code).toBe(0);
    expect(target.state.image.bytes).not.toEqual(captureHere().image.bytes);
    const restored = await run('journal', 'restore', 'abcd', '--json');
    expect(restored).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(restored.out)).toMatchObject({ pauseNs: 5000 });
    expect(target.state.image.bytes).toEqual(captureHere().image.bytes);
    expect(readdirSync(host.journalFolder)).toEqual([]);
  });

  test('forget leaves the vCPU as it is', async () => {
    leave();
    expect((await run('journal', 'forget', ID)).code).toBe(0);
    expect(target.log).toEqual([]);
    expect(await run('journal', 'forget', ID)).toMatchObject({ code: 4, out: '' });
  });

  test('a process that has ended is said to be gone, and is not written', async () => {
    leave(7n);
    expect((await run('journal')).out).toMatch(/gone: process \d+ has ended/);
    expect(await run('journal', 'restore', ID)).toMatchObject({ code: 4, err: expect.stringContaining('has ended') });
    expect(target.log).toEqual([]);
  });

  test('an entry whose keeper ends between the list and the act is restored where that was asked, not forgotten', async () => {
    leave(startTimeOf('self'), captureHere(), keeper);
    keeper.looks = 2;
    expect((await run('journal', 'restore', ID)).err).toContain('is still running');
    expect((await run('set', '--pid', PID, 'k3=0xbeef')).code).toBe(0);
    keeper.looks = 1;
    expect(await run('journal', 'restore', ID)).toMatchObject({ code: 0 });
    expect(target.state.image.bytes).toEqual(captureHere().image.bytes);
    expect(readdirSync(host.journalFolder)).toEqual([]);
  });

  test('names bring no lines of their own, no orders to the terminal, and a time that is none is not known', async () => {
    const capture = captureHere();
    const name = 'x\u001b[2J\nforged\u009b';
    const facts = { ...capture.facts, takenAtMs: 2 ** 53 - 1, target: { ...capture.facts.target, name } };
    leave(startTimeOf('self'), { ...capture, facts });
    const { code, out } = await run('journal');
    expect(code).toBe(0);
    expect(out.split('\n')).toHaveLength(3);
    expect(out).toMatch(/x\?\[2J\?forged\? +not known/);
  });

  test.each([
    ['journal', 'restore'],
    ['journal', 'frob'],
    ['journal', 'restore', '../x'],
    ['journal', 'list', 'x'],
  ])('%s %s is wrong usage', async (...words) => {
    expect((await run(...words)).code).toBe(2);
  });
});

describe('[N1] tilescope diff', () => {
  test('two files, and a file against a vCPU', async () => {
    const before = saved('a.json', captureHere());
    expect((await run('set', '--pid', PID, 'k1=0x1234')).code).toBe(0);
    const after = saved('b.json', target.state);
    const report = {
      components: [{ bit: 5, name: 'opmask', before: 'inUse', after: 'inUse', changedBytes: 2, sizeBytes: 64 }],
      registers: [{ path: 'k1', before: '0x000000000000ffff', after: '0x0000000000001234' }],
      facts: [],
    };
    const files = await run('diff', before, after, '--json');
    expect(files).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(files.out)).toEqual(report);
    expect(JSON.parse((await run('diff', before, `pid:${PID}/0`, '--json')).out)).toEqual(report);
    expect((await run('diff', before, after)).out).toContain('opmask');
  });

  test('one word, three words, a bad pid, a file that is not there', async () => {
    expect((await run('diff', 'a')).code).toBe(2);
    expect((await run('diff', 'a', 'b', 'c')).code).toBe(2);
    expect((await run('diff', 'pid:x', 'b')).code).toBe(2);
    expect((await run('diff', join(folder, 'none'), 'pid:1')).code).toBe(3);
  });
});

describe('[N2] tilescope restore --only', () => {
  test('gives back the components named and leaves the others', async () => {
    const file = saved('a.json', captureHere());
    expect((await run('set', '--pid', PID, 'k1=0x1234', 'zmm5:u32[0]=7')).code).toBe(0);
    expect(await run('restore', '--pid', PID, '--only', 'opmask', file)).toMatchObject({ code: 0, err: '' });
    const left = await run('diff', file, `pid:${PID}`, '--json');
    expect(JSON.parse(left.out)).toMatchObject({ components: [{ name: 'SSE' }], registers: [{ path: 'zmm5' }] });
    expect((await run('restore', '--pid', PID, '--only', 'zmm5', file)).code).toBe(0);
    expect(target.state.image.bytes).toEqual(captureHere().image.bytes);
  });

  test('a name that is nothing is wrong usage', async () => {
    expect(await run('restore', '--pid', PID, '--only', 'avxx', 'f')).toMatchObject({ code: 2, out: '' });
  });
});
