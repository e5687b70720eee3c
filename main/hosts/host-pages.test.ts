import { describe, expect, test, vi } from 'vitest';
import type { Answer, AppliedInSession, Opened } from '../../app/bridge.ts';
import { answer } from '../../app/refusals/refusal.ts';
import { type FakeSessions, fakeSessions } from '../testing/fake-sessions.ts';
import { createHostPages } from './host-pages.ts';

const SESSION = '0'.repeat(32);

/** A verb that answers when it is told to. */
const heldVerb = <T>() => {
  let give: (value: Answer<T>) => void = () => undefined;
  const answered = new Promise<Answer<T>>((resolve) => {
    give = resolve;
  });
  return { verb: vi.fn(() => answered), give: (value: T) => give(answer(value)) };
};

const pagesOver = (...sessions: FakeSessions[]) => {
  let opened = 0;
  return createHostPages(() => sessions[opened++] ?? fakeSessions());
};

/** Whether it has come to its end by now, with all that was on its way: nothing here waits for anything but promises. */
const settled = async (work: Promise<unknown>): Promise<boolean> => {
  let isOver = false;
  void work.then(() => {
    isOver = true;
  });
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return isOver;
};

describe('[C50] sessions belong to the page that opened them', () => {
  test('each page has sessions of its own, and hears of those alone', async () => {
    const [one, other] = [fakeSessions(), fakeSessions({ orphans: async () => answer([]) })];
    const pages = pagesOver(one, other);
    const [heardByOne, heardByOther] = [vi.fn(), vi.fn()];
    const first = pages.open(heardByOne);
    const second = pages.open(heardByOther);
    for (const listener of other.listeners) listener({ kind: 'helper', problem: 'it died' });
    expect(heardByOne).not.toHaveBeenCalled();
    expect(heardByOther).toHaveBeenCalledOnce();
    await first.end();
    expect([one.closed, other.closed]).toEqual([true, false]);
    expect(await second.call('orphans', [])).toEqual({ ok: true, value: [] });
  });

  test('they are closed once the calls in flight have ended, and the page hears no more', async () => {
    const { verb, give } = heldVerb<null>();
    const sessions = fakeSessions({ resume: verb });
    const tell = vi.fn();
    const page = pagesOver(sessions).open(tell);
    const asked = page.call('resume', [SESSION]);
    const end = page.end();
    expect(await settled(end)).toBe(false);
    expect(sessions.closed).toBe(false);
    expect(sessions.listeners.size).toBe(0);
    give(null);
    await end;
    expect(await asked).toEqual({ ok: true, value: null });
    expect(sessions.closed).toBe(true);
  });

  test('an attach that is done after the page has gone leaves no session open', async () => {
    const { verb, give } = heldVerb<Opened>();
    const sessions = fakeSessions({ attach: verb });
    const page = pagesOver(sessions).open(() => undefined);
    void page.call('attach', [1, '7', 0, false]);
    await vi.waitFor(() => expect(verb).toHaveBeenCalled());
    const end = page.end();
    expect(sessions.closed).toBe(false);
    give({ session: SESSION } as Opened);
    await end;
    expect(sessions.closed).toBe(true);
  });

  test('a page that has ended is answered with a refusal, and its verbs are not called', async () => {
    const resume = vi.fn();
    const page = pagesOver(fakeSessions({ resume })).open(() => undefined);
    await page.end();
    await page.end();
    expect(await page.call('resume', [SESSION])).toMatchObject({ ok: false, refusal: { code: 'page-gone' } });
    expect(resume).not.toHaveBeenCalled();
  });

  test('the next page asks for orphans after the one before has let go', async () => {
    const { verb, give } = heldVerb<null>();
    const orphans = vi.fn(async () => answer([]));
    const resume = vi.fn(async () => answer(null));
    const before = fakeSessions({ resume: verb });
    const pages = pagesOver(before, fakeSessions({ orphans, resume }));
    const first = pages.open(() => undefined);
    void first.call('resume', [SESSION]);
    void first.end();
    const next = pages.open(() => undefined);
    const asked = next.call('orphans', []);
    expect(await settled(asked)).toBe(false);
    // Its own sessions are nobody else's: they do not wait.
    expect(await next.call('resume', [SESSION])).toEqual({ ok: true, value: null });
    give(null);
    expect(await asked).toEqual({ ok: true, value: [] });
    expect(before.closed).toBe(true);
  });

  test('so it does where that one went without a word, in the midst of a write', async () => {
    const { verb, give } = heldVerb<AppliedInSession>();
    const orphans = vi.fn(async () => answer([]));
    const sessions = fakeSessions({ apply: verb });
    const pages = pagesOver(sessions, fakeSessions({ orphans }));
    const before = pages.open(() => undefined);
    void before.call('apply', [SESSION, [{ path: 'rax', value: '1' }]]);
    before.leave();
    const asked = pages.open(() => undefined).call('orphans', []);
    expect(await settled(asked)).toBe(false);
    expect(orphans).not.toHaveBeenCalled();
    give({} as AppliedInSession);
    expect(await asked).toEqual({ ok: true, value: [] });
    expect(sessions.closed).toBe(true);
  });

  test('a page whose end hangs holds up the others for a bounded time', async () => {
    vi.useFakeTimers();
    try {
      const hangs = { ...fakeSessions(), close: () => new Promise<void>(() => undefined) };
      const pages = pagesOver(hangs as FakeSessions, fakeSessions({ orphans: async () => answer([]) }));
      void pages.open(() => undefined).end();
      const asked = pages.open(() => undefined).call('orphans', []);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(await asked).toEqual({ ok: true, value: [] });
    } finally {
      vi.useRealTimers();
    }
  });

  test('sessions that cannot be closed are said, and end the page all the same', async () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const broken = {
      ...fakeSessions(),
      close: async () => {
        throw new Error('no way');
      },
    };
    await pagesOver(broken as FakeSessions)
      .open(() => undefined)
      .end();
    expect(String(said.mock.calls[0]?.[0])).toContain('no way');
    said.mockRestore();
  });

  test('close ends every page, those that are ending already included', async () => {
    const { verb, give } = heldVerb<null>();
    const all = [fakeSessions({ resume: verb }), fakeSessions()];
    const pages = pagesOver(...all);
    const first = pages.open(() => undefined);
    pages.open(() => undefined);
    void first.call('resume', [SESSION]);
    void first.end();
    const closed = pages.close();
    expect(await settled(closed)).toBe(false);
    give(null);
    await closed;
    expect(all.map((sessions) => sessions.closed)).toEqual([true, true]);
  });
});

