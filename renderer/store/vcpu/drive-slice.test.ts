import { beforeEach, describe, expect, test } from 'vitest';
import { FAKE_LOOP } from '../../../app/debug/testing/fake-run-control.ts';
import { sampleCapture } from '../../../app/fixtures/samples.ts';
import { sessionText } from '../../../app/session/session-document.ts';
import { action } from '../../actions/registry.ts';
import { createFakeBridge, type FakeBridge } from '../../testing/fake-bridge.ts';
import { createFakeMachine } from '../../testing/fake-machine.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { runWord, selectDrive } from '../select/run.ts';
import { stoppedWhy } from '../select/stopped-why.ts';
import { checkBreakpoint } from './breakpoint-text.ts';
import { conditionProblem, selectBreakpoints, selectOtherVcpus } from './drive-slice.ts';
import { exactRunRefusal } from './exact-run.ts';
import { savedTimeline, sessionToSave } from './saved-session.ts';

let bridge: FakeBridge;
let store: DebuggerStore;
const now = () => store.getState().stops.at(-1)?.capture ?? null;
const general = () => store.getState().stops.at(-1)?.capture.facts.general ?? null;
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
};

beforeEach(async () => {
  bridge = createFakeBridge();
  store = createDebuggerStore(bridge);
  await store.getState().refreshTargets();
  store.getState().pickTarget(4242);
  await store.getState().attach(true);
});

