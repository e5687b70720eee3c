import { describe, expect, test } from 'vitest';
import { readU64 } from '../bits/bytes.ts';
import type { Cpuid } from '../cpu/cpuid.ts';
import { sampleAmxCapture } from '../fixtures/samples.ts';
import { sameLayout } from '../xsave/layout.ts';
import { HOST_LAYOUT } from './cpu.ts';
import { createModelGuest } from './guest.ts';

/** What real KVM gave for a guest with AMX, against what the model gives. */
const recorded = sampleAmxCapture();
const guest = () => {
  const created = createModelGuest('int8-product');
  if (created === undefined) throw new Error('no program');
  return created;
};
const leaves = (cpuid: Cpuid, ...wanted: readonly number[]): Cpuid =>
  cpuid.filter((entry) => wanted.includes(entry.leaf)).toSorted((a, b) => a.leaf - b.leaf || a.subleaf - b.subleaf);

describe('[G4] the model against a recorded guest', () => {
  test('layout, sizes, permission and the guest’s CPUID are KVM’s', () => {
    const { facts } = guest().capture(0);
    expect(sameLayout(HOST_LAYOUT, recorded.image.layout)).toBe(true);
    expect(facts.sizes).toEqual(recorded.facts.sizes);
    expect(facts.guestPermission).toBe(recorded.facts.guestPermission);
    expect(facts.supportedXcr0).toBe(recorded.facts.supportedXcr0);
    expect(leaves(facts.guestCpuid, 0xd, 0x1d)).toEqual(leaves(recorded.facts.guestCpuid, 0xd, 0x1d));
  });

  test('[G5] a recorded image that is written is read back byte for byte, and its tiles are the guest’s', () => {
    const model = guest();
    expect(model.writeImage(recorded.image.bytes).ok).toBe(true);
    expect(model.kvm.getXsave2()).toEqual(recorded.image.bytes);
    expect(readU64(model.kvm.getXsave2(), 512)).toBe(0x60200n);
    // The program’s first instruction moves a constant: it leaves the tiles alone.
    model.step(1);
    expect(model.kvm.getXsave2()).toEqual(recorded.image.bytes);
  });
});
