import { describe, expect, test } from 'vitest';
import type { Orphan, Refusal, SessionEvent, TargetSummary } from '../../../app/bridge.ts';
import { sampleCapture } from '../../../app/fixtures/samples.ts';
import type { RefusalCode } from '../../../app/refusals/codes.ts';
import { refusal } from '../../../app/refusals/refusal.ts';
import { readRegister } from '../../../app/register/read.ts';
import { encodeCapture } from '../../../app/session/document.ts';
import { createFakeBridge, FAKE_TARGETS, type FakeBridge, guestWrites } from '../../testing/fake-bridge.ts';
import { createFakeMachine, type FakeMachine } from '../../testing/fake-machine.ts';
import { holdBack } from '../../testing/slow-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { markedPart } from '../select/provenance.ts';
import { runWord } from '../select/run.ts';
import { selectProvenance } from '../select/selectors.ts';
import type { State } from '../state/state.ts';
import { current, whichStop } from './guest-slice.ts';

const SESSION = 'fake-live-0';
const refusalOf = (code: RefusalCode): Refusal => refusal(code, code);
const gone = (session: string): SessionEvent => ({ kind: 'gone', session, refusal: refusalOf('target-gone') });

interface Attached {
  readonly bridge: FakeBridge;
  readonly store: DebuggerStore;
  readonly state: () => State;
}

const begun = async (): Promise<Attached> => {
  const bridge = createFakeBridge();
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  return { bridge, store, state: store.getState };
};
const attached = async (freeze = true): Promise<Attached> => {
  const made = await begun();
  await made.state().attach(freeze);
  return made;
};
const machineAttached = async (): Promise<{ machine: FakeMachine; state: () => State }> => {
  const machine = createFakeMachine([sampleCapture(), sampleCapture()]);
  const state = createDebuggerStore(machine.bridge).getState;
  await state().start();
  await state().attach(true);
  return { machine, state };
};
const markOf = (state: State, register: string): string | undefined => {
  const provenance = selectProvenance(state);
  return provenance === null ? undefined : markedPart(provenance, register, 0, 8)?.mark;
};
const byteOf = ({ held }: FakeBridge, register: string): number | null => {
  const value = readRegister(held, { register, field: null, type: null, indexes: [] });
  return value.ok && 'bytes' in value.value ? (value.value.bytes[0] ?? null) : null;
};

/** Attached, with k1 and k2 on their way to be written until `letGo`. */
const applying = async () => {
  const { bridge, state } = await attached();
  const letGo = holdBack(bridge, 'apply');
  state().stage('k1', '0x11');
  state().stage('k2', '0x22');
  return { state, letGo, apply: state().apply() };
};

describe('while a write is under way', () => {
  test('what is staged and typed meanwhile stays, as one step of undo', async () => {
    const { state, letGo, apply } = await applying();
    state().stage('k2', '0x33');
    state().stage('k3', '0x44');
    state().openEditor('k4', '5', true);
    await letGo();
    await apply;
    expect(state().staged).toEqual([
      { path: 'k2', value: '0x33' },
      { path: 'k3', value: '0x44' },
    ]);
    expect(state().editor).toMatchObject({ path: 'k4', text: '5' });
    expect(state().stops).toHaveLength(2);
    state().undo();
    expect(state()).toMatchObject({ staged: [], writes: { undoable: 1 }, busy: null });
  });

  test('what was sent is staged no longer, also where it was taken back meanwhile', async () => {
    const { state, letGo, apply } = await applying();
    state().undo();
    await letGo();
    await apply;
    expect(state()).toMatchObject({ staged: [], done: [], undone: [], writes: { undoable: 1 } });
  });

  test('what the host found overwritten before it wrote is the stop that was written over', async () => {
    const { bridge, state } = await attached();
    state().stage('k1', '0x11');
    await state().apply();
    guestWrites(bridge, { path: 'k1', value: '0' });
    const capture = encodeCapture(bridge.held);
    const letGo = holdBack(bridge, 'restore');
    const restore = state().restore({ kind: 'paths', paths: ['k2'] }, null);
    bridge.emit({ kind: 'overwritten', session: SESSION, parts: ['opmask'], capture });
    await letGo();
    await restore;
    const { stops } = state();
    expect(stops.map(({ cause }) => cause)).toEqual(['attach', 'apply', 'capture', 'restore']);
    expect(stops[3]?.write?.over).toBe(2);
    // k1 was changed by the VMM at the stop before, and by nobody at this one.
    expect(markOf(state(), 'k1')).toBe('none');
  });

  test('a read back that cannot be shown still counts for undo, as the host counts it', async () => {
    const { bridge, state } = await attached();
    const plain = bridge.apply;
    bridge.apply = async (session, assignments) => {
      const answer = await plain(session, assignments);
      return answer.ok ? { ok: true, value: { ...answer.value, capture: { format: 'other' } } } : answer;
    };
    state().stage('k1', '0x11');
    await state().apply();
    expect(state()).toMatchObject({ refusal: { code: 'undecodable' }, staged: [], writes: { undoable: 1 } });
  });
});

