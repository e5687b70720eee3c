import { describe, expect, test } from 'vitest';
import { sampleAmxCapture } from '../../app/fixtures/samples.ts';
import { refusal } from '../../app/refusals/refusal.ts';
import { createFakeBridge, FAKE_TARGETS, type FakeBridge, guestWrites } from '../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from './debugger-store.ts';
import { writesIn } from './select/attached.ts';
import { jumpOf } from './select/jump.ts';
import { markedPart } from './select/provenance.ts';
import { runWord } from './select/run.ts';
import {
  selectApplyRefusal,
  selectCapture,
  selectComponentMarks,
  selectComponents,
  selectEditRefusal,
  selectPreflight,
  selectProvenance,
  selectSelectedBit,
  selectStagedWrite,
} from './select/selectors.ts';

const begun = async (
  bridge: FakeBridge = createFakeBridge(),
): Promise<{ store: DebuggerStore; bridge: FakeBridge }> => {
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  return { store, bridge };
};
const attached = async (
  bridge: FakeBridge = createFakeBridge(),
): Promise<{ store: DebuggerStore; bridge: FakeBridge }> => {
  const made = await begun(bridge);
  await made.store.getState().attach(true);
  return made;
};
const markOf = (store: DebuggerStore, register: string, offset: number, size: number): string | undefined => {
  const provenance = selectProvenance(store.getState());
  return provenance === null ? undefined : markedPart(provenance, register, offset, size)?.mark;
};

describe('targets', () => {
  test('the first attachable target is picked, and the filter keeps a picked one on screen', async () => {
    const { store } = await begun();
    expect(store.getState().pickedPid).toBe(FAKE_TARGETS[0]?.pid);
    store.getState().setTargetFilter('build');
    expect(store.getState().pickedPid).toBe(FAKE_TARGETS[2]?.pid);
  });

  test('a target that cannot be attached is not tried', async () => {
    const { store, bridge } = await begun();
    store.getState().pickTarget(FAKE_TARGETS[2]?.pid ?? 0);
    await store.getState().attach(true);
    expect(bridge.calls).not.toContain('attach');
    expect(store.getState().session).toBeNull();
  });

  test('a refused attach keeps the picker and shows the refusal', async () => {
    const { store, bridge } = await begun();
    bridge.refuseNext('attach', { code: 'seccomp', what: 'seccomp would refuse ioctl' });
    await store.getState().attach(true);
    expect(store.getState().session).toBeNull();
    expect(store.getState().refusal?.code).toBe('seccomp');
    expect(store.getState().busy).toBeNull();
  });

  test('a capture document that does not decode is refused, not shown', async () => {
    const bridge = createFakeBridge();
    const { store } = await begun({ ...bridge, capture: async () => ({ ok: true, value: { format: 'other' } }) });
    await store.getState().attach(true);
    await store.getState().capture();
    expect(store.getState().stops).toHaveLength(1);
    expect(store.getState().refusal?.code).toBe('undecodable');
  });
});

describe('stops', () => {
  test('what the guest changed is marked at the next stop and no longer at the one after', async () => {
    const { store, bridge } = await attached();
    guestWrites(bridge, { path: 'zmm3:f32[2]', value: '0.25' });
    await store.getState().capture();
    expect(markOf(store, 'zmm3', 8, 4)).toBe('changed');
    expect(markOf(store, 'zmm3', 12, 4)).toBe('none');
    expect([...selectComponentMarks(store.getState())]).toEqual([[1, 'changed']]);
    await store.getState().capture();
    expect(markOf(store, 'zmm3', 8, 4)).toBe('none');
  });

  test('an earlier stop can be read and not edited', async () => {
    const { store } = await attached();
    await store.getState().capture();
    store.getState().goToStop(0);
    expect(selectEditRefusal(store.getState())).toContain('earlier stop');
    store.getState().goToStop(99);
    expect(store.getState().at).toBe(1);
    expect(selectEditRefusal(store.getState())).toBeNull();
  });

  test('when the VMM ends everything stays readable and the run state says so', async () => {
    const { store, bridge } = await attached();
    const capture = selectCapture(store.getState());
    const why = refusal('target-gone', 'The VMM has ended');
    bridge.emit({ kind: 'gone', session: 'another', refusal: why });
    expect(runWord(store.getState())).toBe('frozen');
    bridge.emit({ kind: 'gone', session: store.getState().session?.id ?? '', refusal: why });
    expect(runWord(store.getState())).toBe('ended');
    expect(selectCapture(store.getState())).toBe(capture);
    expect(selectEditRefusal(store.getState())).toBe('the target has ended');
  });
});

