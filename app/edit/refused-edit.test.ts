import { describe, expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { BIT } from '../xsave/components.ts';
import { viewComponent } from '../xsave/view.ts';
import { stageAssignments } from './assign.ts';
import type { Assignment } from './assignment.ts';
import { draftOf, withXstateBit } from './patch.ts';
import { refusedEdit } from './refused-edit.ts';

const edits = (...texts: readonly string[]): Assignment[] =>
  texts.map((text) => ({ path: text.slice(0, text.indexOf('=')), value: text.slice(text.indexOf('=') + 1) }));

const withXfd = (capture: Capture, value: bigint): Capture => ({
  ...capture,
  facts: { ...capture.facts, msrs: capture.facts.msrs.map((msr) => (msr.index === 0x1c4 ? { ...msr, value } : msr)) },
});

describe('[E23] the edit that is refused', () => {
  test('is the one without which the first refusal is gone', () => {
    const found = refusedEdit(sampleCapture(), edits('zmm3:f32[1]=-6.25', 'mxcsr=0x11f80', 'rax=5'));
    expect(found).toMatchObject({ at: 1, step: { id: 'mxcsr', about: { register: 'mxcsr', bits: 0x10000n } } });
    expect(found?.sentence).toContain('reserved bit 16');
  });

  test('nothing is refused: none is', () => {
    expect(refusedEdit(sampleCapture(), edits('zmm3:f32[1]=-6.25', 'mxcsr.RC=down'))).toBeNull();
    expect(refusedEdit(sampleCapture(), [])).toBeNull();
  });

  test('two that are refused alone: the first that brings it about', () => {
    const armed = withXfd(sampleAmxCapture(), 0x40000n);
    const capture = { ...armed, image: withXstateBit(draftOf(armed.image), BIT.XTILEDATA, false).image };
    expect(refusedEdit(capture, [])).toBeNull();
    const found = refusedEdit(capture, edits('k1=1', 'tmm0:i32[0][0]=7', 'tmm1:i32[0][0]=7'));
    expect(found).toMatchObject({ at: 1, step: { id: 'xfd' } });
  });

  test('an edit outside the image can be the cause: arming what is in use', () => {
    const capture = sampleAmxCapture();
    expect(viewComponent(capture.image, BIT.XTILEDATA).state).toBe('inUse');
    const armed = refusedEdit(capture, edits('k1=1', 'xfd=0x40000', 'k2=1'));
    expect(armed).toMatchObject({ at: 1, step: { id: 'xfd' } });
  });

  test('what was read is refused by itself: no edit is the cause', () => {
    const armed = withXfd(sampleAmxCapture(), 0x40000n);
    expect(refusedEdit(armed, [])).toMatchObject({ at: null, step: { id: 'xfd' } });
    expect(refusedEdit(armed, edits('k1=1'))).toMatchObject({ at: null, step: { id: 'xfd' } });
  });

  test('refused only together: the last of them', () => {
    const start = withXfd(sampleAmxCapture(), 0n);
    const capture = { ...start, image: withXstateBit(draftOf(start.image), BIT.XTILEDATA, false).image };
    expect(refusedEdit(capture, edits('xfd=0x40000'))).toBeNull();
    expect(refusedEdit(capture, edits('tmm0:i32[0][0]=7'))).toBeNull();
    expect(refusedEdit(capture, edits('tmm0:i32[0][0]=7', 'k1=1', 'xfd=0x40000'))?.at).toBe(2);
    expect(refusedEdit(capture, edits('xfd=0x40000', 'k1=1', 'tmm0:i32[0][0]=7'))?.at).toBe(2);
  });

  test('edits that cannot be staged together: the one that breaks the others', () => {
    const found = refusedEdit(sampleAmxCapture(), edits('k1=1', 'tilecfg.colsb[0]=65', 'k2=1'));
    expect(found).toMatchObject({ at: 1, step: null });
    expect(found?.sentence).toMatch(/tilecfg/i);
  });

  test('among very many it is found before anybody has waited', () => {
    const many = edits(...Array.from({ length: 1500 }, (_, at) => `k${at % 8}=${at}`));
    const arming = edits('xfd=0x40000');
    // Asked of the machine: what drawing up all of them once takes.
    const costMs = (work: () => void): number => {
      const begun = process.cpuUsage();
      work();
      const { user, system } = process.cpuUsage(begun);
      return (user + system) / 1000;
    };
    const once = costMs(() => stageAssignments(sampleAmxCapture(), many));
    const begun = process.cpuUsage();
    expect(refusedEdit(sampleAmxCapture(), [...arming, ...many])).toMatchObject({ at: 0, step: { id: 'xfd' } });
    expect(refusedEdit(sampleAmxCapture(), [...many, ...arming, ...many])?.at).toBe(1500);
    expect(refusedEdit(sampleAmxCapture(), [...arming, ...many, ...edits('xfd=0'), ...arming])?.at).toBe(1502);
    expect(refusedEdit(withXfd(sampleAmxCapture(), 0x40000n), many)?.at).toBeNull();
    expect(refusedEdit(sampleAmxCapture(), many)).toBeNull();
    // Leaving out one after the other takes thousands of times as long.
    const { user, system } = process.cpuUsage(begun);
    expect((user + system) / 1000).toBeLessThan(300 * Math.max(once, 1));
  });
});
