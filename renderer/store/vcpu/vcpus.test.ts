import { describe, expect, test } from 'vitest';
import type { Refusal } from '../../../app/bridge.ts';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { encodeCapture } from '../../../app/session/document.ts';
import { action } from '../../actions/registry.ts';
import { guestWrites } from '../../testing/fake-bridge.ts';
import { createFakeMachine, type FakeMachine } from '../../testing/fake-machine.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { selectAttached, selectOthers, selectWithEdits } from '../select/attached.ts';
import { selectCapture } from '../select/selectors.ts';

const GONE: Refusal = {
  code: 'target-gone',
  what: 'The VMM has ended',
  where: null,
  remedy: null,
  call: null,
  errno: null,
};

const attached = async (freeze = true): Promise<{ store: DebuggerStore; machine: FakeMachine }> => {
  const machine = createFakeMachine([sampleCapture(), sampleCapture(), sampleAmxCapture(), sampleCapture()]);
  const store = createDebuggerStore(machine.bridge);
  await store.getState().start();
  await store.getState().attach(freeze);
  return { store, machine };
};
const calls = (machine: FakeMachine, vcpu: number, verb: string): number =>
  machine.vcpus[vcpu]?.calls.filter((call) => call === verb).length ?? 0;

describe('several vCPUs at once', () => {
  test('the vCPU that is left keeps all it has, stays attached, and is asked nothing', async () => {
    const { store, machine } = await attached();
    const state = store.getState;
    guestWrites(machine.vcpus[0] ?? machine.bridge, { path: 'k1', value: '0x11' });
    await state().capture();
    state().stage('k2', '0x22');
    await state().apply();
    state().stage('zmm3:f32[5]', '2.75');
    state().stage('mxcsr.DAZ', '1');
    state().undo();
    state().labelStop(2, 'before');
    state().pinStop(2);
    state().goToStop(1);
    state().openEditor('k3', '12', true);
    const before = state();

    await state().switchVcpu(1);
    expect(state()).toMatchObject({ session: { vcpu: 1 }, run: { state: 'stopped' } });
    expect(state().overlay).toBeNull();
    expect(state()).toMatchObject({ at: 0, staged: [], writes: { undoable: 0 }, pinned: null, editor: null });
    expect(state().stops).toHaveLength(1);
    expect(state().labels.size).toBe(0);
    expect(selectCapture(state())?.facts.target.vcpu).toBe(1);
    expect(state().selection).toEqual(before.selection);
    state().stage('k1', '0x5');

    await state().switchVcpu(0);
    for (const key of [
      'session',
      'stops',
      'at',
      'keptBytes',
      'staged',
      'undone',
      'done',
      'editor',
      'labels',
      'pinned',
    ] as const) {
      expect(state()[key], key).toEqual(before[key]);
    }
    expect(state()).toMatchObject({ writes: { undoable: 1, redoable: 0 } });
    state().redo();
    expect(state().staged.map(({ path }) => path)).toEqual(['zmm3:f32[5]', 'mxcsr.DAZ']);
    await state().switchVcpu(1);
    expect(state().staged).toEqual([{ path: 'k1', value: '0x5' }]);
    expect([0, 1].map((vcpu) => [calls(machine, vcpu, 'attach'), calls(machine, vcpu, 'detach')])).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });

  test('a write goes to the vCPU on screen alone, and its bytes stay apart from the others', async () => {
    const { store, machine } = await attached();
    await store.getState().switchVcpu(1);
    store.getState().stage('k1', '0x77');
    await store.getState().apply();
    expect([calls(machine, 0, 'apply'), calls(machine, 1, 'apply')]).toEqual([0, 1]);
    expect(selectAttached(store.getState()).map(({ vcpu, writes, stops }) => [vcpu, writes, stops])).toEqual([
      [0, 0, 1],
      [1, 1, 2],
    ]);
    expect(selectWithEdits(store.getState()).map(({ vcpu }) => vcpu)).toEqual([1]);
    const both = selectAttached(store.getState());
    store.getState().openEditor('k1', '0x1', false);
    expect(selectAttached(store.getState())).toBe(both);
  });

  test('a refused attach leaves everything as it is', async () => {
    const { store, machine } = await attached();
    store.getState().stage('k1', '0x77');
    machine.vcpus[2]?.refuseNext('attach', { code: 'seccomp', what: 'seccomp would refuse ioctl' });
    await store.getState().switchVcpu(2);
    expect(store.getState()).toMatchObject({ session: { vcpu: 0 }, refusal: { code: 'seccomp' }, busy: null });
    expect(store.getState().staged).toHaveLength(1);
    expect(selectOthers(store.getState())).toEqual([]);
  });

  test('nothing is switched while an act is under way', async () => {
    const { store } = await attached();
    const capture = store.getState().capture();
    await store.getState().switchVcpu(1);
    await capture;
    expect(store.getState().session?.vcpu).toBe(0);
    expect(store.getState().stops).toHaveLength(2);
  });

  test('what is told of a vCPU that is not on screen reaches it and not the one on screen', async () => {
    const { store, machine } = await attached();
    await store.getState().switchVcpu(1);
    machine.emit({
      kind: 'overwritten',
      session: machine.sessionOf(0),
      parts: ['opmask'],
      capture: encodeCapture(sampleCapture()),
    });
    machine.emit({ kind: 'gone', session: machine.sessionOf(0), refusal: GONE });
    machine.emit({ kind: 'gone', session: 'another', refusal: GONE });
    expect(store.getState()).toMatchObject({
      session: { vcpu: 1 },
      run: { state: 'stopped' },
      refusal: null,
      overwritten: null,
    });
    expect(store.getState().stops).toHaveLength(1);
    await store.getState().switchVcpu(0);
    expect(store.getState()).toMatchObject({
      session: { vcpu: 0 },
      run: { state: 'ended' },
      refusal: { code: 'target-gone' },
      overwritten: { parts: ['opmask'], stop: 2 },
      at: 1,
    });
    machine.emit({ kind: 'helper', problem: 'the helper ended' });
    expect(store.getState().helperProblem).toBe('the helper ended');
  });

  test('what was overwritten is a stop; who reads an earlier one stays there, and a reading that is no capture is not shown', async () => {
    const { store, machine } = await attached();
    await store.getState().capture();
    store.getState().goToStop(0);
    const told = { kind: 'overwritten', session: machine.sessionOf(0), parts: ['AVX', 'k1'] } as const;
    machine.emit({ ...told, capture: encodeCapture(sampleCapture()) });
    expect(store.getState()).toMatchObject({ at: 0, overwritten: { stop: 3 } });
    expect(store.getState().stops).toHaveLength(3);
    machine.emit({ ...told, capture: { format: 'other' } });
    expect(store.getState().stops).toHaveLength(3);
    store.getState().closeOverwritten();
    expect(store.getState().overwritten).toBeNull();
  });

  test('all are frozen and continued together, each with a stop of its own', async () => {
    const { store, machine } = await attached(false);
    expect(action('freeze-all').refused(store.getState())).toBe('only one vCPU is attached');
    await store.getState().switchVcpu(1);
    expect(action('freeze-all').refused(store.getState())).toBeNull();
    expect(action('continue-all').refused(store.getState())).toBe('no attached vCPU is stopped');
    await store.getState().freezeAll();
    expect(selectAttached(store.getState()).map(({ run, stops }) => [run, stops])).toEqual([
      ['frozen', 2],
      ['frozen', 2],
    ]);
    expect(calls(machine, 0, 'freezeAll')).toBe(1);
    machine.vcpus[0]?.target.refuses.add('resume');
    await store.getState().resumeAll();
    expect(selectAttached(store.getState()).map(({ run }) => run)).toEqual(['frozen', 'running']);
    expect(store.getState().refusal?.what).toBe('vCPU 0 stays stopped: resume was refused');
    expect(store.getState().busy).toBeNull();
  });
});

