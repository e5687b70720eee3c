import { expect, test } from 'vitest';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore } from '../debugger-store.ts';
import { selectGuestReset } from './guest-reset.ts';

const PAGING = 1n << 31n;

test('[O4] a guest that was reset after a write is said, until it is read or something else is written', async () => {
  const bridge = createFakeBridge();
  const pages = (on: boolean): void => {
    const { control } = bridge.held.facts;
    if (control === null) throw new Error('the sample has no control registers');
    const cr0 = on ? control.cr0 | PAGING : control.cr0 & ~PAGING;
    bridge.held = { ...bridge.held, facts: { ...bridge.held.facts, control: { ...control, cr0 } } };
  };
  pages(true);
  const { getState } = createDebuggerStore(bridge);
  await getState().start();
  await getState().attach(true);
  pages(false);
  await getState().capture();
  // Nothing had been written.
  expect(selectGuestReset(getState())).toBeNull();
  pages(true);
  await getState().capture();
  getState().stageAll([{ path: 'zmm3:f32[1]', value: '2.5' }]);
  await getState().apply();
  expect(selectGuestReset(getState())).toBeNull();
  pages(false);
  await getState().capture();
  expect(selectGuestReset(getState())).toEqual({ stop: 5, written: 4 });
  await getState().capture();
  expect(selectGuestReset(getState())).toEqual({ stop: 5, written: 4 });
  getState().closeReset(5);
  expect(selectGuestReset(getState())).toBeNull();
});
