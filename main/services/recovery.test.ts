import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Capture, GeneralRegisters, TargetIdentity } from '../../app/capture/capture.ts';
import { type FakeTarget, fakeTarget } from '../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import { encodeJournalEntry, type JournalEntry } from '../../app/session/journal-entry.ts';
import { bootId, executableOf, startTimeOf } from '../io/processes.ts';
import { createKeptSession } from './kept-session.ts';
import { createRecovery, type Recovery } from './recovery.ts';

const ID = 'ab'.repeat(16);
const ZMM5 = [{ path: 'zmm5:u32[0]', value: '7' }];

/** A vCPU of a process that surely runs: this one. */
const captureHere = (target: Partial<TargetIdentity> = {}): Capture => {
  const sample = sampleCapture();
  const here = {
    pid: process.pid,
    startTimeTicks: startTimeOf('self'),
    executable: executableOf(process.pid),
  };
  return { ...sample, facts: { ...sample.facts, target: { ...sample.facts.target, ...here, ...target } } };
};

let folder: string;
let journal: string;
let target: FakeTarget;
let attached: unknown[];
let openSessions: Set<string>;
let recovery: Recovery;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-recovery-'));
  journal = join(folder, 'journal');
  target = fakeTarget(captureHere());
  attached = [];
  openSessions = new Set();
  recovery = createRecovery({
    journalFolder: journal,
    openLive: async (...given) => {
      attached.push(given);
      return given[0] === process.pid ? answer(target) : refuse('no-such-process', 'there is no such process');
    },
    isOpen: (session) => openSessions.has(session),
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const files = (): string[] => readdirSync(journal);

/** As a Tilescope leaves it that was killed between a write and its detach. */
const died = async (): Promise<void> => {
  const first = await target.capture();
  if (!first.ok) throw new Error(first.refusal.what);
  const session = createKeptSession(ID, target, first.value, journal);
  expect(await session.assign(ZMM5)).toMatchObject({ ok: true });
  expect(target.state.image.bytes).not.toEqual(sampleCapture().image.bytes);
  expect(files()).toHaveLength(1);
};

/** An entry as somebody may have put it there. */
const plant = (change: Partial<JournalEntry>, target: Partial<TargetIdentity> = {}, id = ID): string => {
  const capture = captureHere(target);
  const { pid, startTimeTicks, vcpu } = capture.facts.target;
  const owner = { pid: process.pid, startTimeTicks: startTimeOf('self') ?? 0n };
  const entry = {
    session: id,
    product: 'Tilescope',
    owner,
    bootId: bootId(),
    general: [],
    memory: [],
    capture,
    ...change,
  };
  mkdirSync(journal, { recursive: true });
  const path = join(journal, `${pid}-${startTimeTicks}-vcpu${vcpu}-${id}.json`);
  writeFileSync(path, JSON.stringify(encodeJournalEntry(entry)), { mode: 0o600 });
  return path;
};

const left = async () => {
  const found = await recovery.orphans();
  if (!found.ok) throw new Error(found.refusal.what);
  return found.value;
};

describe('[J1] what a dead run left is offered', () => {
  test('and recovered, bit for bit, then forgotten', async () => {
    await died();
    expect(await left()).toMatchObject([{ id: ID, pid: process.pid, vcpu: 0, state: 'there', why: null }]);
    expect(await recovery.recover(ID)).toMatchObject({ ok: true, value: { writtenBytes: expect.any(Number) } });
    expect(target.state.image.bytes).toEqual(sampleCapture().image.bytes);
    expect(files()).toEqual([]);
    expect(target.log.at(-1)).toBe('detach');
    expect(attached).toEqual([[process.pid, startTimeOf('self'), 0]]);
    expect(await recovery.recover(ID)).toMatchObject({ refusal: { code: 'no-such-entry' } });
  });

  test('compared: both states, and nothing is written or forgotten', async () => {
    await died();
    const both = await recovery.compare(ID);
    if (!both.ok) throw new Error(both.refusal.what);
    expect(both.value.kept.image.bytes).toEqual(sampleCapture().image.bytes);
    expect(both.value.now.image.bytes).toEqual(target.state.image.bytes);
    expect(both.value.general).toEqual([]);
    expect(files()).toHaveLength(1);
  });

  test('forgotten: the vCPU keeps its edits', async () => {
    await died();
    const edited = target.state.image.bytes;
    expect(await recovery.forget(ID)).toEqual({ ok: true, value: null });
    expect(files()).toEqual([]);
    expect(target.state.image.bytes).toEqual(edited);
    expect(attached).toEqual([]);
  });

  test('a recovery that is refused keeps the entry, and lets the target go', async () => {
    await died();
    target.refuses.add('image');
    expect((await recovery.recover(ID)).ok).toBe(false);
    expect(files()).toHaveLength(1);
    expect(target.log.at(-1)).toBe('detach');
    expect((await recovery.recover(ID)).ok).toBe(true);
  });

  test('a program whose file was replaced since, as by an upgrade, is the same program', async () => {
    await died();
    target.state = captureHere({ executable: `${executableOf(process.pid)} (deleted)` });
    expect(await left()).toMatchObject([{ state: 'there' }]);
    expect(await recovery.recover(ID)).toMatchObject({ ok: true });
    // And the other way round: it was replaced before the attach.
    plant(
      { owner: { pid: process.pid, startTimeTicks: 1n } },
      { executable: `${executableOf(process.pid)} (deleted)` },
    );
    target.state = captureHere();
    expect(await recovery.recover(ID)).toMatchObject({ ok: true });
  });

  test('an entry that cannot be removed is told, and the target let go', async () => {
    await died();
    const path = join(journal, files()[0] ?? '');
    const { writeImage } = target;
    target.writeImage = (image) => {
      rmSync(path);
      mkdirSync(path);
      return writeImage(image);
    };
    const outcome = await recovery.recover(ID);
    expect(outcome).toMatchObject({
      refusal: { code: 'file', where: path, what: expect.stringMatching(/^it was recovered; but/) },
    });
    expect(target.state.image.bytes).toEqual(sampleCapture().image.bytes);
    expect(target.log.at(-1)).toBe('detach');
  });

  test.each([0, 2 ** 53 - 1])('a time that no calendar has, %d, is not known', async (takenAtMs) => {
    const capture = captureHere();
    plant({ capture: { ...capture, facts: { ...capture.facts, takenAtMs } } });
    expect(await left()).toMatchObject([{ id: ID, keptSinceMs: null }]);
  });

  test('an entry is not forgotten while it is being recovered: the write may yet fail', async () => {
    await died();
    const { writeImage } = target;
    let forgotten: unknown;
    target.refuses.add('image');
    target.writeImage = async (image) => {
      forgotten ??= await recovery.forget(ID);
      return writeImage(image);
    };
    expect((await recovery.recover(ID)).ok).toBe(false);
    expect(forgotten).toMatchObject({ refusal: { code: 'journal-in-use' } });
    expect(files()).toHaveLength(1);
    expect(await recovery.recover(ID)).toMatchObject({ ok: true });
  });

  test('of two entries of one vCPU the oldest comes first', async () => {
    const at = (takenAtMs: number): Capture => {
      const capture = captureHere();
      return { ...capture, facts: { ...capture.facts, takenAtMs } };
    };
    plant({ capture: at(2000) }, {}, 'ab'.repeat(16));
    plant({ capture: at(1000) }, {}, 'cd'.repeat(16));
    expect((await left()).map((one) => one.keptSinceMs)).toEqual([1000, 2000]);
  });

  test('no folder: nothing was left', async () => {
    expect(await left()).toEqual([]);
  });
});

describe('[J2] an entry goes to its own process alone', () => {
  const gone: readonly [string, Partial<TargetIdentity>, Partial<JournalEntry>, RegExp][] = [
    ['a pid that is free', { pid: 4_194_303 }, {}, /has ended$/],
    ['a pid that was handed on', { startTimeTicks: 1n }, {}, /its number names another now/],
    ['another program in it', { executable: '/usr/bin/another' }, {}, /runs another program now/],
    ['another boot', {}, { bootId: '00000000-0000-0000-0000-000000000000' }, /started anew/],
  ];
  test.each(gone)('%s', async (_what, identity, change, why) => {
    plant(change, identity);
    expect(await left()).toMatchObject([{ state: 'gone', why: expect.stringMatching(why) }]);
    for (const verb of ['recover', 'compare'] as const) {
      expect(await recovery[verb](ID)).toMatchObject({ ok: false, refusal: { code: 'target-gone' } });
    }
    expect(attached).toEqual([]);
    expect(await recovery.forget(ID)).toMatchObject({ ok: true });
  });

  test('what answers after the attach is looked at again', async () => {
    plant({});
    target.state = captureHere({ vcpu: 3 });
    expect(await recovery.recover(ID)).toMatchObject({ refusal: { code: 'not-the-same-process' } });
    target.state = captureHere({ startTimeTicks: 5n });
    expect(await recovery.recover(ID)).toMatchObject({ refusal: { code: 'not-the-same-process' } });
    expect(target.log.filter((step) => step === 'image')).toEqual([]);
    expect(files()).toHaveLength(1);
  });
});

describe('[J3] an entry in use is not offered', () => {
  test('of a session of this process', async () => {
    plant({});
    openSessions.add(ID);
    expect(await left()).toEqual([]);
    for (const verb of ['recover', 'compare', 'forget'] as const) {
      expect(await recovery[verb](ID)).toMatchObject({ refusal: { code: 'journal-in-use' } });
    }
    expect(files()).toHaveLength(1);
  });

  test('of another Tilescope, for as long as it runs', async () => {
    const ticks = startTimeOf(process.ppid) ?? 0n;
    plant({ owner: { pid: process.ppid, startTimeTicks: ticks } });
    expect(await left()).toEqual([]);
    expect(await recovery.forget(ID)).toMatchObject({ refusal: { code: 'journal-in-use' } });
    plant({ owner: { pid: process.ppid, startTimeTicks: ticks + 1n } });
    expect(await left()).toHaveLength(1);
  });

  test('a second recovery waits for no first', async () => {
    plant({});
    const [first, second] = await Promise.all([recovery.recover(ID), recovery.recover(ID)]);
    expect(first.ok).toBe(true);
    expect(second).toMatchObject({ refusal: { code: 'journal-in-use' } });
  });
});

describe('[J6] general registers', () => {
  const rax = () => target.state.facts.general?.rax;
  const edit = async (...assignments: { path: string; value: string }[]): Promise<void> => {
    const first = await target.capture();
    if (!first.ok) throw new Error(first.refusal.what);
    expect(await createKeptSession(ID, target, first.value, journal).assign(assignments)).toMatchObject({ ok: true });
  };

  test('that were written are recovered; the others keep what the guest has made of them', async () => {
    await edit({ path: 'rax', value: '5' });
    const { facts } = target.state;
    expect(facts.general?.rax).toBe(5n);
    target.state = {
      ...target.state,
      facts: { ...facts, general: { ...(facts.general as GeneralRegisters), rbx: 77n, rip: 0x402000n } },
    };
    expect(await recovery.recover(ID)).toMatchObject({ ok: true });
    expect(target.state.facts.general).toEqual({
      ...sampleCapture().facts.general,
      rbx: 77n,
      rip: 0x402000n,
    });
  });

  test('an entry of version 2 is read, and names none', async () => {
    const path = plant({ general: ['rax'] });
    const { general, ...entry } = JSON.parse(readFileSync(path, 'utf8'));
    expect(general).toEqual(['rax']);
    writeFileSync(path, JSON.stringify({ ...entry, version: 2, general: ['not looked at'] }));
    const before = rax();
    target.state = captureHere();
    expect(await recovery.recover(ID)).toMatchObject({ ok: true });
    expect(rax()).toBe(before);
    expect(target.log).not.toContain('general');
  });

  test.each([
    ['a control register', ['cr0']],
    ['no list', 'rax'],
    ['a name of the prototype', ['__proto__']],
    ['too many', Array.from({ length: 19 }, () => 'rax')],
  ])('an entry with %s is unreadable', async (_what, names) => {
    const path = plant({});
    const entry = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...entry, general: names }));
    expect(await left()).toMatchObject([{ state: 'unreadable', why: expect.stringContaining('general') }]);
  });
});

