import { describe, expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import { answer } from '../refusals/refusal.ts';
import { driveToBreakpoint, driveTrace, driveUntil } from './drive.ts';
import { lookupsHold } from './lookups.ts';
import { byteOfRecord } from './record.ts';
import type { StepOptions } from './target.ts';
import { type FakeTarget, fakeTarget } from './testing/fake-target.ts';
import { parseUntil } from './until.ts';

const first = sampleCapture();
/** After `at` instructions RAX counts them, and from the hundredth on xmm5 holds something else. */
const stateAt = (at: number): Capture => {
  const bytes = first.image.bytes.slice();
  if (at >= 100) bytes[160 + 5 * 16] = 0x77;
  const { general } = first.facts;
  if (general === null) throw new Error('the sample has general registers');
  const rip = 0x1000n + BigInt(at);
  return { image: { ...first.image, bytes }, facts: { ...first.facts, general: { ...general, rax: BigInt(at), rip } } };
};

/** A guest that steps as the helper's chain does: to the number asked for, or until what is looked up holds. */
const stepping = (atOnce: number, haltsAt = Number.POSITIVE_INFINITY) => {
  const target: FakeTarget = fakeTarget(stateAt(0));
  const asked: StepOptions[] = [];
  let at = 0;
  Object.assign(target, {
    runControl: {
      mostStepsAtOnce: 1_000,
      step: async (count: number, options: StepOptions = {}) => {
        asked.push(options);
        const captures: Capture[] = [];
        let holds = false;
        const most = Math.min(count, atOnce);
        while (captures.length < most && !holds && at < haltsAt) {
          at += 1;
          const now = stateAt(at);
          captures.push(now);
          holds = lookupsHold(options.lookups ?? [], (offset) => byteOfRecord(now, offset));
        }
        target.state = stateAt(at);
        const kept = options.keepLast === true ? captures.slice(-1) : captures;
        const stops = kept.map(({ facts }) => facts.general);
        const ended = at >= haltsAt && captures.length < most ? 'halted' : 'done';
        const states = options.keepState === true ? kept : [];
        return answer({ stops, captures: states, made: captures.length, holds, ended, interruptsBlocked: true });
      },
    },
  });
  return { target, asked };
};

const condition = (text: string) => {
  const parsed = parseUntil(text, first);
  if (!parsed.ok) throw new Error(parsed.refusal.what);
  return parsed.value;
};
const NEVER = () => false;

describe('[RC4] run until', () => {
  test.each([
    ['rax == 250', 250, false],
    ['xmm5 changes', 100, true],
  ])('%s: at the instruction after which it holds', async (text, made, keepState) => {
    const { target, asked } = stepping(60);
    const run = await driveUntil(target, condition(text), { most: 10_000, isOver: NEVER });
    expect(run).toMatchObject({
      ok: true,
      value: { made, why: 'holds', capture: { facts: { general: { rax: BigInt(made) } } } },
    });
    expect(asked.every((one) => one.keepState === keepState && one.keepLast === true)).toBe(true);
    expect(target.log.at(-1)).toBe('resume');
  });

  test('what the chain cannot look up is looked at after each step', async () => {
    const { target, asked } = stepping(60);
    const one = { ...condition('xmm5 changes'), lookups: () => null };
    const run = await driveUntil(target, one, { most: 10_000, isOver: NEVER });
    expect(run).toMatchObject({ ok: true, value: { made: 100, why: 'holds', requests: 100 } });
    expect(asked).toHaveLength(100);
  });

  test('so many instructions, the end of the time, a guest that halts', async () => {
    const rax = condition('rax == 0');
    const most = await driveUntil(stepping(60).target, rax, { most: 130, isOver: NEVER });
    expect(most).toMatchObject({ ok: true, value: { made: 130, why: 'most' } });
    const over = await driveUntil(stepping(60).target, rax, { most: 130, isOver: () => true });
    expect(over).toMatchObject({ ok: true, value: { made: 60, why: 'over' } });
    const halted = await driveUntil(stepping(60, 70).target, rax, { most: 130, isOver: NEVER });
    expect(halted).toMatchObject({ ok: true, value: { made: 70, why: 'halted' } });
  });

  test('a model is driven by no run control, and that is said', async () => {
    const run = await driveUntil(fakeTarget(first), condition('rax == 1'), { most: 1, isOver: NEVER });
    expect(run.ok ? null : run.refusal.code).toBe('no-program');
  });
});

describe('[RC5] trace', () => {
  test('the state before the first instruction, and that after each', async () => {
    const { target } = stepping(60);
    const seen: (bigint | undefined)[] = [];
    const told: number[] = [];
    const run = await driveTrace(target, 150, {
      ...{ most: 150, isOver: NEVER, onProgress: (made) => told.push(made) },
      onState: ({ facts }) => seen.push(facts.general?.rax),
    });
    expect(run).toMatchObject({ ok: true, value: { made: 150, why: 'most' } });
    expect(seen).toEqual(Array.from({ length: 151 }, (_, at) => BigInt(at)));
    expect(told).toEqual([60, 120, 150]);
  });

  test('until a condition holds, or until it is stopped', async () => {
    const options = { most: 500, onState: () => undefined };
    const until = await driveTrace(stepping(60).target, 500, {
      ...options,
      isOver: NEVER,
      until: condition('xmm5 changes'),
    });
    expect(until).toMatchObject({ ok: true, value: { made: 100, why: 'holds' } });
    const over = await driveTrace(stepping(60).target, 500, { ...options, isOver: () => true });
    expect(over).toMatchObject({ ok: true, value: { made: 60, why: 'over' } });
  });
});

describe('[RC2] breakpoints', () => {
  const breaking = () => {
    const target = fakeTarget(stateAt(0));
    let hits = 0;
    Object.assign(target, {
      runControl: {
        mostStepsAtOnce: 1_000,
        runTo: async () => {
          hits += 1;
          target.state = stateAt(hits);
          return answer({ stops: [], ended: 'done', interruptsBlocked: true, hit: [hits % 2] });
        },
      },
    });
    return target;
  };
  const two = [0x1000n, 0x2000n].map((address) => ({ address, on: 'execute' as const, bytes: 1 }));

  test('hits are counted for each, and so many are passed', async () => {
    const there = await driveToBreakpoint(breaking(), two, { isOver: NEVER, skip: 4 });
    expect(there).toMatchObject({
      ok: true,
      value: { hit: [1], counts: [2, 3], capture: { facts: { general: { rax: 5n } } } },
    });
  });

  test('those at which the condition does not hold are passed, and do not count as skipped', async () => {
    const when = condition('rax > 3');
    const there = await driveToBreakpoint(breaking(), two, { isOver: NEVER, when, skip: 1 });
    expect(there).toMatchObject({ ok: true, value: { capture: { facts: { general: { rax: 5n } } } } });
  });
});