describe('[RC6] a live vCPU driven from the page', () => {
  test('F10 makes one instruction, which is a stop', async () => {
    const before = general()?.rax ?? 0n;
    expect(action('step').refused(store.getState())).toBeNull();
    action('step').run(store);
    await settled();
    expect(general()?.rax).toBe(before + 1n);
    expect(store.getState().stops.at(-1)?.cause).toBe('step');
    expect(runWord(store.getState())).toBe('frozen');
    expect(selectDrive(store.getState())).toMatchObject({ kind: 'driven', what: 'one instruction', isHit: false });
  });

  test('many are one stop; one that runs is frozen first', async () => {
    await store.getState().resume();
    const before = general()?.rax ?? 0n;
    await store.getState().driveSteps(150);
    expect(general()?.rax).toBe(before + 150n);
    expect(store.getState().stops.map(({ cause }) => cause)).toEqual(['attach', 'freeze', 'step']);
  });

  test('until a condition holds, where it does', async () => {
    const goal = (general()?.rax ?? 0n) + 37n;
    await store.getState().driveUntil(`rax == ${goal}`);
    expect(general()?.rax).toBe(goal);
    expect(selectDrive(store.getState())).toMatchObject({ isHit: true, what: `rax == ${goal}, after 37 instructions` });
    expect(conditionProblem('rax', store.getState())).toContain('is no condition');
    expect(conditionProblem('rax == 1', store.getState())).toBeNull();
  });

  test('Continue runs to a breakpoint that is enabled, and counts its hits; freely where none is', async () => {
    const address = `0x${(FAKE_LOOP.base + 3n).toString(16)}`;
    store.getState().addBreakpoint({ address, on: 'execute', bytes: 1 });
    action('continue').run(store);
    await settled();
    expect(general()?.rip).toBe(FAKE_LOOP.base + 3n);
    expect(selectDrive(store.getState())).toMatchObject({ isHit: true, what: address });
    action('continue').run(store);
    await settled();
    expect(selectBreakpoints(store.getState())).toEqual([{ address, on: 'execute', bytes: 1, enabled: true, hits: 2 }]);
    store.getState().enableBreakpoint(0, false);
    action('continue').run(store);
    await settled();
    expect(runWord(store.getState())).toBe('running');
    store.getState().removeBreakpoint(0);
    expect(selectBreakpoints(store.getState())).toEqual([]);
  });

  test('[RC6] a breakpoint is set and taken away where an instruction stands; a fifth is refused; the pill says what it stopped at', async () => {
    const here = (at: bigint): string => `0x${(FAKE_LOOP.base + at).toString(16)}`;
    // The next instruction, where none has the focus.
    action('toggle-breakpoint').run(store);
    expect(selectBreakpoints(store.getState()).map(({ address }) => BigInt(address))).toEqual([general()?.rip]);
    action('toggle-breakpoint').run(store);
    expect(selectBreakpoints(store.getState())).toEqual([]);
    store.getState().addBreakpoint({ address: '0x9000', on: 'write', bytes: 8 });
    store.getState().enableBreakpoint(0, false);
    store.getState().focusLine(here(3n));
    action('toggle-breakpoint').run(store);
    expect(stoppedWhy(store.getState())).toBe('at attach');
    action('continue').run(store);
    await settled();
    expect(stoppedWhy(store.getState())).toBe('at breakpoint 2');
    await store.getState().driveSteps(1);
    expect(stoppedWhy(store.getState())).toBe('after 1 step');
    await store.getState().driveSteps(150);
    expect(stoppedWhy(store.getState())).toBe('after 150 steps');
    expect(store.getState().stepsPerSecond).toBeGreaterThan(0);
    await store.getState().resume();
    expect(stoppedWhy(store.getState())).toBeNull();
    await store.getState().freeze();
    expect(stoppedWhy(store.getState())).toBe('by hand');
    for (const at of [4n, 5n]) store.getState().toggleBreakpoint(here(at));
    expect(store.getState().refusal).toBeNull();
    store.getState().toggleBreakpoint(here(6n));
    expect(store.getState().refusal?.what).toContain('all are taken');
    expect(selectBreakpoints(store.getState())).toHaveLength(4);
  });

  test('[RC6] the dialog makes so many steps, or runs until its condition holds', async () => {
    const { chooseExactRun, startExactRun } = store.getState();
    const before = general()?.rax ?? 0n;
    chooseExactRun('steps', { steps: '0' });
    expect(exactRunRefusal(store.getState())).toBe('a number from 1 to 10000');
    chooseExactRun('steps', { steps: '30' });
    expect(exactRunRefusal(store.getState())).toBeNull();
    await startExactRun();
    expect(general()?.rax).toBe(before + 30n);
    chooseExactRun('until', { condition: 'rax' });
    expect(exactRunRefusal(store.getState())).toContain('is no condition');
    chooseExactRun('until', { condition: `rax == ${before + 37n}` });
    await startExactRun();
    expect(general()?.rax).toBe(before + 37n);
    expect(stoppedWhy(store.getState())).toBe('after 7 steps');
  });

  test('a drive without an end is stopped where it is', async () => {
    const driven = store.getState().driveUntil('rax == 0');
    await settled();
    expect(action('step').refused(store.getState())).toBe('the vCPU is being driven');
    expect(action('capture').refused(store.getState())).not.toBeNull();
    action('freeze').run(store);
    await driven;
    expect(selectDrive(store.getState())).toMatchObject({ kind: 'driven', what: 'stopped by hand', isHit: false });
    expect(store.getState().busy).toBeNull();
  });

  test('[RC6] over a call, where memory is not known: said, and plain steps go on', async () => {
    action('step-over').run(store);
    await settled();
    expect(store.getState().refusal?.code).toBe('memory-unknown');
    expect([store.getState().busy, store.getState().outcome]).toEqual([null, null]);
    expect(action('step').refused(store.getState())).toBeNull();
  });

  test('[RC6] over and out take a breakpoint register for themselves', async () => {
    for (const address of ['0x1', '0x2', '0x3', '0x4'])
      store.getState().addBreakpoint({ address, on: 'execute', bytes: 1 });
    await store.getState().stepAlong('out');
    expect(store.getState().refusal?.what).toContain('all are taken');
  });

  test('[RC6] to the instruction that has the focus', async () => {
    expect(action('run-to-line').refused(store.getState())).not.toBeNull();
    const address = `0x${(FAKE_LOOP.base + 5n).toString(16)}`;
    store.getState().focusLine(address);
    action('run-to-line').run(store);
    await settled();
    expect(store.getState().stops.at(-1)?.capture.facts.general?.rip).toBe(FAKE_LOOP.base + 5n);
    expect(selectDrive(store.getState())).toMatchObject({ isHit: true, what: address });
  });

  test('[RC9] a trace says how far it is, and is stopped where it is: each instruction that was made is a stop', async () => {
    const before = store.getState().stops.length;
    const far: number[] = [];
    const leave = store.subscribe((state) => {
      const drive = selectDrive(state);
      if (drive?.kind !== 'drive' || drive.made === far.at(-1)) return;
      expect(drive.most).toBe(10_000);
      far.push(drive.made);
      if (drive.made > 0) state.stopDriving();
    });
    await store.getState().trace(10_000);
    leave();
    const made = store.getState().stops.slice(before);
    expect(far[0]).toBe(0);
    expect(made.length).toBeGreaterThan(0);
    expect(made.length).toBeLessThan(10_000);
    expect(made.every(({ cause }) => cause === 'step')).toBe(true);
    expect(selectDrive(store.getState())).toMatchObject({ kind: 'driven', what: 'stopped by hand' });
    expect(store.getState().busy).toBeNull();
  });

  test('[RC9] a trace is a stop for each instruction', async () => {
    const before = store.getState().stops.length;
    await store.getState().trace(30);
    const { stops } = store.getState();
    const made = stops.slice(before).filter(({ cause }) => cause === 'step');
    expect(made).toHaveLength(30);
    const rax = made.map(({ capture }) => capture.facts.general?.rax ?? 0n);
    expect(rax).toEqual(Array.from({ length: 30 }, (_, at) => (rax[0] ?? 0n) + BigInt(at)));
    expect(selectDrive(store.getState())).toMatchObject({ kind: 'driven', what: 'traced 30 instructions' });
  });

  test('a refusal ends it, and is shown', async () => {
    bridge.refuseNext('drive', { code: 'seccomp', what: 'the filter would refuse it' });
    await store.getState().driveSteps(5);
    expect(store.getState().refusal?.what).toBe('the filter would refuse it');
    expect([store.getState().busy, store.getState().outcome]).toEqual([null, null]);
  });

  test.each([
    ['', 'execute', 1, 'type an address'],
    ['here', 'write', 4, 'type an address'],
    ['0x1001', 'write', 8, '8 bytes are watched at a multiple of 8'],
    ['0x1000 if', 'execute', 1, 'type an address'],
    ['0x1000 if rax', 'execute', 1, 'is no condition'],
    ['0x1000 if rax changes', 'execute', 1, 'compared with a number'],
  ] as const)('%j is no breakpoint', (text, on, bytes, why) => {
    const checked = checkBreakpoint(text, on, bytes, now());
    expect(checked.ok ? null : checked.why).toContain(why);
  });

  test('[RC6] one with a condition ends a run only where that holds, and only then counts', async () => {
    const place = FAKE_LOOP.base + 3n;
    const goal = (general()?.rax ?? 0n) + 20n;
    const checked = checkBreakpoint(`0x${place.toString(16)} if rax >= ${goal}`, 'execute', 1, now());
    if (!checked.ok) throw new Error(checked.why);
    store.getState().addBreakpoint({ address: checked.breakpoint.address, on: 'execute', bytes: 1 });
    store.getState().addBreakpoint(checked.breakpoint);
    action('continue').run(store);
    await settled();
    expect(general()?.rip).toBe(place);
    expect((general()?.rax ?? 0n) >= goal).toBe(true);
    expect(selectBreakpoints(store.getState())).toMatchObject([{ when: `rax >= ${goal}`, hits: 1 }]);
    expect(selectDrive(store.getState())).toMatchObject({
      isHit: true,
      what: `0x${place.toString(16)} if rax >= ${goal}`,
    });
    // A run to a line ends at it, whatever the condition of the breakpoint there says.
    store.getState().addBreakpoint({ ...checked.breakpoint, when: 'rax == 0' });
    await store.getState().runToAddress(`0x${place.toString(16)}`);
    expect(general()?.rip).toBe(place);
    expect(selectBreakpoints(store.getState())).toMatchObject([{ hits: 1 }]);
  });

  test('[RC4] until an exception, where memory is not known: refused', async () => {
    expect(conditionProblem('#NM', store.getState())).toBeNull();
    await store.getState().driveUntil('#NM');
    expect(store.getState().refusal?.code).toBe('memory-unknown');
    expect([store.getState().busy, store.getState().outcome]).toEqual([null, null]);
  });

  test('a saved session keeps them, with their conditions and hits', () => {
    const breakpoint = { address: '0x7e00', on: 'write', bytes: 4, when: 'rax == 5' } as const;
    store.getState().addBreakpoint(breakpoint);
    const state = store.getState();
    const breakpoints = selectBreakpoints(state).map((one) => ({ ...one, hits: 3 }));
    const text = sessionText(sessionToSave({ ...state, breakpoints }, 1));
    const opened = savedTimeline(JSON.parse(text));
    if (!opened.ok) throw new Error('not opened');
    expect(opened.value.breakpoints).toEqual([{ ...breakpoint, enabled: true, hits: 3 }]);
    const spoilt = JSON.parse(text);
    spoilt.breakpoints[0].bytes = 3;
    expect(savedTimeline(spoilt).ok).toBe(false);
  });

  test('four at most, each once', () => {
    for (const address of ['0x1', '0x2', '0x2', '0x3', '0x4', '0x5']) {
      store.getState().addBreakpoint({ address, on: 'execute', bytes: 1 });
    }
    expect(selectBreakpoints(store.getState()).map((row) => row.address)).toEqual(['0x1', '0x2', '0x3', '0x4']);
  });
});