describe('[J4] entries are hostile until checked', () => {
  const unreadable = async (why: RegExp): Promise<void> => {
    expect(await left()).toMatchObject([{ id: ID, state: 'unreadable', why: expect.stringMatching(why) }]);
    expect(await recovery.recover(ID)).toMatchObject({ refusal: { code: 'journal-entry' } });
    expect(attached).toEqual([]);
    expect(await recovery.forget(ID)).toMatchObject({ ok: true });
    expect(files()).toEqual([]);
  };

  test.each([
    ['nothing', '', /JSON/],
    ['null', 'null', /object/],
    ['another format', '{"format":"x","version":2}', /is not tilescope-journal/],
    ['a later version', '{"format":"tilescope-journal","version":5}', /version/],
    ['an older version', '{"format":"tilescope-journal","version":1}', /version/],
    ['no owner', `{"format":"tilescope-journal","version":2,"session":"${ID}","product":"x"}`, /owner/],
  ])('%s', async (_what, text, why) => {
    writeFileSync(plant({}), text);
    await unreadable(why);
  });

  test('cut short at any length', async () => {
    const path = plant({});
    const whole = readFileSync(path, 'utf8');
    for (let length = 0; length < whole.length; length += 997) {
      writeFileSync(path, whole.slice(0, length));
      expect(await left()).toMatchObject([{ state: 'unreadable' }]);
    }
  });

  test('a name that says another process than the entry', async () => {
    const path = plant({});
    const other = join(journal, `1-2-vcpu0-${ID}.json`);
    writeFileSync(other, readFileSync(path), { mode: 0o600 });
    rmSync(path);
    await unreadable(/name/);
  });

  test('a model or file is no process', async () => {
    plant({}, { kind: 'model' });
    await unreadable(/live process/);
  });

  test('a file that others may write to, a link, a folder', async () => {
    const path = plant({});
    chmodSync(path, 0o622);
    await unreadable(/others may write/);
    const real = join(folder, 'real.json');
    writeFileSync(real, '{}');
    symlinkSync(real, path);
    await unreadable(/ELOOP|symbolic/i);
    expect(readFileSync(real, 'utf8')).toBe('{}');
  });

  test('other names are not looked at; a half that is old is removed, a new one stays', async () => {
    const path = plant({});
    rmSync(path);
    writeFileSync(join(journal, 'notes.txt'), 'mine');
    writeFileSync(join(journal, `1-2-vcpu0-${'cd'.repeat(16)}.json.new`), '{');
    writeFileSync(`${path}.new`, '{');
    utimesSync(`${path}.new`, 0, 0);
    expect(await left()).toEqual([]);
    expect(files().sort()).toEqual([`1-2-vcpu0-${'cd'.repeat(16)}.json.new`, 'notes.txt']);
  });
});
