import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../app/debug/session.ts';
import { type FakeTarget, fakeTarget } from '../../app/debug/testing/fake-target.ts';
import { sampleCapture } from '../../app/fixtures/samples.ts';
import { type FakeClock, fakeClock } from '../testing/fake-clock.ts';
import { createKeptSession } from './kept-session.ts';

let folder: string;
let clock: FakeClock;
let target: FakeTarget;
let session: Session;
let told: (readonly string[])[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-overwritten-'));
  clock = fakeClock();
  target = fakeTarget(sampleCapture());
  told = [];
  session = createKeptSession('ab'.repeat(16), target, sampleCapture(), folder, {
    clock,
    onOverwritten: ({ parts }) => told.push(parts),
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const K1 = [{ path: 'k1', value: '0x9' }];
const captures = (): number => target.log.filter((step) => step === 'capture').length;
/** A VMM that writes its copy back. */
const putCopyBack = (): void => {
  target.state = { ...target.state, image: sampleCapture().image };
};

describe('[O2] a vCPU that runs on after a write is looked at again', () => {
  test('twice, and nothing is told while what was written stands', async () => {
    await session.assign(K1);
    const before = captures();
    await clock.pass(59);
    expect(captures()).toBe(before);
    await clock.pass(1);
    expect(captures()).toBe(before + 1);
    await clock.pass(540);
    expect(captures()).toBe(before + 2);
    await clock.pass(10_000);
    expect(captures()).toBe(before + 2);
    expect(told).toEqual([]);
  });

  test.each([10, 300])('gone after %i ms: told once', async (afterMs) => {
    await session.assign(K1);
    await clock.pass(afterMs);
    putCopyBack();
    await clock.pass(10_000);
    expect(told).toEqual([['opmask']]);
  });

  test('the first look is there to wait for', async () => {
    await session.assign(K1);
    putCopyBack();
    const look = session.firstLook();
    await clock.pass(60);
    expect(await look).toMatchObject({ parts: ['opmask'] });
    expect(told).toHaveLength(1);
  });

  test('nothing was written: nothing is looked at, and nobody waits', async () => {
    await session.assign([{ path: 'k1', value: '0x000000000000ffff' }]);
    expect(await session.firstLook()).toBeNull();
  });

  test('an undo is no loss of what it takes back', async () => {
    await session.assign(K1);
    await clock.pass(10);
    await session.undo();
    await clock.pass(10_000);
    expect(told).toEqual([]);
  });

  test('a write that finds the one before it gone tells so', async () => {
    await session.assign(K1);
    putCopyBack();
    await session.assign([{ path: 'k2', value: '0x9' }]);
    expect(told).toEqual([['opmask']]);
  });

  test('frozen, it is looked at once it runs on: all that was written meanwhile as one', async () => {
    await session.freeze();
    await session.assign(K1);
    await session.assign([{ path: 'mxcsr', value: '0x3f80' }]);
    await clock.pass(10_000);
    expect(told).toEqual([]);
    await session.resume();
    putCopyBack();
    await clock.pass(60);
    expect(told).toEqual([['opmask', 'mxcsr']]);
  });

  test('frozen before the first look: looked at after the next resume', async () => {
    await session.assign(K1);
    await session.freeze();
    await clock.pass(10_000);
    await session.resume();
    putCopyBack();
    await clock.pass(60);
    expect(told).toEqual([['opmask']]);
  });

  test('outside KVM_RUN nothing is judged', async () => {
    await session.assign(K1);
    const { capture } = target;
    target.capture = async () => {
      const now = await capture();
      return now.ok ? { ok: true, value: { ...now.value, facts: { ...now.value.facts, inKvmRun: false } } } : now;
    };
    putCopyBack();
    await clock.pass(10_000);
    expect(told).toEqual([]);
  });

  test('a detach ends it', async () => {
    await session.assign(K1);
    const look = session.firstLook();
    await session.detach(false);
    const before = captures();
    await clock.pass(10_000);
    expect(captures()).toBe(before);
    expect(await look).toBeNull();
  });
});

describe('[C45] a capture in passing', () => {
  const outsideFor = (times: number): void => {
    const { capture } = target;
    let left = times;
    target.capture = async () => {
      const now = await capture();
      left -= 1;
      return now.ok ? { ok: true, value: { ...now.value, facts: { ...now.value.facts, inKvmRun: left < 0 } } } : now;
    };
  };

  test.each([
    [0, 1, true],
    [3, 4, true],
    [4, 5, true],
    [5, 5, false],
  ])('outside KVM_RUN %i times: %i attempts', async (times, attempts, inside) => {
    outsideFor(times);
    expect(await session.capture()).toMatchObject({ ok: true, value: { facts: { inKvmRun: inside } } });
    expect(captures()).toBe(attempts);
    expect(clock.slept).toEqual(Array.from({ length: attempts - 1 }, () => 3));
  });

  test('a frozen vCPU does not move: one attempt', async () => {
    await session.freeze();
    outsideFor(9);
    const before = captures();
    await session.capture();
    expect(captures()).toBe(before + 1);
  });
});
