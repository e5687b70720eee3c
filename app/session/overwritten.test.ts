import { describe, expect, test } from 'vitest';
import { describeProblem } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { captureAfter, stageAssignments } from '../edit/assign.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { overwrittenParts } from './overwritten.ts';

const written = (over: Capture, text: string): Capture => {
  const assignments = text.split(' ').map((one) => {
    const at = one.indexOf('=');
    return { path: one.slice(0, at), value: one.slice(at + 1) };
  });
  const staged = stageAssignments(over, assignments);
  if (!staged.ok) throw new Error(describeProblem(staged.problem));
  return captureAfter(over, staged.value);
};

describe('[O1] parts of a write that are gone again', () => {
  const before = sampleCapture();

  test('nothing, while what was written stands', () => {
    const after = written(before, 'zmm5=0x7 k1=0x3 mxcsr=0x3f80 xfd=0 rax=9 fcw=0x27f');
    expect(overwrittenParts(before, after, after)).toEqual([]);
  });

  test('components by their names, registers by theirs', () => {
    const after = written(before, 'zmm5:u32[0]=7 k1=0x3 mxcsr=0x3f80 xcr0=0x7 rax=9 fcw=0x27f');
    expect(overwrittenParts(before, after, before)).toEqual(['x87', 'SSE', 'opmask', 'mxcsr', 'xcr0', 'rax']);
  });

  test('only those that are back at what they were', () => {
    const after = written(before, 'k1=0x3 rax=9 rbx=8');
    expect(overwrittenParts(before, after, written(before, 'k1=0x4 rbx=8'))).toEqual(['rax']);
  });

  test('a component that was in init, was brought out of it and is in init again', () => {
    const init = written(before, 'xstate_bv.opmask=0');
    const after = written(init, 'k1=0x3');
    const stale = { ...init, image: { ...init.image, bytes: init.image.bytes.slice() } };
    const opmask = init.image.layout.components.find(({ bit }) => bit === 5);
    stale.image.bytes.fill(0xee, opmask?.offsetBytes, (opmask?.offsetBytes ?? 0) + 64);
    expect(overwrittenParts(init, after, stale)).toEqual(['opmask']);
  });

  test('a component that was in use before, and is in init since: dropped, while XMM and x87 stand', () => {
    const after = written(before, 'k1=0x3 ymm5:u32[7]=9');
    const dropped = written(after, 'xstate_bv.opmask=0 xstate_bv.AVX=0');
    expect(overwrittenParts(before, after, dropped)).toEqual(['AVX', 'opmask']);
    expect(overwrittenParts(before, written(before, 'k1=0x3'), dropped)).toEqual(['opmask']);
    // The guest has run on: its own XRSTOR may have put them to init.
    expect(overwrittenParts(before, after, written(dropped, 'xmm1:u32[0]=0x1234'))).toEqual([]);
  });

  test('the same where XSTATE_BV still has the component, for a VMM wrote its initial values and the CPU has kept the bit', () => {
    const after = written(before, 'ymm5:u32[7]=9');
    const dropped = { ...after, image: { ...after.image, bytes: after.image.bytes.slice() } };
    const avx = after.image.layout.components.find(({ bit }) => bit === 2);
    dropped.image.bytes.fill(0, avx?.offsetBytes, (avx?.offsetBytes ?? 0) + 256);
    expect(overwrittenParts(before, after, dropped)).toEqual(['AVX']);
  });

  test('a component that was written to its initial values, which the CPU drops from XSTATE_BV by itself', () => {
    const after = written(before, Array.from({ length: 8 }, (_, k) => `k${k}=0`).join(' '));
    expect(overwrittenParts(before, after, written(after, 'xstate_bv.opmask=0'))).toEqual([]);
  });

  test('where a guest has gone on is no sign', () => {
    const after = written(before, 'rip=0x402000 rflags=0x2');
    expect(overwrittenParts(before, after, before)).toEqual([]);
  });

  test('captures that know nothing of registers, and other layouts, tell nothing of them', () => {
    const after = written(before, 'rax=9');
    const blind = { ...before, facts: { ...before.facts, general: null } };
    expect(overwrittenParts(before, after, blind)).toEqual([]);
    expect(overwrittenParts(before, after, sampleAmxCapture())).toEqual([]);
  });
});
