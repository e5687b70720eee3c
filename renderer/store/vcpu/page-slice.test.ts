import { describe, expect, test } from 'vitest';
import { createFakeBridge, FAKE_TARGETS } from '../../testing/fake-bridge.ts';
import { createDebuggerStore } from '../debugger-store.ts';
import { selectOthers } from '../select/attached.ts';
import { randomTab } from './page-slice.ts';

const started = async (bridge = createFakeBridge()) => {
  const store = createDebuggerStore(bridge, undefined, 'dark', randomTab());
  await store.getState().start();
  return store;
};

describe('[C54] a page that is loaded again', () => {
  test('has every stop, label, the pin, what is staged and what was on screen', async () => {
    const bridge = createFakeBridge();
    const before = await started(bridge);
    await before.getState().attach(true);
    before.getState().stageAll([{ path: 'zmm3:f32[1]', value: '2.5' }]);
    await before.getState().apply();
    await before.getState().capture();
    before.getState().labelStop(2, 'mine');
    before.getState().pinStop(2);
    before.getState().stageAll([{ path: 'k1', value: '7' }]);
    before.getState().setTab('registers');
    before.getState().goToStop(1);
    await before.getState().keep();
    expect(before.getState().allKept).toBe(true);

    const { getState } = await started(bridge);
    const [then, now] = [before.getState(), getState()];
    expect(now.stops.map(({ number, cause, write }) => ({ number, cause, write }))).toEqual(
      then.stops.map(({ number, cause, write }) => ({ number, cause, write })),
    );
    expect(now.stops.map(({ capture }) => capture.image.bytes)).toEqual(
      then.stops.map(({ capture }) => capture.image.bytes),
    );
    for (const key of ['labels', 'pinned', 'staged', 'at', 'tab', 'session', 'writes', 'selection'] as const) {
      expect(now[key], key).toEqual(then[key]);
    }
    expect(now.cameBack).toEqual({ stops: 3, from: 'reload' });
    // And it goes on: what was written before is taken back.
    await getState().apply();
    getState().undo();
    await expect.poll(() => getState().stops.at(-1)?.cause).toBe('undo');
  });

  test('has the vCPUs that are kept aside too', async () => {
    const bridge = createFakeBridge();
    const before = await started(bridge);
    await before.getState().attach(true);
    await before.getState().switchVcpu(2);
    await before.getState().capture();
    await before.getState().keep();
    const { getState } = await started(bridge);
    expect(getState().session?.vcpu).toBe(2);
    expect(selectOthers(getState()).map(({ session }) => session.vcpu)).toEqual([0]);
  });

  test('goes on with a model where it stood, and shows a step whose answer was lost', async () => {
    const bridge = createFakeBridge();
    const before = await started(bridge);
    await before.getState().loadModels();
    await before.getState().openModel('int8-product');
    await before.getState().step(3);
    await before.getState().keep();
    await before.getState().step(1);
    const { getState } = await started(bridge);
    expect(getState().position?.at).toBe(4);
    expect(getState().position).toEqual(before.getState().position);
    expect(getState().stops.at(-1)?.capture.image.bytes).toEqual(before.getState().stops.at(-1)?.capture.image.bytes);
  });

  test('is asked about nothing where the host keeps nothing for it, and a session without a kept stop begins anew', async () => {
    const bridge = createFakeBridge();
    const before = await started(bridge);
    expect(before.getState().cameBack).toBeNull();
    await before.getState().attach(true);
    const { getState } = await started(bridge);
    expect(getState().stops).toHaveLength(1);
    expect(getState()).toMatchObject({ run: { state: 'stopped' }, session: { kind: 'live' } });
  });

  test('what was left is forgotten by the host', async () => {
    const bridge = createFakeBridge();
    const before = await started(bridge);
    await before.getState().attach(true);
    await before.getState().keep();
    await before.getState().detach('keep');
    await before.getState().keep();
    const back = await bridge.comeBack('', false);
    expect(back.ok && back.value).toEqual({ kept: {}, open: [] });
  });
});

describe('[C55] sessions in another tab', () => {
  test('are gone on with here, with all they have', async () => {
    const bridge = createFakeBridge(undefined, FAKE_TARGETS);
    const other = await started(bridge);
    await other.getState().attach(true);
    await other.getState().capture();
    await other.getState().keep();
    const here = createDebuggerStore(bridge, undefined, 'dark', randomTab());
    await here.getState().takeOver('a'.repeat(32));
    expect(here.getState().cameBack).toEqual({ stops: 2, from: 'tab' });
    bridge.emit({ kind: 'taken' });
    expect(other.getState().session).toBeNull();
    expect(other.getState().refusal?.what).toContain('goes on in another tab');
  });
});
