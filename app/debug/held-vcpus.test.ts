import { describe, expect, test } from 'vitest';
import { sampleCapture } from '../fixtures/samples.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refusal, refuse } from '../refusals/refusal.ts';
import type { Clock } from './clock.ts';
import { createMachines, type Machine, type Machines } from './machine.ts';
import { createSession, type Session } from './session.ts';
import type { Target } from './target.ts';
import { type FakeTarget, fakeTarget } from './testing/fake-target.ts';
import { memoryJournal } from './testing/memory-journal.ts';

const CLOCK: Clock = { sleep: async () => undefined, after: () => () => undefined };

const vcpuOf = (vcpu: number): FakeTarget => {
  const state = sampleCapture();
  const target = { ...state.facts.target, kind: 'live', pid: 4242, vcpu } as const;
  return fakeTarget({ ...state, facts: { ...state.facts, target } });
};

interface Held {
  readonly vcpus: readonly FakeTarget[];
  readonly machines: Machines;
  readonly machine: Machine;
  readonly driver: Session;
  /** Put in the way of attaching to one of them. */
  inTheWay: (vcpu: number) => Promise<Answer<Target>> | null;
}

/** Four vCPUs, of which the first ones are attached; the first is driven. */
const machineOf = (attached: number): Held => {
  const vcpus = [0, 1, 2, 3].map(vcpuOf);
  const all: Held = {
    vcpus,
    inTheWay: () => null,
    machines: createMachines(CLOCK, () => ({
      vcpus: async () => answer(vcpus.map((_, vcpu) => vcpu)),
      open: async (vcpu) => (await all.inTheWay(vcpu)) ?? answer<Target>(vcpus[vcpu] ?? vcpuOf(vcpu)),
    })),
    get machine() {
      const machine = all.machines.machineOf('s0');
      if (machine === null) throw new Error('the driver is attached');
      return machine;
    },
    get driver() {
      const driver = all.machines.session('s0');
      if (driver === undefined) throw new Error('the driver is attached');
      return driver;
    },
  };
  for (const [at, target] of vcpus.slice(0, attached).entries())
    all.machines.add(createSession(`s${at}`, target, sampleCapture(), { clock: CLOCK, journal: memoryJournal() }));
  return all;
};

const runs = ({ vcpus }: Held): readonly boolean[] => vcpus.map(({ run }) => run.state === 'running');
const ALL_RUN = [true, true, true, true];

