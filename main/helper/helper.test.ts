import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Refusal } from '../../app/bridge.ts';
import { createHelper, type Helper, TIMEOUT_MS } from './helper.ts';

const FAKE = fileURLToPath(new URL('../testing/fake-helper.mjs', import.meta.url));
const VCPU = { pid: 1, vcpuIndex: 0 };
const made: Helper[] = [];

/** Without a time of its own a request may take as long as the machine takes to start Node. */
const fake = (mode: string, timeoutMs = 55_000): Helper => {
  const helper = createHelper({ path: process.execPath, args: [FAKE, mode], timeoutMs });
  made.push(helper);
  return helper;
};

afterEach(async () => {
  await Promise.all(made.splice(0).map((helper) => helper.stop()));
});

const codeOf = (answer: { ok: boolean; refusal?: Refusal }) => (answer.ok ? 'ok' : answer.refusal?.code);

describe('[C2] the helper is asked over its pipes', () => {
  test('hello comes first, and requests are answered whatever the pieces they come in', async () => {
    const helper = fake('good');
    const events: number[] = [];
    helper.onEvent((frame) => events.push(frame.code));
    expect(await helper.ask('listTargets', { afterPid: 0 })).toEqual({
      ok: true,
      value: { targets: [], skippedCount: 0, moreAfterPid: 0 },
    });
    expect(events).toEqual([0x80]);
    expect(await helper.hello()).toMatchObject({ ok: true, value: { kernelRelease: '6.1.0-fake' } });
    expect(helper.life).toBe(1);
  });

  test('many requests at once are answered each by its own id', async () => {
    const helper = fake('good');
    const answers = await Promise.all([
      helper.ask('freeze', VCPU),
      helper.ask('listTargets', { afterPid: 0 }),
      helper.ask('detach', VCPU),
      helper.ask('freeze', VCPU),
    ]);
    expect(answers.map(codeOf)).toEqual(['ok', 'ok', 'yama', 'ok']);
  });

  test('a refusal keeps its reason, and the helper lives on', async () => {
    const helper = fake('good');
    const refused = await helper.ask('detach', VCPU);
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'yama', where: 'pid 1, vCPU 0', errno: null } });
    expect(helper.running).toBe(true);
  });
});

describe('[C3] every request ends, and a dead helper is an event', () => {
  test.each([
    ['die', 'helper-gone'],
    ['half', 'helper-gone'],
    ['nonsense', 'helper-protocol'],
    ['wrong-id', 'helper-protocol'],
    ['wrong-code', 'helper-protocol'],
    ['short-reply', 'helper-protocol'],
  ])('%s → %s, told once, and started again on demand', async (mode, code) => {
    const helper = fake(mode);
    const deaths: string[] = [];
    helper.onDeath((why) => deaths.push(why.code));
    const both = await Promise.all([helper.ask('listTargets', { afterPid: 0 }), helper.ask('freeze', VCPU)]);
    expect(both.map(codeOf)).toEqual([code, code]);
    expect(deaths).toEqual([code]);
    expect(helper.running).toBe(false);
    expect(codeOf(await helper.hello())).toBe('ok');
    expect(helper.life).toBe(2);
  });

  test('what it said last stands in the refusal', async () => {
    const answer = await fake('die').ask('listTargets', { afterPid: 0 });
    expect(answer).toMatchObject({ refusal: { what: 'the helper ended with 3: tilescope-helper: the world ended' } });
  });

  test('silence ends in a timeout, and the helper with it', async () => {
    const helper = fake('silent');
    await helper.hello();
    expect(codeOf(await helper.ask('listTargets', { afterPid: 0 }, 150))).toBe('helper-timeout');
    expect(helper.running).toBe(false);
  });

  test('a helper that does not even say hello', async () => {
    expect(codeOf(await fake('mute', 150).ask('listTargets', { afterPid: 0 }))).toBe('helper-timeout');
  });

  test('another version is refused by name', async () => {
    const answer = await fake('version').ask('listTargets', { afterPid: 0 });
    expect(answer).toMatchObject({ ok: false, refusal: { code: 'helper-protocol' } });
    expect(answer.ok ? '' : answer.refusal.what).toContain('version 99');
  });

  test('a helper that is not there', async () => {
    const helper = createHelper({ path: '/nowhere/tilescope-helper' });
    expect(await helper.ask('listTargets', { afterPid: 0 })).toMatchObject({
      ok: false,
      refusal: { code: 'helper-missing', where: '/nowhere/tilescope-helper' },
    });
    await helper.stop();
  });

  test('SIGKILL from outside is a death like any other', async () => {
    const helper = fake('silent');
    const hello = await helper.hello();
    const asked = helper.ask('listTargets', { afterPid: 0 });
    if (hello.ok) process.kill(hello.value.pid, 'SIGKILL');
    expect(await asked).toMatchObject({ refusal: { code: 'helper-gone', what: 'the helper was ended by SIGKILL' } });
  });
});