describe('detaching ends every session of the target', () => {
  test('it is asked about where any vCPU holds written or staged edits', async () => {
    const { store } = await attached();
    await store.getState().switchVcpu(1);
    store.getState().stage('k1', '0x77');
    await store.getState().switchVcpu(2);
    action('detach').run(store);
    expect(store.getState().overlay).toEqual({ kind: 'detach' });
    expect(store.getState().session?.vcpu).toBe(2);
  });

  test('with nothing to lose it is done at once, for all', async () => {
    const { store, machine } = await attached();
    await store.getState().switchVcpu(1);
    action('detach').run(store);
    await expect.poll(() => store.getState().session).toBeNull();
    expect([0, 1, 2].map((vcpu) => calls(machine, vcpu, 'detach'))).toEqual([1, 1, 0]);
    expect(store.getState()).toMatchObject({ stops: [], vcpus: new Map(), staged: [], keptBytes: 0 });
  });

  test('one that refuses stays open and is named; the others are left', async () => {
    const { store, machine } = await attached();
    await store.getState().switchVcpu(1);
    store.getState().labelStop(1, 'kept');
    await store.getState().switchVcpu(2);
    machine.vcpus[1]?.refuseNext('detach', { code: 'read-back', what: 'k1 differs' });
    await store.getState().detach('restore');
    expect(store.getState()).toMatchObject({
      session: { vcpu: 1 },
      busy: null,
      refusal: { code: 'read-back', what: 'vCPU 1 stays attached: k1 differs' },
    });
    expect(store.getState().labels.get(1)).toBe('kept');
    expect(selectOthers(store.getState())).toEqual([]);
    await store.getState().detach('keep');
    expect(store.getState().session).toBeNull();
  });

  test('several that refuse are all named, and one of them is on screen', async () => {
    const { store, machine } = await attached();
    await store.getState().switchVcpu(1);
    await store.getState().switchVcpu(2);
    for (const vcpu of [0, 2])
      machine.vcpus[vcpu]?.refuseNext('detach', { code: 'read-back', what: `differs ${vcpu}` });
    await store.getState().detach('restore');
    expect(store.getState().session?.vcpu).toBe(2);
    expect(selectOthers(store.getState()).map(({ session }) => session.vcpu)).toEqual([0]);
    expect(store.getState().refusal).toMatchObject({
      what: 'vCPU 0 and vCPU 2 stay attached: differs 0',
      where: 'vCPU 2: differs 2',
    });
  });

  test('one vCPU alone is refused in its own words', async () => {
    const { store, machine } = await attached();
    machine.vcpus[0]?.refuseNext('detach', { code: 'read-back', what: 'k1 differs' });
    await store.getState().detach('restore');
    expect(store.getState().refusal?.what).toBe('k1 differs');
    expect(store.getState().session?.vcpu).toBe(0);
  });

  test('a vCPU that ended is left whatever main says', async () => {
    const { store, machine } = await attached();
    await store.getState().switchVcpu(1);
    machine.emit({ kind: 'gone', session: machine.sessionOf(0), refusal: GONE });
    machine.vcpus[0]?.refuseNext('detach', { code: 'no-such-session', what: 'there is no such session' });
    await store.getState().detach('restore');
    expect(store.getState().session).toBeNull();
  });
});
