import { describe, expect, test } from 'vitest';
import type { Capture } from '../../../app/capture/capture.ts';
import { MSR_INDEX } from '../../../app/cpu/msrs.ts';
import { sampleAmxCapture } from '../../../app/fixtures/samples.ts';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore } from '../debugger-store.ts';
import { selectApplyRefusal, selectCapture } from '../select/selectors.ts';
import { armingAssignments, selectArming } from './xfd-arming.ts';

const withXfd = (capture: Capture, value: bigint | null): Capture => ({
  ...capture,
  facts: { ...capture.facts, msrs: [{ index: MSR_INDEX.IA32_XFD, value, errno: value === null ? 22 : 0 }] },
});

describe('arming', () => {
  const attached = async (capture: Capture) => {
    const store = createDebuggerStore(createFakeBridge(capture));
    await store.getState().start();
    await store.getState().attach(true);
    return store;
  };

  test('arming over tiles in use is refused on paper; put to init in the same write it is accepted', async () => {
    const store = await attached(sampleAmxCapture());
    const capture = selectCapture(store.getState());
    if (capture === null) throw new Error('nothing is open');
    store.getState().stageAll(armingAssignments(capture, true, false));
    expect(selectArming(store.getState())).toMatchObject({ now: false, staged: true, inUseAfter: true });
    expect(selectApplyRefusal(store.getState())).toContain('Refused');
    store.getState().stageAll(armingAssignments(capture, true, true));
    expect(selectArming(store.getState())).toMatchObject({ staged: true, inUseAfter: false, after: '0x40000' });
    expect(selectApplyRefusal(store.getState())).toBeNull();
    await store.getState().apply();
    expect(selectArming(store.getState())).toMatchObject({ now: true, inUse: false });
  });

  test('other bits of IA32_XFD and XSTATE_BV stay as they are', () => {
    const capture = withXfd(sampleAmxCapture(), 0x80000n);
    expect(armingAssignments(capture, true, true)).toEqual([
      { path: 'xstate_bv', value: '0x20200' },
      { path: 'xfd', value: '0xc0000' },
    ]);
  });
});
