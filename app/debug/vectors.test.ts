import { describe, expect, test } from 'vitest';
import type { Facts } from '../capture/capture.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { gateTarget, handlerOf, vectorNamed } from './vectors.ts';

/** A 64-bit interrupt gate for 0xffffffff81e00b30, as Linux fills it: selector 0x10, IST 0, type 0xE, present. */
const GATE = Uint8Array.of(0x30, 0x0b, 0x10, 0, 0, 0x8e, 0xe0, 0x81, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

const changed = (type: number): Uint8Array => {
  const gate = GATE.slice();
  gate[5] = type;
  return gate;
};

const memoryWith = (gate: Uint8Array, at: bigint): GuestMemory =>
  ({
    readLinear: async (linear: bigint) =>
      linear === at ? answer({ bytes: gate, physical: 0n }) : refuse('not-mapped', 'nothing is there'),
  }) as unknown as GuestMemory;

describe('[RC2] the handler of an exception', () => {
  const { facts } = sampleCapture();
  const { control } = facts;
  if (control === null) throw new Error('the sample has control registers');
  const IDT = 0xfffffe0000000000n;
  const long = (limit: bigint): Facts => ({
    ...facts,
    control: { ...control, efer: 0xd01n },
    descriptors: {
      ...{ cs_base: 0n, cs_l: 1n, cs_d: 0n, cpl: 0n, gdt_base: 0n, gdt_limit: 0x7fn },
      ...{ idt_base: IDT, idt_limit: limit },
    },
  });

  test('names', () => {
    expect([vectorNamed('#NM'), vectorNamed('#pf'), vectorNamed('nm'), vectorNamed('0x1000')]).toEqual([
      7,
      14,
      null,
      null,
    ]);
  });

  test('a gate of 64-bit and of 32-bit code; one that is not present leads nowhere', () => {
    expect(gateTarget(GATE)).toBe(0xffffffff81e00b30n);
    expect(gateTarget(GATE.subarray(0, 8))).toBe(0x81e00b30n);
    expect(gateTarget(changed(0x0e))).toBeNull();
    expect(gateTarget(changed(0x85))).toBeNull();
  });

  test('is read at its place in the IDT, and nowhere behind its limit', async () => {
    expect(await handlerOf(memoryWith(GATE, IDT + 0x70n), long(0xfffn), 7)).toEqual(answer(0xffffffff81e00b30n));
    expect((await handlerOf(memoryWith(GATE, IDT + 0x70n), long(0x6fn), 7)).ok).toBe(false);
    expect((await handlerOf(memoryWith(GATE, IDT), long(0xfffn), 7)).ok).toBe(false);
  });
});