describe('[RC13] the other vCPUs are held while one is driven, by choice', () => {
  const several = async () => {
    const machine = createFakeMachine([sampleCapture(), sampleCapture(), sampleCapture(), sampleCapture()]);
    store = createDebuggerStore(machine.bridge);
    await store.getState().refreshTargets();
    store.getState().pickTarget(4242);
    await store.getState().attach(true);
    const others = machine.vcpus.slice(1).map(({ target }) => target);
    return { machine, others, state: store.getState };
  };
  const says = () => selectOtherVcpus(store.getState());

  test('they run on unless it is chosen; then they stand still for each drive, and it is said', async () => {
    const { others, state } = await several();
    expect(says()).toBe('run on');
    await state().driveSteps(3);
    expect(others.map(({ log }) => log)).toEqual([[], [], []]);
    action('all-stop').run(store);
    expect(says()).toBe('held while driven');
    const driven = state().driveUntil('rax == 0');
    await settled();
    expect(says()).toBe('held');
    expect(action('all-stop').refused(state())).not.toBeNull();
    expect(others.map(({ run }) => run.state)).toEqual(['stopped', 'stopped', 'stopped']);
    state().stopDriving();
    await driven;
    expect(says()).toBe('held while driven');
    expect(others.map(({ log }) => log)).toEqual(Array(3).fill(['freeze', 'detach']));
    expect(selectDrive(state())).toMatchObject({
      what: 'stopped by hand; what only the other vCPUs could do, held as they were, was not done',
    });
    // The next one can follow at once.
    await state().driveSteps(1);
    expect(selectDrive(state())).toMatchObject({ what: 'one instruction' });
    action('all-stop').run(store);
    expect(says()).toBe('run on');
  });

  test('one that cannot be held: not an instruction is made, and it is named', async () => {
    const { others, state } = await several();
    state().toggleAllStop();
    others[1]?.refuses.add('freeze');
    const rax = general()?.rax;
    await state().driveSteps(3);
    expect(state()).toMatchObject({ refusal: { what: 'vCPU 2 cannot be held: freeze was refused' }, busy: null });
    expect(general()?.rax).toBe(rax);
    expect(state().stops).toHaveLength(1);
    expect(runWord(state())).toBe('frozen');
    expect(others.map(({ run }) => run.state)).toEqual(['running', 'running', 'running']);
  });

  test('one that is held no longer is said, with what was made', async () => {
    const { machine, others, state } = await several();
    state().toggleAllStop();
    const plain = machine.bridge.drive;
    machine.bridge.drive = (...args) => {
      others[2]?.loseHelper('the helper was ended by SIGKILL');
      return plain(...args);
    };
    await state().driveSteps(1);
    expect(state().refusal).toMatchObject({ code: 'not-held', what: expect.stringContaining('vCPU 3') });
    expect(state().stops).toHaveLength(2);
    expect(others.map(({ run }) => run.state)).toEqual(['running', 'running', 'running']);
  });

  test('a refused drive lets them go, and so does one whose session is left', async () => {
    const { machine, others, state } = await several();
    state().toggleAllStop();
    machine.vcpus[0]?.refuseNext('drive', { code: 'already-traced', what: 'no' });
    await state().driveSteps(1);
    expect(state()).toMatchObject({ refusal: { what: 'no' }, busy: null });
    expect(others.map(({ log }) => log.at(-1))).toEqual(['detach', 'detach', 'detach']);
  });

  test('it is of one process: of another, of a model, and of a VMM with one vCPU there is nothing to hold', async () => {
    const { state } = await several();
    state().toggleAllStop();
    await state().detach('keep');
    expect(says()).toBeNull();
    expect(action('all-stop').refused(state())).toBe('no live vCPU is attached');
    state().pickTarget(5188);
    await state().attach(true);
    expect(says()).toBe('run on');
  });
});
