import { readU32, readU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { bitsOf, hasBit, hexShort, maskOf } from '../bits/mask.ts';
import { COMPACTED_BIT, COMPONENTS } from '../xsave/components.ts';
import { restrictLayout } from '../xsave/convert.ts';
import { XCOMP_BV_OFFSET_BYTES, XSTATE_BV_OFFSET_BYTES } from '../xsave/header.ts';
import type { ComponentPlace, Layout } from '../xsave/image.ts';
import { compactedLayout, layoutFromCpuid, supervisorPlaces } from '../xsave/layout.ts';
import { MXCSR_MASK_OFFSET_BYTES, SOFTWARE_OFFSET_BYTES } from '../xsave/legacy.ts';
import { findPreset, PRESETS, type Preset } from '../xsave/presets.ts';

/** KVM_GET_XSAVE's struct kvm_xsave, and the struct kvm_xsave_extension that was proposed for its place (3072 × u32). */
export const LEGACY_IMAGE_BYTES = 4096;
export const EXTENSION_IMAGE_BYTES = 12288;

/** No XSAVE area is larger: 8192 bytes of tiles, and room for what is to come. What a file says is held against it. */
export const MOST_IMAGE_BYTES = 1 << 16;

/** Families that differ in where components lie; a member of each with the most components stands for it. */
const FAMILIES = ['granite-rapids', 'skylake-sp', 'zen5', 'apx', 'family-15h', 'zen2'] as const;

/**
 * Sizes that say which components there are, without a mask. 2696, 2440, 2688, 1088 and 832 are those of gdb 14 and
 * later (gdb/i387-tdep.c, i387_guess_xsave_layout). 2440 and 2432: AMD with and without PKRU.
 */
const KNOWN_SIZES: readonly {
  readonly bytes: number;
  readonly family: (typeof FAMILIES)[number];
  readonly mask: bigint;
}[] = [
  { bytes: 576, family: 'granite-rapids', mask: 0x3n },
  { bytes: 832, family: 'granite-rapids', mask: 0x7n },
  { bytes: 1088, family: 'skylake-sp', mask: 0x1fn },
  { bytes: 2432, family: 'zen5', mask: 0xe7n },
  { bytes: 2440, family: 'zen5', mask: 0x2e7n },
  { bytes: 2688, family: 'granite-rapids', mask: 0xe7n },
  { bytes: 2696, family: 'granite-rapids', mask: 0x2e7n },
  { bytes: 11008, family: 'granite-rapids', mask: 0x602e7n },
  { bytes: EXTENSION_IMAGE_BYTES, family: 'granite-rapids', mask: 0x602e7n },
];

const USER_MASK = maskOf(COMPONENTS.filter((row) => row.kind === 'user').map((row) => row.bit));

/** AMD's MXCSR has bit 17 (misaligned SSE mode), and the kernel copies the CPU's mask into every image it hands out. */
const MXCSR_MM = 1 << 17;

const vendorOf = (bytes: Uint8Array): Preset['vendor'] | null => {
  const mask = readU32(bytes, MXCSR_MASK_OFFSET_BYTES);
  return mask === 0 ? null : (mask & MXCSR_MM) !== 0 ? 'AMD' : 'Intel';
};

/**
 * The user feature mask that KVM and ptrace write at byte 464; null where the bytes cannot be one. A signal frame has
 * FP_XSTATE_MAGIC1 there, and hardware writes nothing.
 */
export const softwareMask = (bytes: Uint8Array): bigint | null => {
  const mask = readU64(bytes, SOFTWARE_OFFSET_BYTES);
  const bv = readU64(bytes, XSTATE_BV_OFFSET_BYTES);
  return (mask & 1n) === 1n && (mask & ~USER_MASK) === 0n && (bv & ~mask) === 0n ? mask : null;
};

const standardOf = (preset: Preset): Layout | null => {
  const layout = layoutFromCpuid(preset.cpuid, preset.label);
  return layout.ok ? layout.value : null;
};

interface Candidate {
  readonly preset: Preset;
  readonly layout: Layout;
}

const familiesWith = (mask: bigint): Candidate[] => {
  const found: Candidate[] = [];
  for (const name of FAMILIES) {
    const preset = findPreset(name);
    const whole = preset === undefined ? null : standardOf(preset);
    if (preset === undefined || whole === null) continue;
    const layout = restrictLayout(whole, mask);
    if (layout.components.length === bitsOf(mask | 3n).length) found.push({ preset, layout });
  }
  return found;
};

const named = (candidate: Candidate, evidence: string): Decoded<Layout> =>
  decoded({ ...candidate.layout, source: `guessed from ${evidence}: offsets of ${candidate.preset.label}` });

const guessStandard = (bytes: Uint8Array): Decoded<Layout> => {
  const mask = softwareMask(bytes);
  const vendor = vendorOf(bytes);
  const bv = readU64(bytes, XSTATE_BV_OFFSET_BYTES) & ~(1n << 63n);
  const byVendor = (candidates: readonly Candidate[]): Candidate | undefined =>
    candidates.find((candidate) => candidate.preset.vendor === vendor) ?? candidates[0];

  if (mask !== null) {
    const families = familiesWith(mask);
    const exact = byVendor(families.filter((candidate) => candidate.layout.totalBytes === bytes.length));
    const chosen = exact ?? byVendor(families);
    if (chosen !== undefined)
      return named(chosen, `its size ${bytes.length} and the mask ${hexShort(mask)} at byte 464`);
  }
  const row = KNOWN_SIZES.find((known) => known.bytes === bytes.length && (bv & ~known.mask) === 0n);
  const fromSize = row && familiesWith(row.mask).find((candidate) => candidate.preset.name === row.family);
  if (fromSize !== undefined) return named(fromSize, `its size ${bytes.length}`);

  // No size that is known: what XSTATE_BV names must be there, and the vendor's widest layout that fits is taken.
  const families = familiesWith(bv | 3n);
  const wide = byVendor(families);
  if (wide !== undefined)
    return named(widest(wide, bytes.length), `its size ${bytes.length} and XSTATE_BV ${hexShort(bv)}`);
  const known = PRESETS.map(standardOf).reduce((all, layout) => all | maskOfLayout(layout), 0n);
  return undecodable({ kind: 'unknown-components', mask: (bv & ~known) === 0n ? bv : bv & ~known });
};

const maskOfLayout = (layout: Layout | null): bigint =>
  layout === null ? 0n : maskOf(layout.components.map((place) => place.bit));

/** What is in use, and every other component of the family that the bytes have room for. */
const widest = (candidate: Candidate, sizeBytes: number): Candidate => {
  const whole = standardOf(candidate.preset);
  if (whole === null) return candidate;
  const fits = whole.components.filter((place) => place.offsetBytes + place.sizeBytes <= sizeBytes);
  const mask = maskOf(fits.map((place) => place.bit)) | maskOfLayout(candidate.layout);
  return { ...candidate, layout: restrictLayout(whole, mask) };
};

/** Architectural sizes and the alignment that every CPU so far reports: only the AMX components are aligned to 64. */
const ARCHITECTURAL: readonly ComponentPlace[] = COMPONENTS.flatMap((row) =>
  row.sizeBytes === null
    ? []
    : [
        {
          bit: row.bit,
          offsetBytes: 0,
          sizeBytes: row.sizeBytes,
          aligned64: row.bit === 17 || row.bit === 18,
          xfdCapable: row.needsPermission,
          supervisor: row.kind === 'supervisor',
        },
      ],
);

const guessCompacted = (xcompBv: bigint): Decoded<Layout> =>
  compactedLayout(
    {
      format: 'standard',
      source: 'guessed from XCOMP_BV: architectural sizes',
      components: ARCHITECTURAL,
      totalBytes: 0,
    },
    xcompBv,
  );

const formatOf = (bytes: Uint8Array): 'standard' | 'compacted' =>
  hasBit(readU64(bytes, XCOMP_BV_OFFSET_BYTES), COMPACTED_BIT) ? 'compacted' : 'standard';

/**
 * The layout of an image that came without one. A preset by name, else a guess from its size, the mask at byte 464,
 * XSTATE_BV, XCOMP_BV and MXCSR_MASK; the layout's source then begins with "guessed". Needs 576 bytes.
 */
export const layoutFor = (bytes: Uint8Array, presetName: string | undefined): Decoded<Layout> => {
  const xcompBv = readU64(bytes, XCOMP_BV_OFFSET_BYTES);
  if (presetName === undefined) return formatOf(bytes) === 'compacted' ? guessCompacted(xcompBv) : guessStandard(bytes);
  const preset = findPreset(presetName);
  if (preset === undefined) {
    const names = PRESETS.map((row) => row.name).join(', ');
    return undecodable({ kind: 'not-allowed', what: `preset ${presetName}`, why: `not known; known are ${names}` });
  }
  const standard = layoutFromCpuid(preset.cpuid, `preset ${preset.label}`);
  if (!standard.ok || formatOf(bytes) === 'standard') return standard;
  return compactedLayout(standard.value, xcompBv, supervisorPlaces(preset.cpuid));
};

/** A layout measured by the file's own CPUID table, where it has one; else as layoutFor. */
export const layoutFromFacts = (
  bytes: Uint8Array,
  cpuid: Preset['cpuid'],
  source: string,
  presetName: string | undefined,
): Decoded<Layout> => {
  const measured = presetName === undefined && cpuid.length > 0 ? layoutFromCpuid(cpuid, source) : null;
  if (measured?.ok && measured.value.totalBytes > MOST_IMAGE_BYTES) {
    const why = `components up to byte ${measured.value.totalBytes}`;
    return undecodable({ kind: 'not-allowed', what: `layout from ${source}`, why });
  }
  if (measured === null || !measured.ok || formatOf(bytes) === 'compacted') return layoutFor(bytes, presetName);
  // A guest may be shown fewer components than the host saves for it; bits beyond its CPUID must stay readable.
  const bv = readU64(bytes, XSTATE_BV_OFFSET_BYTES);
  const unplaced = bv & ~maskOfLayout(measured.value);
  const guess = unplaced === 0n ? measured : layoutFor(bytes, undefined);
  return guess.ok ? guess : measured;
};