describe('a target that ends while it is asked something', () => {
  test.each(['resume', 'freeze', 'resumeAll', 'freezeAll'] as const)('has ended, whatever %s brings', async (act) => {
    const { bridge, state } = await attached(act.startsWith('resume'));
    const letGo = holdBack(bridge, act);
    const asked = state()[act]();
    bridge.emit(gone(SESSION));
    await letGo();
    await asked;
    expect(state()).toMatchObject({ run: { state: 'ended' }, refusal: { code: 'target-gone' }, busy: null });
  });
});

describe('detaching', () => {
  test('a session that the host does not know is left', async () => {
    const { bridge, state } = await attached();
    bridge.refuseNext('detach', { code: 'no-such-session', what: 'this session has ended' });
    await state().detach('restore');
    expect(state()).toMatchObject({ session: null, stops: [] });
  });

  test('where one vCPU stays, it is compared with stops of one that was left no longer', async () => {
    const { machine, state } = await machineAttached();
    await state().switchVcpu(1);
    await state().switchVcpu(0);
    state().compareWithVcpu(1, 1);
    machine.vcpus[0]?.refuseNext('detach', { code: 'read-back', what: 'k1 differs' });
    await state().detach('restore');
    expect(state()).toMatchObject({ session: { vcpu: 0 }, source: { kind: 'stop' } });
    state().swapStops();
    expect(machine.vcpus[1]?.calls.filter((call) => call === 'attach')).toHaveLength(1);
  });
});

describe('after detaching', () => {
  test('nothing is said of the previous target, and no file is kept to restore from', async () => {
    const { bridge, state } = await attached(false);
    await state().readRestoreFile('core', 'AA==', null, '');
    state().notePage(true);
    bridge.refuseNext('look', { code: 'already-traced', what: 'the thread is gone' });
    state().setLive(30);
    await expect.poll(() => state().liveStopped?.code).toBe('already-traced');
    await state().detach('keep');
    expect(state()).toMatchObject({ session: null, liveStopped: null, restoreFile: null });
  });
});

describe('a file', () => {
  test('chosen before a target was attached to does not take its place', async () => {
    const { bridge, state } = await attached();
    await state().openFile('core', 'AA==');
    expect(bridge.calls).not.toContain('openFile');
    expect(state()).toMatchObject({
      session: { id: SESSION },
      refusal: { what: expect.stringContaining('core was not') },
    });
  });

  test('chosen while an act is under way is not opened, and that is said', async () => {
    const { bridge, state } = await begun();
    const letGo = holdBack(bridge, 'attach');
    const attach = state().attach(true);
    await state().openFile('core', 'AA==');
    await letGo();
    await attach;
    expect(state()).toMatchObject({ session: { id: SESSION }, refusal: { code: 'not-opened' }, busy: null });
  });

  test('read to restore from does not take the place of what was chosen meanwhile, and is agreed to anew', async () => {
    const { bridge, state } = await attached();
    state().openRestore({ kind: 'attach' }, 'all');
    let letGo = holdBack(bridge, 'readState');
    let read = state().readRestoreFile('core', 'AA==', null, '');
    state().setRestoreTo({ kind: 'stop', number: 1 });
    await letGo();
    await read;
    expect(state()).toMatchObject({ restoreTo: { kind: 'stop', number: 1 }, restoreFile: { name: 'core', state: 0 } });
    state().setRestoreTo({ kind: 'file' });
    letGo = holdBack(bridge, 'readState');
    read = state().readRestoreFile('core', 'AA==', 1, '');
    state().setRestoreConsent(true);
    await letGo();
    await read;
    expect(state()).toMatchObject({ restoreTo: { kind: 'file' }, restoreFile: { state: 1 }, restoreConsent: false });
  });

  test('read to compare with leaves alone what another vCPU is compared with, and what was chosen meanwhile', async () => {
    const { machine, state } = await machineAttached();
    let letGo = holdBack(machine.bridge, 'readState');
    let read = state().compareWithFile('core', 'AA==', null);
    await state().switchVcpu(1);
    await letGo();
    await read;
    expect(state()).toMatchObject({ source: { kind: 'stop' }, compareFile: { name: 'core' } });
    letGo = holdBack(machine.bridge, 'readState');
    read = state().compareWithFile('core', 'AA==', 1);
    state().pinStop(1);
    await letGo();
    await read;
    expect(state()).toMatchObject({ source: { kind: 'stop' }, pinned: 1, compareFile: { state: 1 } });
  });
});

