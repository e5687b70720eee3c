import { expect, test } from 'vitest';
import { refusal } from '../../../app/refusals/refusal.ts';
import { createFakeBridge, guestWrites } from '../../testing/fake-bridge.ts';
import { createBeside } from '../beside.ts';
import { createDebuggerStore } from '../debugger-store.ts';
import { selectOthers } from '../select/attached.ts';
import { selectCapture, selectEditRefusal } from '../select/selectors.ts';

const LIVE = { kind: 'live', pid: 5188, startTimeTicks: '918274', vcpu: 1 } as const;

const started = async () => {
  const bridge = createFakeBridge();
  const main = createDebuggerStore(bridge);
  await main.getState().start();
  await main.getState().attach(true);
  bridge.calls.length = 0;
  /** Each attach as it was asked for; it waits for what a test puts here. */
  const attaching = { asked: [] as unknown[], until: Promise.resolve() };
  const { attach } = bridge;
  Object.assign(bridge, {
    attach: async (...asked: Parameters<typeof attach>) => {
      attaching.asked.push(asked);
      await attaching.until;
      return attach(...asked);
    },
  });
  return { bridge, main, attaching, state: main.getState };
};

test('[U14] a second target stands beside the first: attached running, read when asked, never written, left with its pane', async () => {
  const { bridge, main, attaching, state } = await started();
  expect(await state().openBeside(LIVE)).toBe(true);
  expect(attaching.asked).toEqual([[5188, '918274', 1, false]]);
  const beside = createBeside(main, { kind: 'target' });
  const end = beside.start();
  const shown = () => beside.store.getState();
  expect(shown().session).toMatchObject({ pid: 5188, vcpu: 1, canWrite: false });
  expect(selectEditRefusal(shown())).not.toBeNull();
  expect(state().session).toMatchObject({ pid: 4242, canWrite: true });

  guestWrites(bridge, { path: 'zmm3:f32[1]', value: '7' });
  await state().readBeside();
  expect(shown().stops.map(({ cause }) => cause)).toEqual(['attach', 'capture']);
  expect(state().stops).toHaveLength(1);
  state().showBesideStop(0);
  expect(selectCapture(shown())).toBe(shown().stops[0]?.capture);
  expect(shown().stops[1]?.changed.size).toBeGreaterThan(0);

  await state().closeBeside();
  expect([shown().session, state().targetBeside]).toEqual([null, null]);
  expect(bridge.calls.filter((verb) => verb !== 'keep')).toEqual(['attach', 'capture', 'detach']);
  end();
});

test('[U14] another one takes its place, and with the target in front it is left as well', async () => {
  const { bridge, state } = await started();
  await state().openBeside(LIVE);
  const first = state().targetBeside?.session.id;
  await state().loadModels();
  const program = state().models?.[0]?.id ?? '';
  await state().openBeside({ kind: 'model', program, title: 'a model' });
  expect(state().targetBeside?.session).toMatchObject({ kind: 'model', name: 'a model' });
  expect(state().targetBeside?.session.id).not.toBe(first);
  await state().readBeside();
  expect(state().targetBeside?.stops.map(({ cause }) => cause)).toEqual(['attach', 'step']);

  await state().detach('keep');
  expect(state().targetBeside).toBeNull();
  expect(bridge.calls.filter((verb) => verb === 'detach')).toHaveLength(3);
});

test('[U14] one that opens while the target in front is left is left as well', async () => {
  const { bridge, attaching, state } = await started();
  let goOn = (): void => undefined;
  attaching.until = new Promise((resolve) => {
    goOn = resolve;
  });
  const opening = state().openBeside(LIVE);
  await state().detach('keep');
  goOn();
  expect(await opening).toBe(false);
  expect(state().targetBeside).toBeNull();
  expect(bridge.calls.filter((verb) => verb === 'detach')).toHaveLength(2);
});

test('[U14] one that ends stays to be read and says so; a refusal is its own', async () => {
  const { bridge, state } = await started();
  bridge.refuseNext('attach', { code: 'busy', what: 'it is traced' });
  expect(await state().openBeside(LIVE)).toBe(false);
  expect([state().besideRefusal?.what, state().refusal]).toEqual(['it is traced', null]);
  await state().openBeside(LIVE);
  expect(state().besideRefusal).toBeNull();
  const id = state().targetBeside?.session.id ?? '';
  bridge.emit({ kind: 'gone', session: id, refusal: refusal('target-gone', 'it has ended') });
  expect(state().targetBeside?.run.state).toBe('ended');
  expect([state().besideRefusal?.what, state().refusal]).toEqual(['it has ended', null]);
  bridge.calls.length = 0;
  await state().readBeside();
  expect(bridge.calls).toEqual([]);
});

test('[U14] a vCPU that is not attached yet is attached to stand beside, and the one on screen stays there', async () => {
  const { state } = await started();
  for (const times of [1, 2]) {
    expect(await state().attachBeside(2), `time ${times}`).toBe(true);
    expect([state().session?.vcpu, selectOthers(state()).map(({ session }) => session.vcpu)]).toEqual([0, [2]]);
  }
});
