import { describe, expect, test } from 'vitest';
import { sampleCapture } from '../fixtures/samples.ts';
import type { Clock } from './clock.ts';
import { createMachines, type Machines } from './machine.ts';
import { openModel } from './model-target.ts';
import { createSession } from './session.ts';
import type { Target } from './target.ts';
import { type FakeTarget, fakeTarget } from './testing/fake-target.ts';
import { memoryJournal } from './testing/memory-journal.ts';

const CLOCK: Clock = { sleep: async () => undefined, after: () => () => undefined };

const vcpuOf = (vcpu: number, pid = 4242): FakeTarget => {
  const state = sampleCapture();
  const target = { ...state.facts.target, kind: 'live', pid, vcpu } as const;
  return fakeTarget({ ...state, facts: { ...state.facts, target } });
};

const attach = (machines: Machines, id: string, target: Target): void =>
  machines.add(createSession(id, target, sampleCapture(), { clock: CLOCK, journal: memoryJournal() }));

const attached = (...targets: FakeTarget[]): Machines => {
  const machines = createMachines(CLOCK);
  for (const [at, target] of targets.entries()) attach(machines, `s${at}`, target);
  return machines;
};

describe('[MA1] a machine has the attached vCPUs of one process', () => {
  test('in the order of their numbers; those of another process, and a model, are another machine’s', () => {
    const machines = attached(vcpuOf(2), vcpuOf(0), vcpuOf(1, 4243));
    const model = openModel('int8-product', () => 0);
    if (!model.ok) throw new Error(model.refusal.what);
    attach(machines, 'model', model.value);
    const idsOf = (id: string) => machines.machineOf(id)?.attached.map((session) => session.id);
    expect(idsOf('s0')).toEqual(['s1', 's0']);
    expect(machines.machineOf('s1')).toBe(machines.machineOf('s0'));
    expect(idsOf('s2')).toEqual(['s2']);
    expect(idsOf('model')).toEqual(['model']);
    machines.remove('s1');
    expect(idsOf('s0')).toEqual(['s0']);
    expect(machines.machineOf('s1')).toBeNull();
  });

  test('freezing all asks those that run, at the same time, and each answers for itself', async () => {
    const [one, other, third] = [vcpuOf(0), vcpuOf(1), vcpuOf(2)];
    const machine = attached(one, other, third).machineOf('s0');
    await other.freeze();
    third.refuses.add('freeze');
    const asked: string[] = [];
    const slow = one.freeze;
    Object.assign(one, {
      freeze: async () => {
        asked.push('one');
        // Were they asked one after the other, the third would wait for the first.
        await expect.poll(() => third.log).toContain('freeze');
        return slow();
      },
    });
    const frozen = await machine?.freezeAll();
    expect(frozen?.map(({ session, answer }) => [session.id, answer.ok])).toEqual([
      ['s0', true],
      ['s2', false],
    ]);
    expect(asked).toEqual(['one']);
    expect([one, other, third].map(({ run }) => run.state)).toEqual(['stopped', 'stopped', 'running']);
    const continued = await machine?.continueAll();
    expect(continued?.map(({ session }) => session.id)).toEqual(['s0', 's1']);
    expect([one, other, third].map(({ run }) => run.state)).toEqual(['running', 'running', 'running']);
  });
});