describe('[C92] nothing waits behind a vCPU that runs', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('a run has no time-out: an hour later it still waits, and ends by what else is asked', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const helper = fake('runs', TIMEOUT_MS);
    const order: string[] = [];
    const ran = helper.run({ ...VCPU, count: 1 }).then((how) => {
      order.push('stopped');
      return how;
    });
    // Answered in order: the run has begun.
    await helper.ask('listTargets', { afterPid: 0 });
    vi.advanceTimersByTime(3_600_000);
    expect([helper.running, order]).toEqual([true, []]);
    const frozen = helper.ask('freeze', VCPU).then((how) => {
      order.push('frozen');
      return how;
    });
    expect(await ran).toMatchObject({ ok: true, value: { reason: 'asked', made: 0, records: [] } });
    expect(codeOf(await frozen)).toBe('ok');
    expect(order).toEqual(['stopped', 'frozen']);
  });

  test('a run brings what its events told, in order', async () => {
    const ran = await fake('good').run({ ...VCPU, count: 2 });
    expect(ran).toMatchObject({ ok: true, value: { pid: 1, vcpuIndex: 0, reason: 'done', recordCount: 2 } });
    expect(ran.ok && ran.value.records.map(({ general }) => general.rip)).toEqual([0x4242n, 0x4242n]);
  });

  test.each([
    ['run-dies', 'helper-gone'],
    ['run-other', 'helper-protocol'],
    ['run-short', 'helper-protocol'],
    ['run-cut', 'helper-protocol'],
    ['run-failed', 'yama'],
  ])('%s: it ends as %s', async (mode, code) => {
    expect(codeOf(await fake(mode).run({ ...VCPU, count: 1 }))).toBe(code);
  });

  test('a vCPU that runs keeps no other vCPU’s helper from answering, and is let go with its helper', async () => {
    const [runs, other] = [fake('runs'), fake('good')];
    let isAnswered = false;
    const waits = runs.run({ ...VCPU, count: 1 }).finally(() => {
      isAnswered = true;
    });
    expect(codeOf(await other.ask('freeze', { ...VCPU, vcpuIndex: 1 }))).toBe('ok');
    expect(isAnswered).toBe(false);
    await runs.stop();
    expect(codeOf(await waits)).toBe('helper-gone');
  });
});

describe('[C4] the end', () => {
  test('stopping is no death', async () => {
    const helper = fake('good');
    let deaths = 0;
    helper.onDeath(() => {
      deaths += 1;
    });
    await helper.hello();
    await helper.stop();
    expect([helper.running, deaths]).toEqual([false, 0]);
  });

  test('a helper that clings is ended', async () => {
    const helper = fake('clings');
    const hello = await helper.hello();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const over = helper.stop();
    // It may still be unmapping its memory in the target: longer than one request may take, for each of its vCPUs.
    vi.advanceTimersByTime(3 * TIMEOUT_MS - 1);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1);
    await over;
    vi.useRealTimers();
    expect(() => process.kill(hello.ok ? hello.value.pid : 0, 0)).toThrow('ESRCH');
  });

  test('more requests than it can hold are refused, not heaped up', async () => {
    const helper = fake('silent');
    await helper.hello();
    const answers = await Promise.all(
      Array.from({ length: 70 }, () => helper.ask('listTargets', { afterPid: 0 }, 300)),
    );
    expect(answers.map(codeOf).filter((code) => code === 'helper-busy')).toHaveLength(6);
    expect(answers.map(codeOf).filter((code) => code === 'helper-timeout')).toHaveLength(64);
  });
});
