import { describe, expect, test } from 'vitest';
import { maskOf } from '../../../app/bits/mask.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { captureAfter, stageAssignments } from '../../../app/edit/assign.ts';
import { draftOf, withXstateBit } from '../../../app/edit/patch.ts';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { readRegister } from '../../../app/register/read.ts';
import { encodeCapture } from '../../../app/session/document.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { restrictLayout } from '../../../app/xsave/convert.ts';
import { componentBytesOrInit } from '../../../app/xsave/view.ts';
import { createFakeBridge, type FakeBridge, guestWrites } from '../../testing/fake-bridge.ts';
import { createDebuggerStore, type DebuggerStore } from '../debugger-store.ts';
import { writesIn } from '../select/attached.ts';
import { type RestorePlan, restorePlan } from './restore-plan.ts';

const attached = async (bridge: FakeBridge = createFakeBridge()): Promise<DebuggerStore> => {
  const store = createDebuggerStore(bridge);
  await store.getState().start();
  await store.getState().attach(true);
  return store;
};

const planOf = (store: DebuggerStore): RestorePlan => {
  const plan = restorePlan(store.getState());
  if (plan?.ok !== true) throw new Error('no plan');
  return plan.value;
};

const carryOut = async (store: DebuggerStore): Promise<void> => {
  const { chosen, source } = planOf(store);
  if (chosen === null) throw new Error('nothing is chosen');
  const { capture, from } = source;
  await store.getState().restore(chosen.scope, from === null ? null : { capture, from });
};

const registerValue = (bridge: FakeBridge, register: string): bigint | null => {
  const read = readRegister(bridge.held, { register, field: null, type: null, indexes: [] });
  if (!read.ok || !('bytes' in read.value)) return null;
  return read.value.bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
};

/** Stop 1 at attach, stop 2 with three edits, stop 3 after the guest went on. */
const edited = async (): Promise<{ store: DebuggerStore; bridge: FakeBridge }> => {
  const bridge = createFakeBridge();
  const store = await attached(bridge);
  store.getState().stage('zmm3:f32[5]', '2.75');
  store.getState().stage('k1', '0xff');
  store.getState().stage('rax', '0x1234');
  await store.getState().apply();
  guestWrites(bridge, { path: 'zmm4:f32[1]', value: '7' }, { path: 'rbx', value: '0x99' });
  await store.getState().capture();
  return { store, bridge };
};

describe('how much is restored', () => {
  test('everything counts the bytes that differ, and of the general registers those that were written', async () => {
    const { store, bridge } = await edited();
    const before = [registerValue(bridge, 'rax'), registerValue(bridge, 'rbx')];
    expect(before).toEqual([0x1234n, 0x99n]);
    store.getState().openRestore({ kind: 'attach' }, 'all');
    const { all, refused, steps } = planOf(store);
    expect([all.write?.generalNames, refused]).toEqual([['rax'], null]);
    expect(steps.some((step) => step.outcome === 'fail')).toBe(false);
    await carryOut(store);
    const attach = sampleCapture().facts.general;
    expect([registerValue(bridge, 'rax'), registerValue(bridge, 'rbx')]).toEqual([attach?.rax, 0x99n]);
    expect(bridge.held.image.bytes).toEqual(sampleCapture().image.bytes);
    expect(writesIn(store.getState().stops)).toBe(0);
  });

  test('components that do not differ are refused, and a set takes the others alone', async () => {
    const { store, bridge } = await edited();
    store.getState().openRestore({ kind: 'attach' }, 'all');
    const rows = new Map(planOf(store).components.map((row) => [row.label, row.refused]));
    expect([rows.get('AVX'), rows.get('opmask'), rows.get('SSE'), rows.get('ZMM_Hi256')]).toEqual([
      null,
      null,
      null,
      'nothing differs',
    ]);
    for (const bit of [BIT.opmask, BIT.ZMM_Hi256]) store.getState().toggleRestoreBit(bit);
    expect(planOf(store).chosen?.scope).toEqual({ kind: 'components', bits: [BIT.opmask] });
    await carryOut(store);
    expect([registerValue(bridge, 'k1') === 0xffn, registerValue(bridge, 'rax')]).toEqual([false, 0x1234n]);
    store.getState().openRestore({ kind: 'attach' }, 'components');
    expect(planOf(store).refused).toBe('nothing is chosen');
  });

  test('the selected register is restored alone', async () => {
    const { store, bridge } = await edited();
    store.getState().showRegister('general', 'rax');
    store.getState().openRestore({ kind: 'attach' }, 'register');
    expect(planOf(store).register).toMatchObject({ path: 'rax', refused: null });
    await carryOut(store);
    expect([registerValue(bridge, 'rax'), registerValue(bridge, 'k1')]).toEqual([
      sampleCapture().facts.general?.rax,
      0xffn,
    ]);
  });
});