describe('[MA2] all other vCPUs are held while one is driven', () => {
  test('attached or not; afterwards each is as it was, and those attached to for this are left', async () => {
    const held = machineOf(3);
    await held.vcpus[2]?.freeze();
    expect(await held.machine.holdOthers(held.driver)).toEqual(answer([1, 2, 3]));
    expect(runs(held)).toEqual([true, false, false, false]);
    expect(held.machine.held?.broken).toBeNull();
    expect(await held.machine.letOthersGo()).toEqual(answer(null));
    expect(runs(held)).toEqual([true, true, false, true]);
    expect(held.machine.held).toBeNull();
    expect(held.vcpus.map(({ log }) => log)).toEqual([[], ['freeze', 'resume'], ['freeze'], ['freeze', 'detach']]);
  });

  test('one that exits often is held inside KVM_RUN, where its thread holds no lock of its VMM’s; one that waits outside, there', async () => {
    const held = machineOf(1);
    const [, often, waits] = held.vcpus;
    if (often === undefined || waits === undefined) throw new Error('there are four');
    [often.outside, waits.outside] = [2, Number.POSITIVE_INFINITY];
    expect((await held.machine.holdOthers(held.driver)).ok).toBe(true);
    expect(often.log).toEqual(['freeze', 'resume', 'freeze', 'resume', 'freeze']);
    expect(waits.log.filter((step) => step === 'freeze')).toHaveLength(5);
    expect(runs(held)).toEqual([true, false, false, false]);
  });

  test('one that cannot be attached to: nothing stood still, and it is named', async () => {
    const held = machineOf(2);
    held.inTheWay = (vcpu) =>
      vcpu === 3 ? Promise.resolve(refuse('already-traced', 'gdb (pid 7) traces the thread')) : null;
    expect(await held.machine.holdOthers(held.driver)).toMatchObject({
      refusal: { code: 'already-traced', what: 'vCPU 3 cannot be held: gdb (pid 7) traces the thread' },
    });
    expect(held.vcpus.map(({ log }) => log)).toEqual([[], [], ['detach'], []]);
    expect(held.machine.held).toBeNull();
  });

  test('one that cannot be stopped: all that were are let go', async () => {
    const held = machineOf(2);
    held.vcpus[2]?.refuses.add('freeze');
    expect(await held.machine.holdOthers(held.driver)).toMatchObject({
      refusal: { what: 'vCPU 2 cannot be held: freeze was refused' },
    });
    expect(runs(held)).toEqual(ALL_RUN);
    expect(held.vcpus.slice(2).map(({ log }) => log.at(-1))).toEqual(['detach', 'detach']);
    // And can be tried again.
    expect((await held.machine.holdOthers(held.driver)).ok).toBe(true);
  });

  test.each([
    [
      'whose helper dies',
      (one: FakeTarget) => one.loseHelper('the helper was ended by SIGKILL'),
      'the helper was ended by SIGKILL',
    ],
    [
      'whose thread ends',
      (one: FakeTarget) => one.end(refusal('target-gone', 'the thread has ended')),
      'the thread has ended',
    ],
  ])('one %s is told, and the others stay until they are let go', async (_how, happens, why) => {
    const held = machineOf(2);
    await held.machine.holdOthers(held.driver);
    const one = held.vcpus[3];
    if (one === undefined) throw new Error('there are four');
    happens(one);
    const told = { code: 'not-held', what: `vCPU 3 is held no longer, and runs on: ${why}` };
    expect(held.machine.held?.broken).toMatchObject(told);
    expect(runs(held).slice(0, 3)).toEqual([true, false, false]);
    expect(await held.machine.letOthersGo()).toMatchObject({ refusal: told });
    expect(runs(held).slice(0, 3)).toEqual([true, true, true]);
    // What is not held any more is heard of no more.
    one.loseHelper('again');
    expect(held.machine.held).toBeNull();
  });

  test('one that cannot be let go is named, and the others run', async () => {
    const held = machineOf(2);
    await held.machine.holdOthers(held.driver);
    held.vcpus[1]?.refuses.add('resume');
    expect(await held.machine.letOthersGo()).toMatchObject({
      refusal: { what: 'vCPU 1 stays held: resume was refused' },
    });
    expect(runs(held)).toEqual([true, false, true, true]);
  });

  test('two that would hold for each other: the second is refused and not waited for', async () => {
    const held = machineOf(2);
    await held.machine.holdOthers(held.driver);
    const other = held.machines.session('s1');
    if (other === undefined) throw new Error('the second is attached');
    expect(await held.machine.holdOthers(other)).toMatchObject({ refusal: { code: 'busy' } });
  });

  test('let go while they are being held: all run, and what drives is refused', async () => {
    const held = machineOf(1);
    let goOn = (): void => undefined;
    const open = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    held.inTheWay = (vcpu) => (vcpu === 2 ? open.then(() => answer<Target>(held.vcpus[2] ?? vcpuOf(2))) : null);
    const asked = held.machine.holdOthers(held.driver);
    const gone = held.machine.letOthersGo();
    goOn();
    expect(await asked).toMatchObject({ refusal: { code: 'not-held' } });
    expect((await gone).ok).toBe(true);
    expect(runs(held)).toEqual(ALL_RUN);
    expect(held.vcpus.slice(1).map(({ log }) => log.at(-1))).toEqual(['detach', 'detach', 'detach']);
  });

  test('the session that drives ends: they are let go', async () => {
    const held = machineOf(2);
    await held.machine.holdOthers(held.driver);
    held.machines.remove('s0');
    await expect.poll(() => runs(held)).toEqual(ALL_RUN);
  });

  test('a target without others holds none', async () => {
    const machines = createMachines(CLOCK);
    const driver = createSession('s', vcpuOf(0), sampleCapture(), { clock: CLOCK, journal: memoryJournal() });
    machines.add(driver);
    expect(await machines.machineOf('s')?.holdOthers(driver)).toEqual(answer([]));
    expect(await machines.machineOf('s')?.letOthersGo()).toEqual(answer(null));
  });
});
