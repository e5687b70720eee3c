import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Answer, Opened } from '../../app/bridge.ts';
import type { Target } from '../../app/debug/target.ts';
import { fakeTarget } from '../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import { captureText } from '../../app/session/document.ts';
import { createShared, inSlot, MAX_SESSIONS, type Shared } from './opening.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { createSlots } from './slots.ts';

let shared: Shared;
let pages: Sessions[];
let started = 0;
let go: () => void = () => undefined;
let held: Promise<void>;

beforeEach(() => {
  shared = createShared();
  started = 0;
  held = new Promise((resolve) => {
    go = resolve;
  });
  const nothing = async () => refuse('bad-call', 'not in this test');
  pages = Array.from({ length: 3 }, () =>
    createSessions({
      ...{ startDemo: nothing, hostFacts: nothing, listTargets: nothing, openAtStart: null, journalFolder: '/nowhere' },
      openLive: async (): Promise<Answer<Target>> => {
        started += 1;
        await held;
        return started % 2 === 0
          ? refuse('not-a-vmm', 'every other one is refused')
          : answer(fakeTarget(sampleCapture()));
      },
      shared,
    }),
  );
});
afterEach(async () => {
  go();
  await Promise.all(pages.map((page) => page.close()));
});

const FILE = Buffer.from(captureText(sampleCapture())).toString('base64');
const idsOf = (answers: readonly Answer<Opened>[]): string[] =>
  answers.flatMap((one) => (one.ok ? [one.value.session] : []));

describe('[C53] what may be open at once is counted before it is begun', () => {
  test('attaching at once, in however many pages: as many helpers as sessions may be open', async () => {
    const asked = pages.flatMap((page) => Array.from({ length: 100 }, () => page.attach(4242, '1', 0, false)));
    await expect.poll(() => started).toBe(MAX_SESSIONS);
    go();
    const answers = await Promise.all(asked);
    const refused = answers.filter((one) => !one.ok && one.refusal.code === 'too-many-sessions');
    expect(refused).toHaveLength(300 - MAX_SESSIONS);
    expect(started).toBe(MAX_SESSIONS);
  });

  test('what was refused, detached, or went with its page gives its place back', async () => {
    go();
    const [one] = pages;
    if (one === undefined) throw new Error('no page');
    for (let round = 0; round < 3; round += 1) {
      const opened = await Promise.all(Array.from({ length: 100 }, () => one.openFile('a.json', FILE)));
      const ids = idsOf(opened);
      expect(ids).toHaveLength(MAX_SESSIONS);
      for (const id of ids) expect(await one.detach(id, false)).toMatchObject({ ok: true });
    }
    expect(idsOf(await Promise.all(Array.from({ length: 100 }, () => one.openFile('a.json', 'AAAA'))))).toEqual([]);
    expect(idsOf(await Promise.all(Array.from({ length: 100 }, () => one.openModel('no-such'))))).toEqual([]);
    await one.close();
    expect(shared.sessions.take(MAX_SESSIONS)).toBe(true);
    shared.sessions.give(MAX_SESSIONS);
  });

  test('another state of a file, asked for a hundred times at once, is one', async () => {
    const [one] = pages;
    const first = await one?.openFile('a.json', FILE);
    if (one === undefined || !first?.ok) throw new Error('not open');
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => one.chooseState(first.value.session, first.value.vcpu, '')),
    );
    expect(idsOf(answers)).toHaveLength(1);
    expect(shared.openIds.size).toBe(1);
  });

  test('files that are open hold 512 MiB at most, in all pages together, and give their room back', async () => {
    const [one, other] = pages;
    if (one === undefined || other === undefined) throw new Error('no pages');
    const bytes = Buffer.from(FILE, 'base64').length;
    expect(shared.fileBytes.take(512 * 1024 * 1024 - bytes)).toBe(true);
    const [id = ''] = idsOf([await one.openFile('a.json', FILE)]);
    expect(await other.openFile('b.json', FILE)).toMatchObject({ refusal: { code: 'file' } });
    expect(await one.detach(id, false)).toMatchObject({ ok: true });
    expect(await other.openFile('b.json', FILE)).toMatchObject({ ok: true });
  });

  test('work that throws gives its slot back', async () => {
    const slots = createSlots(1);
    const fault = inSlot(slots, async () => {
      throw new Error('a fault');
    });
    await expect(fault).rejects.toThrow('a fault');
    expect(await inSlot(slots, async () => answer(1))).toEqual({ ok: true, value: 1 });
  });
});