describe('edits', () => {
  test('a refused value stays in the editor with its reason, and nothing is staged', async () => {
    const { store } = await attached();
    store.getState().openEditor('zmm3:f32[2]', '3e99', true);
    expect(store.getState().commitEditor()).toBe(false);
    expect(store.getState().editor).toMatchObject({ text: '3e99', path: 'zmm3:f32[2]' });
    expect(store.getState().editor?.problem).toContain('does not fit f32');
    expect(store.getState().staged).toEqual([]);
  });

  test('staging the value that stands there already is no edit', async () => {
    const { store } = await attached();
    expect(store.getState().stage('zmm0:f32[0]', '1')).toBeNull();
    expect(store.getState().staged).toEqual([]);
    store.getState().stage('zmm0:f32[0]', '2');
    store.getState().stage('zmm0:f32[0]', '1');
    expect(store.getState().staged).toEqual([]);
  });

  test('staged, undone, done again, taken back one by one', async () => {
    const { store } = await attached();
    const state = store.getState;
    state().stage('zmm3:f32[5]', '2.75');
    state().stage('mxcsr.DAZ', '1');
    state().undo();
    expect(state().staged.map((row) => row.path)).toEqual(['zmm3:f32[5]']);
    state().redo();
    expect(state().staged).toHaveLength(2);
    state().unstage('zmm3:f32[5]');
    expect(state().staged.map((row) => row.path)).toEqual(['mxcsr.DAZ']);
    state().discard();
    state().undo();
    expect(state().staged.map((row) => row.path)).toEqual(['mxcsr.DAZ']);
  });

  test('Apply writes once, adds a stop, and marks just what was written', async () => {
    const { store, bridge } = await attached();
    store.getState().stage('zmm3:f32[5]', '2.75');
    expect(markOf(store, 'zmm3', 20, 4)).toBe('staged');
    expect(selectApplyRefusal(store.getState())).toBeNull();
    await store.getState().apply();
    expect(bridge.calls.filter((call) => call === 'apply')).toHaveLength(1);
    expect(store.getState().staged).toEqual([]);
    expect(store.getState().stops).toHaveLength(2);
    expect(markOf(store, 'zmm3', 20, 4)).toBe('written');
    expect(markOf(store, 'zmm3', 16, 4)).toBe('none');
    expect([...selectComponentMarks(store.getState())]).toEqual([[2, 'written']]);
    await store.getState().capture();
    expect(markOf(store, 'zmm3', 20, 4)).toBe('none');
  });

  test('what the guest changed beside a write is told apart from it', async () => {
    const { store, bridge } = await attached();
    store.getState().stage('zmm3:f32[5]', '2.75');
    guestWrites(bridge, { path: 'zmm9:f32[0]', value: '42' });
    await store.getState().apply();
    expect(markOf(store, 'zmm3', 20, 4)).toBe('written');
    expect(markOf(store, 'zmm9', 0, 4)).toBe('changed');
  });

  test('a refused Apply keeps what was staged', async () => {
    const { store, bridge } = await attached();
    store.getState().stage('zmm3:f32[5]', '2.75');
    bridge.refuseNext('apply', { code: 'read-back', what: 'read back differs' });
    await store.getState().apply();
    expect(store.getState().staged).toHaveLength(1);
    expect(store.getState().stops).toHaveLength(1);
    expect(store.getState().refusal?.code).toBe('read-back');
  });

  test('pre-flight looks at the staged image, and a refusal of it stops Apply', async () => {
    const { store, bridge } = await attached();
    expect(selectPreflight(store.getState()).every((step) => step.outcome !== 'fail')).toBe(true);
    store.getState().stage('mxcsr', '0xffffffff');
    expect(selectApplyRefusal(store.getState())).toContain('Refused: ');
    await store.getState().discard();
    expect(selectApplyRefusal(store.getState())).toBe('nothing is staged');
    expect(bridge.calls).not.toContain('apply');
  });

  test('everything restored: nothing is left to ask about at detach', async () => {
    const { store } = await attached();
    store.getState().stage('zmm3:f32[5]', '2.75');
    await store.getState().apply();
    expect(writesIn(store.getState().stops)).toBe(1);
    await store.getState().restore({ kind: 'all' });
    expect(writesIn(store.getState().stops)).toBe(0);
    expect(markOf(store, 'zmm3', 20, 4)).toBe('written');
    await store.getState().detach('keep');
    expect(store.getState().session).toBeNull();
    expect(store.getState().stops).toEqual([]);
  });

  test('an edit into a component in init state brings it into use', async () => {
    const { store } = await attached(createFakeBridge(sampleAmxCapture()));
    expect(store.getState().stage('xmm1:u32[2]', '7')).toBeNull();
    const write = selectStagedWrite(store.getState());
    expect(write?.ok === true && write.value.touchedBits).toEqual([1]);
    expect(markOf(store, 'zmm1', 8, 4)).toBe('staged');
    expect(markOf(store, 'zmm1', 12, 4)).toBe('none');
  });
});