describe('where to', () => {
  test('a stop is named in the write, and does not count as given back', async () => {
    const { store, bridge } = await edited();
    store.getState().openRestore({ kind: 'stop', number: 2 }, 'all');
    await carryOut(store);
    expect(store.getState().stops.at(-1)?.write).toMatchObject({
      kind: 'restore',
      from: { kind: 'stop', number: 2 },
    });
    expect(bridge.held.image.bytes).toEqual(store.getState().stops[1]?.capture.image.bytes);
    expect(writesIn(store.getState().stops)).toBe(2);
  });

  test('with an earlier stop on screen the plan is still made against the newest one', async () => {
    const { store } = await edited();
    store.getState().goToStop(0);
    store.getState().openRestore({ kind: 'stop', number: 1 }, 'all');
    expect(planOf(store).refused).toBeNull();
    expect(planOf(store).all.write?.writtenBytes).toBeGreaterThan(0);
  });

  test('the vCPU that the VMM holds is not written to', async () => {
    const { store, bridge } = await edited();
    bridge.held = { ...bridge.held, facts: { ...bridge.held.facts, inKvmRun: false } };
    await store.getState().capture();
    store.getState().openRestore({ kind: 'attach' }, 'all');
    expect(planOf(store).refused).toContain('the VMM holds this vCPU');
  });
});

