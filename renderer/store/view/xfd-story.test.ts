import { describe, expect, test } from 'vitest';
import type { Capture } from '../../../app/capture/capture.ts';
import { MSR_INDEX } from '../../../app/cpu/msrs.ts';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore } from '../debugger-store.ts';
import { selectApplyRefusal, selectCapture } from '../select/selectors.ts';
import { armingAssignments, selectArming } from './xfd-arming.ts';
import { xfdStory } from './xfd-story.ts';

const withXfd = (capture: Capture, value: bigint | null): Capture => ({
  ...capture,
  facts: { ...capture.facts, msrs: [{ index: MSR_INDEX.IA32_XFD, value, errno: value === null ? 22 : 0 }] },
});

describe('what the next first use meets', () => {
  test('disarmed with tiles configured: it executes', () => {
    const { outcomes } = xfdStory(sampleAmxCapture());
    expect(outcomes.TILELOADD.kind).toBe('executes');
    expect(outcomes.XRSTOR.kind).toBe('executes');
  });

  test('armed: what needs tile data raises #NM, LDTILECFG does not', () => {
    const { outcomes, armed } = xfdStory(withXfd(sampleAmxCapture(), 0x40000n));
    expect(armed).toBe(true);
    expect([outcomes.TILELOADD.kind, outcomes.TDPBSSD.kind, outcomes.XRSTOR.kind]).toEqual(['nm', 'nm', 'nm']);
    expect(outcomes.LDTILECFG.kind).toBe('executes');
  });

  test('without AMX in CPUID it raises #UD, and XFD is not asked', () => {
    expect(xfdStory(sampleCapture()).outcomes.TILELOADD).toMatchObject({ kind: 'ud' });
  });

  test('an IA32_XFD that was not read is not guessed', () => {
    const story = xfdStory(withXfd(sampleAmxCapture(), null));
    expect(story.armed).toBeNull();
    expect(story.outcomes.TILELOADD.kind).toBe('not-known');
    expect(story.stations.find(({ id }) => id === 'xfd')).toMatchObject({ value: null, says: 'not read' });
  });
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