describe('writing again what the VMM put its own copy over', () => {
  const overwritten = ({ bridge }: Attached, ...paths: readonly string[]): void => {
    guestWrites(bridge, ...paths.map((path) => ({ path, value: '0' })));
    const capture = encodeCapture(bridge.held);
    bridge.emit({ kind: 'overwritten', session: SESSION, parts: ['opmask'], capture });
  };

  test('is done although an older refusal is on screen', async () => {
    const made = await attached();
    const { bridge, state } = made;
    state().stage('k1', '0x11');
    await state().apply();
    state().undo();
    await expect.poll(() => state().writes.redoable).toBe(1);
    state().redo();
    await expect.poll(() => state().writes.undoable).toBe(1);
    overwritten(made, 'k1');
    state().refuse(refusalOf('file'));
    await state().writeAgain();
    expect(byteOf(bridge, 'k1')).toBe(0x11);
    expect(state().overwritten).toBeNull();
  });

  test('brings back what was written while the vCPU stood still, not the last write alone', async () => {
    const made = await attached();
    const { bridge, state } = made;
    for (const [path, value] of [
      ['k1', '0x11'],
      ['k3', '0x55'],
      ['k1', '0x12'],
      ['k2', '0x22'],
    ] as const) {
      state().stage(path, value);
      await state().apply();
    }
    await state().resume();
    // k3 still holds what was written; the guest may go on with it.
    overwritten(made, 'k1', 'k2');
    await state().writeAgain();
    expect(['k1', 'k2', 'k3'].map((name) => byteOf(bridge, name))).toEqual([0x12, 0x22, 0x55]);
    expect(state().stops.at(-1)?.write).toMatchObject({
      assignments: [
        { path: 'k1', value: '0x12' },
        { path: 'k2', value: '0x22' },
      ],
    });
  });

  test('refused, it is offered again', async () => {
    const made = await attached();
    made.state().stage('k1', '0x11');
    await made.state().apply();
    overwritten(made, 'k1');
    made.bridge.refuseNext('apply', { code: 'read-back', what: 'k1 differs' });
    await made.state().writeAgain();
    expect(made.state()).toMatchObject({ refusal: { code: 'read-back' }, overwritten: { parts: ['opmask'] } });
  });
});

describe('a model that runs to its end', () => {
  test('goes on after an act that came between two steps', async () => {
    const { bridge, state } = await begun();
    await state().loadModels();
    await state().openModel(state().pickedModel ?? '');
    const run = state().runToEnd();
    await expect.poll(() => state().stops.length).toBeGreaterThan(1);
    const letGo = holdBack(bridge, 'capture');
    const capture = state().capture();
    expect(state().busy).toBe('capture');
    // Longer than the pause between two steps.
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(runWord(state())).toBe('running');
    await letGo();
    await Promise.all([capture, run]);
    expect(state()).toMatchObject({ run: { state: 'stopped', why: 'halted' }, busy: null });
  });
});

describe('the first screen', () => {
  test('a target that the filter picks comes with a vCPU of its own', async () => {
    const { state } = await begun();
    state().pickVcpu(3);
    state().setTargetFilter('fn-7c1e');
    expect(state()).toMatchObject({ pickedPid: 5188, pickedVcpu: 0 });
  });

  test('a demo guest that was started during a search is found by one of its own, and picked', async () => {
    const { bridge, state } = await begun();
    const demo: TargetSummary = { ...(FAKE_TARGETS[1] as TargetSummary), pid: 7001, name: 'demo' };
    let targets = FAKE_TARGETS;
    bridge.listTargets = async () => ({ ok: true, value: { targets, skippedCount: 0 } });
    bridge.startDemo = async () => {
      targets = [...FAKE_TARGETS, demo];
      return { ok: true, value: { pid: 7001, program: 'amx', summary: 'tiles' } };
    };
    const letGo = holdBack(bridge, 'listTargets');
    const look = state().refreshTargets();
    await Promise.resolve();
    const start = state().startDemo();
    await letGo();
    await Promise.all([look, start]);
    expect(state().listing.list?.targets.map(({ pid }) => pid)).toContain(7001);
    expect(state().pickedPid).toBe(7001);
  });

  test('an orphan does not open over a target that was attached to meanwhile', async () => {
    const { bridge, state } = await begun();
    const letGo = holdBack(bridge, 'compareOrphan');
    const id = 'ab'.repeat(16) satisfies Orphan['id'];
    const compare = state().compareOrphan(id);
    await state().attach(true);
    await letGo();
    await compare;
    expect(state()).toMatchObject({ session: { id: SESSION }, overlay: null, orphanBusy: null });
  });
});

describe('another vCPU while code is being read', () => {
  test('has a stop of the same number, which is another stop all the same: what asks for code at each asks again', async () => {
    const { machine, state } = await machineAttached();
    const letGo = holdBack(machine.bridge, 'readCode');
    const read = state().readCode();
    const [which, number] = [whichStop(state()), state().stops.at(-1)?.number];
    await state().switchVcpu(1);
    await letGo();
    await read;
    expect(state().stops.at(-1)?.number).toBe(number);
    expect(current(state(), state().code) ?? current(state(), state().codeRefusal)).toBeNull();
    expect(whichStop(state())).not.toBe(which);
  });
});