describe('a file', () => {
  const withFile = async (capture = sampleAmxCapture(), found = sampleCapture()) => {
    const bridge = createFakeBridge(found);
    bridge.inFile = new Map([0, 1].map((state) => [state, capture]));
    const store = await attached(bridge);
    store.getState().openRestore({ kind: 'file' }, 'all');
    expect(restorePlan(store.getState())).toBeNull();
    await store.getState().readRestoreFile('core.4242', 'AAAA', null, '');
    return { store, bridge };
  };

  test('what does not fit is named and stays as it is', async () => {
    const { store, bridge } = await withFile();
    const { source, without } = planOf(store);
    expect([source.verdict?.fits, without]).toEqual(['with-losses', ['PKRU', 'TILECFG', 'TILEDATA', 'XCR0']]);
    await carryOut(store);
    expect(bridge.held.facts.xcr0).toBe(sampleCapture().facts.xcr0);
    for (const bit of [BIT.AVX, BIT.opmask]) {
      const wanted = componentBytesOrInit(sampleAmxCapture().image, bit);
      expect(componentBytesOrInit(bridge.held.image, bit)).toEqual(wanted);
    }
    expect(store.getState().stops.at(-1)?.write).toMatchObject({ from: { kind: 'file', name: 'core.4242' } });
  });

  test('the general registers of the preview are those that the host writes, after undo as well', async () => {
    const { store, bridge } = await edited();
    const stop = store.getState().stops.at(-1)?.number ?? 0;
    store.getState().undo();
    await expect.poll(() => store.getState().writes.redoable).toBe(1);
    expect(store.getState().writes).toMatchObject({ standingGeneral: [], everGeneral: ['rax'] });
    expect(planOf(store).all.write?.generalNames).toEqual([]);
    guestWrites(bridge, { path: 'rax', value: '0x77' });
    await store.getState().capture();
    expect(planOf(store).all.write?.generalNames).toEqual([]);
    store.getState().setRestoreTo({ kind: 'stop', number: stop });
    expect(planOf(store).all.write?.generalNames).toEqual(['rax']);
    await carryOut(store);
    expect(registerValue(bridge, 'rax')).toBe(0x1234n);
  });

  test('what the file has no room for stays as it is, PKRU too, and is named', async () => {
    const sample = sampleAmxCapture();
    const whole = { ...sample, facts: { ...sample.facts, inKvmRun: true } };
    const absent: readonly number[] = [BIT.Hi16_ZMM, BIT.PKRU];
    const { layout } = whole.image;
    const kept = layout.components.map(({ bit }) => bit).filter((bit) => !absent.includes(bit));
    const cleared = absent.reduce((draft, bit) => withXstateBit(draft, bit, false), draftOf(whole.image)).image;
    const small = { ...whole, image: { ...cleared, layout: restrictLayout(layout, maskOf(kept)) } };
    const { store, bridge } = await withFile(small, whole);
    const typed = { path: 'zmm3:f32[5]', value: '2.75' };
    guestWrites(bridge, typed, { path: 'pkru', value: '0x55' }, { path: 'zmm20:f32[0]', value: '3' });
    await store.getState().capture();
    const { stays, without, all } = planOf(store);
    const written = all.write?.changes.map(({ path }) => path);
    expect([stays, without, written]).toEqual([['Hi16_ZMM', 'PKRU'], [], ['AVX']]);
    const rows = new Map(planOf(store).components.map((row) => [row.label, row.refused]));
    expect(rows.get('PKRU')).toBe('not in the file, stays as it is');
    const before = absent.map((bit) => componentBytesOrInit(bridge.held.image, bit));
    await carryOut(store);
    expect(absent.map((bit) => componentBytesOrInit(bridge.held.image, bit))).toEqual(before);
    expect(componentBytesOrInit(bridge.held.image, BIT.AVX)).toEqual(componentBytesOrInit(whole.image, BIT.AVX));
  });

  test('the state of another vCPU is restored with consent alone, which is of this one source', async () => {
    const { target } = sampleCapture().facts;
    const other = (change: Partial<typeof target>): Capture => {
      const typed = stageAssignments(sampleCapture(), [{ path: 'k1', value: '0x9' }]);
      if (!typed.ok) throw new Error('k1 can be typed');
      const { image, facts } = captureAfter(sampleCapture(), typed.value);
      return { image, facts: { ...facts, target: { ...target, ...change } } };
    };
    const own = await withFile(other({}));
    expect([planOf(own.store).source.stranger, planOf(own.store).refused]).toEqual([null, null]);
    const nobody = await withFile(other({ kind: 'file', pid: null, startTimeTicks: null }));
    expect(planOf(nobody.store).refused).toContain('not known whose state this is');

    for (const change of [{ vcpu: 1 }, { pid: 5188 }, { startTimeTicks: 918_274n }]) {
      const { store, bridge } = await withFile(other(change));
      const refusal = (): string | null => planOf(store).refused;
      expect(refusal()).toContain('the state of another vCPU');
      store.getState().setRestoreConsent(true);
      expect(refusal()).toBeNull();
      store.getState().setRestoreTo({ kind: 'file' });
      expect(refusal()).toContain('the state of another vCPU');
      store.getState().setRestoreConsent(true);
      await store.getState().readRestoreFile('core.4242', 'AAAA', 1, '');
      expect(refusal()).toContain('the state of another vCPU');
      store.getState().setRestoreConsent(true);
      store.getState().openRestore({ kind: 'file' }, 'all');
      expect(refusal()).toContain('the state of another vCPU');
      // A part of it is another vCPU's no less, and what was read here needs no such word.
      store.getState().toggleRestoreBit(BIT.opmask);
      expect(refusal()).toContain('the state of another vCPU');
      store.getState().setRestoreTo({ kind: 'attach' });
      expect(refusal()).not.toContain('another vCPU');
      store.getState().setRestoreTo({ kind: 'file' });
      store.getState().setRestoreConsent(true);
      await carryOut(store);
      expect(registerValue(bridge, 'k1')).toBe(9n);
    }
  });

  test('a part of a state that does not fit as a whole is judged by itself', async () => {
    const whole = sampleCapture();
    const bytes = whole.image.bytes.slice();
    bytes[540] = 1;
    const { store } = await withFile({ ...whole, image: { ...whole.image, bytes } });
    expect(planOf(store).refused).toContain('reserved header byte 540');
    store.getState().stage('k1', '0x9');
    await store.getState().apply();
    store.getState().toggleRestoreBit(BIT.opmask);
    expect(planOf(store).refused).toBeNull();
  });

  test('a component that the file has lost is left alone, and refused by itself', async () => {
    const whole = sampleCapture();
    const cut = { ...whole, image: { ...whole.image, bytes: whole.image.bytes.slice(0, 1000) } };
    const { store, bridge } = await withFile(cut);
    guestWrites(bridge, { path: 'zmm3:f32[5]', value: '2.75' });
    await store.getState().capture();
    const rows = new Map(planOf(store).components.map((row) => [row.label, row.refused]));
    expect(rows.get('Hi16_ZMM')).toContain('Hi16_ZMM');
    expect(rows.get('AVX')).toBeNull();
    const before = componentBytesOrInit(bridge.held.image, BIT.Hi16_ZMM);
    await carryOut(store);
    expect(componentBytesOrInit(bridge.held.image, BIT.Hi16_ZMM)).toEqual(before);
  });

  test('a file that cannot be read says so where it was chosen', async () => {
    const bridge = createFakeBridge();
    const store = await attached(bridge);
    bridge.refuseNext('readState', { code: 'file', what: 'no format is known for these bytes' });
    store.getState().openRestore({ kind: 'file' }, 'all');
    await store.getState().readRestoreFile('noise.bin', 'AAAA', null, '');
    expect([store.getState().restoreProblem?.what, store.getState().restoreFile]).toEqual([
      'no format is known for these bytes',
      null,
    ]);
    expect(store.getState().refusal).toBeNull();
  });
});