describe('views', () => {
  test('components are grouped: in the image, not offered', async () => {
    const { store } = await attached();
    const groups = selectComponents(store.getState()).map((entry) => [entry.label, entry.group]);
    expect(groups).toContainEqual(['Hi16_ZMM', 'in']);
    expect(groups).toContainEqual(['PKRU', 'not-offered']);
  });

  test.each([
    ['zmm3:f32', { kind: 'vector', index: 3, element: 0 }, 'f32', 1],
    ['xmm1:u32[2]', { kind: 'vector', index: 1, element: 2 }, 'u32', 1],
    ['ymm1:u32[6]', { kind: 'vector', index: 1, element: 6 }, 'u32', 2],
    ['zmm17', { kind: 'vector', index: 17, element: 0 }, 'f32', 7],
    ['k3', { kind: 'register', path: 'k3' }, 'f32', 5],
    ['mxcsr.RC', { kind: 'register', path: 'mxcsr', field: 'RC' }, 'f32', 1],
    ['st2', { kind: 'register', path: 'st2' }, 'f32', 0],
    ['rip', { kind: 'register', path: 'rip' }, 'f32', null],
  ])('the palette takes %s there', async (text, selection, type, bit) => {
    const { store } = await attached();
    const capture = selectCapture(store.getState());
    const jump = capture === null ? null : jumpOf(capture, text);
    expect(jump?.refused).toBeNull();
    jump?.go(store.getState());
    expect(store.getState()).toMatchObject({ tab: 'registers', selection, laneType: type });
    expect(selectSelectedBit(store.getState())).toBe(bit);
  });

  test.each([
    ['zmm3:f99', /a type/],
    ['zmm3:f32[16]', /0 to 15/],
    ['tmm0', /no tiles/],
  ])('the palette refuses %s and says why', async (text, why) => {
    const { store } = await attached();
    const capture = selectCapture(store.getState());
    expect(capture === null ? null : jumpOf(capture, text)?.refused).toMatch(why);
  });

  test('selectors give the same object for the same state', async () => {
    const { store } = await attached();
    store.getState().stage('zmm3:f32[5]', '2.75');
    const state = store.getState();
    for (const select of [
      selectComponents,
      selectProvenance,
      selectStagedWrite,
      selectPreflight,
      selectComponentMarks,
    ]) {
      expect(select(state)).toBe(select({ ...state, componentsOpen: !state.componentsOpen }));
    }
  });
});

test('a helper that ended says so in the centre, and what was read stays', async () => {
  const { store, bridge } = await attached();
  bridge.emit({ kind: 'helper', problem: 'the helper ended' });
  expect(store.getState().refusal?.what).toBe('The helper ended');
  expect(store.getState().helperProblem).toBe('the helper ended');
  expect(selectCapture(store.getState())).not.toBeNull();
  bridge.emit({ kind: 'helper', problem: null });
  expect(store.getState().helperProblem).toBeNull();
});