const TAB = 'a'.repeat(32);

describe('[C54] a page that is loaded again', () => {
  const KEPT = { kept: { page: 'what\nit had' }, open: [{ session: SESSION }] };
  const held = () => {
    const sessions = fakeSessions({ comeBack: async () => answer(KEPT as never), capture: async () => answer({}) });
    sessions.isHolding = true;
    return sessions;
  };
  const empty = () =>
    fakeSessions({ comeBack: async () => answer({ kept: {}, open: [] }), orphans: async () => answer([]) });

  test('has the sessions of the one before, by the name it gave itself, and hears what was told meanwhile', async () => {
    const [before, fresh] = [held(), empty()];
    const pages = pagesOver(before, fresh);
    const first = pages.open(() => undefined);
    await first.call('comeBack', [TAB, false]);
    first.leave();
    for (const listener of before.listeners) listener({ kind: 'helper', problem: 'it died' });
    const tell = vi.fn();
    const next = pages.open(tell);
    expect(await next.call('comeBack', [TAB, false])).toEqual({ ok: true, value: KEPT });
    expect(before.closed).toBe(false);
    await vi.waitFor(() => expect(tell).toHaveBeenCalledWith({ kind: 'helper', problem: 'it died' }));
    expect(await next.call('capture', [SESSION])).toMatchObject({ ok: true });
    await vi.waitFor(() => expect(fresh.closed).toBe(true));
    await pages.close();
    expect(before.closed).toBe(true);
  });

  test('waits for a call in flight, which is whole before it is told what there is', async () => {
    const { verb, give } = heldVerb<never>();
    const before = { ...held(), step: verb } as FakeSessions;
    const pages = pagesOver(before, empty());
    const first = pages.open(() => undefined);
    await first.call('comeBack', [TAB, false]);
    void first.call('step', [SESSION, 1, null]);
    first.leave();
    const back = pages.open(() => undefined).call('comeBack', [TAB, false]);
    expect(await settled(back)).toBe(false);
    give({} as never);
    expect(await back).toEqual({ ok: true, value: KEPT });
  });

  test('by another name has none of them', async () => {
    const before = held();
    const pages = pagesOver(before, empty());
    const first = pages.open(() => undefined);
    await first.call('comeBack', [TAB, false]);
    first.leave();
    const other = pages.open(() => undefined);
    expect(await other.call('comeBack', ['b'.repeat(32), false])).toEqual({ ok: true, value: { kept: {}, open: [] } });
    await pages.close();
  });

  test('a copy of a tab does not take what the tab holds, unless it is asked to', async () => {
    const before = held();
    const pages = pagesOver(before, empty(), empty());
    const tell = vi.fn();
    const first = pages.open(tell);
    await first.call('comeBack', [TAB, false]);
    const copy = pages.open(() => undefined);
    expect(await copy.call('comeBack', [TAB, false])).toMatchObject({ value: { open: [] } });
    expect(tell).not.toHaveBeenCalled();
    expect(await copy.call('comeBack', [TAB, true])).toEqual({ ok: true, value: KEPT });
    expect(tell).toHaveBeenCalledWith({ kind: 'taken' });
    // The page they were taken from is there, with nothing.
    expect(await first.call('capture', [SESSION])).toMatchObject({ ok: false });
    expect(before.closed).toBe(false);
  });

  test('is waited for a while, and for less once another page asks what is left', async () => {
    vi.useFakeTimers();
    try {
      const [one, other] = [held(), held()];
      const pages = pagesOver(one, other, empty());
      const first = pages.open(() => undefined);
      await first.call('comeBack', [TAB, false]);
      first.leave();
      await vi.advanceTimersByTimeAsync(14_000);
      expect(one.closed).toBe(false);
      await vi.advanceTimersByTimeAsync(1_500);
      expect(one.closed).toBe(true);
      const second = pages.open(() => undefined);
      await second.call('comeBack', [TAB, false]);
      second.leave();
      const asked = pages.open(() => undefined).call('orphans', []);
      await vi.advanceTimersByTimeAsync(2_100);
      expect(await asked).toEqual({ ok: true, value: [] });
      expect(other.closed).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  test('is not waited for where nothing is open', async () => {
    const before = empty();
    const page = pagesOver(before).open(() => undefined);
    await page.call('comeBack', [TAB, false]);
    page.leave();
    await vi.waitFor(() => expect(before.closed).toBe(true));
  });
});