describe('what the VMM puts back', () => {
  const overwritten = async (parts: readonly string[]) => {
    const { store, bridge } = await edited();
    const session = store.getState().session?.id ?? '';
    bridge.held = sampleCapture();
    bridge.emit({ kind: 'overwritten', session, parts, capture: encodeCapture(bridge.held) });
    return { store, bridge };
  };

  test('edits are written again as they were typed', async () => {
    const { store, bridge } = await overwritten(['AVX', 'opmask', 'rax']);
    expect(store.getState().overwritten).toMatchObject({ parts: ['AVX', 'opmask', 'rax'], stop: 4 });
    await store.getState().writeAgain();
    expect(store.getState().overwritten).toBeNull();
    expect([registerValue(bridge, 'k1'), registerValue(bridge, 'rax')]).toEqual([0xffn, 0x1234n]);
    expect(store.getState().stops.at(-1)?.write).toMatchObject({ kind: 'apply', over: 3 });
  });

  test('a restored state is written again from its own stop, and only its parts', async () => {
    const { store, bridge } = await edited();
    await store.getState().restore({ kind: 'components', bits: [BIT.opmask] });
    const restored = registerValue(bridge, 'k1');
    guestWrites(bridge, { path: 'k1', value: '0xff' }, { path: 'k2', value: '0x55' });
    const session = store.getState().session?.id ?? '';
    bridge.emit({ kind: 'overwritten', session, parts: ['opmask'], capture: encodeCapture(bridge.held) });
    await store.getState().writeAgain();
    expect([registerValue(bridge, 'k1'), registerValue(bridge, 'rax')]).toEqual([restored, 0x1234n]);
    expect(store.getState().stops.at(-1)?.write).toMatchObject({ kind: 'restore', from: { kind: 'stop', number: 4 } });
  });

  test('a write that is refused leaves the notice where it is', async () => {
    const { store, bridge } = await overwritten(['AVX']);
    bridge.refuseNext('apply', { code: 'outside-kvm-run', what: 'the vCPU thread is outside KVM_RUN' });
    await store.getState().writeAgain();
    expect(store.getState().overwritten).not.toBeNull();
    expect(store.getState().refusal?.code).toBe('outside-kvm-run');
  });
});
