import { readU32, readU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { bitsOf, hasBit, hexShort, maskOf } from '../bits/mask.ts';
import type { ComponentPlace, Layout, LayoutCandidate, LostBytes } from '../capture/image.ts';
import { BIT, COMPACTED_BIT, COMPONENTS } from '../xsave/components.ts';
import { restrictLayout } from '../xsave/convert.ts';
import { XCOMP_BV_OFFSET_BYTES, XSTATE_BV_OFFSET_BYTES } from '../xsave/header.ts';
import { BY_NAME, compactedLayout, layoutFromCpuid, placeOf, supervisorPlaces } from '../xsave/layout.ts';
import { MXCSR_MASK_OFFSET_BYTES } from '../xsave/legacy.ts';
import { findPreset, PRESETS, type Preset } from '../xsave/presets.ts';
import {
  type Evidence,
  EXACT_SIZE_WEIGHT,
  evidenceOf,
  givesSignalStack,
  type Witness,
  type WriterFacts,
  witnessesOf,
} from './witness.ts';

/** KVM_GET_XSAVE's struct kvm_xsave. */
export const LEGACY_IMAGE_BYTES = 4096;

/** No XSAVE area is larger: 8192 bytes of tiles, and room for what is to come. What a file says is held against it. */
export const MOST_IMAGE_BYTES = 1 << 16;

const standardOf = (preset: Preset): Layout | null => {
  const layout = layoutFromCpuid(preset.cpuid, preset.label);
  return layout.ok ? layout.value : null;
};

/** Where nothing speaks for one of two CPUs, the one that is met more often. */
const COMMON = ['granite-rapids', 'sapphire-rapids', 'ice-lake-sp', 'skylake-sp', 'zen5', 'zen4', 'zen3'];
const rankOf = (preset: Preset): number => {
  const index = COMMON.indexOf(preset.name);
  return index < 0 ? COMMON.length : index;
};

/** The CPUs that an image is held against, once. */
const CPUS: readonly { readonly preset: Preset; readonly whole: Layout }[] = [...PRESETS]
  .sort((a, b) => rankOf(a) - rankOf(b))
  .flatMap((preset) => {
    const whole = standardOf(preset);
    return whole === null ? [] : [{ preset, whole }];
  });

/** XSETBV enables these together or not at all. */
const TOGETHER = [
  [BIT.BNDREGS, BIT.BNDCSR],
  [BIT.opmask, BIT.ZMM_Hi256, BIT.Hi16_ZMM],
  [BIT.XTILECFG, BIT.XTILEDATA],
] as const;

/** What a system there would have enabled: what the writer says, else what is in use and what there is room for. */
const enabledOn = (whole: Layout, { bytes, bv, mask, saidBytes }: Evidence): Layout => {
  if (mask !== null) return restrictLayout(whole, mask | bv);
  const size = saidBytes ?? bytes.length;
  const fits = (bit: number): boolean => {
    const place = placeOf(whole, bit);
    return place !== undefined && place.offsetBytes + place.sizeBytes <= size;
  };
  const bits = whole.components
    .map((place) => place.bit)
    .filter((bit) => (TOGETHER.find((group) => (group as readonly number[]).includes(bit)) ?? [bit]).every(fits));
  return restrictLayout(whole, maskOf(bits) | bv);
};

/*
 * gdb up to 13 has Intel's offsets built in, on every CPU: its gcore reads and writes a note of Intel's size with them. On an
 * AMD CPU the bytes stay where that CPU has them, but those at offsets where Intel has no component are not copied: 832 to
 * 959, and 960 to 1087 without MPX, which no AMD CPU has. (binutils-gdb 054f25955c; gdb/i387-tdep.c of gdb 13.)
 */
const GDB_LOST: LostBytes = {
  offsetBytes: 832,
  sizeBytes: 256,
  why: "gdb up to 13 copies bytes at Intel's offsets alone, on every CPU: these are not in the file",
};
const INTEL_SIZES: ReadonlyMap<number, bigint> = new Map([
  [2688, 0xe7n],
  [2696, 0x2e7n],
]);

/** Whether gdb up to 13 can have written the image on an AMD CPU: it keeps no MXCSR_MASK, and its note has Intel's size. */
const canBeOldGdb = (bytes: Uint8Array): boolean =>
  readU32(bytes, MXCSR_MASK_OFFSET_BYTES) === 0 && INTEL_SIZES.has(bytes.length);

const hasAmdAvx512 = (layout: Layout): boolean => placeOf(layout, BIT.opmask)?.offsetBytes === GDB_LOST.offsetBytes;

/** As much as the size says for Intel's CPUs, for it says the same for both. */
const gdbSays = ({ isGdb, bytes, mask }: Evidence): Witness[] => [
  {
    weight: EXACT_SIZE_WEIGHT[mask === null ? 'alone' : 'withMask'] + (isGdb ? 2 : -1),
    strong: false,
    says: `gdb up to 13 writes Intel's ${bytes.length} bytes on every CPU, and MXCSR_MASK 0`,
  },
];

interface Candidate {
  readonly presets: readonly Preset[];
  readonly layout: Layout;
  readonly witnesses: readonly Witness[];
  readonly score: number;
}

const candidateOf = (preset: Preset, whole: Layout, evidence: Evidence): Candidate => {
  const layout = enabledOn(whole, evidence);
  const isOldGdb = hasAmdAvx512(layout) && canBeOldGdb(evidence.bytes);
  const found = witnessesOf(evidence, preset, layout, whole);
  const witnesses = isOldGdb
    ? [...found.filter(({ strong, weight }) => strong || weight > -2), ...gdbSays(evidence)]
    : found;
  return {
    presets: [preset],
    layout: isOldGdb ? { ...layout, lost: [GDB_LOST] } : layout,
    witnesses,
    score: witnesses.reduce((sum, { weight }) => sum + weight, 0),
  };
};

/** Where the components lie whose bytes are shown; CPUs that agree on it are one candidate. */
const placesOf = (layout: Layout, bits: readonly number[]): string =>
  bits
    .map((bit) => {
      const place = placeOf(layout, bit);
      return place === undefined ? '-' : `${place.offsetBytes}+${place.sizeBytes}`;
    })
    .join(' ');

const isRuledOut = ({ witnesses }: Candidate): boolean => witnesses.some(({ strong }) => strong);

/** The likeliest first; CPUs with the same places for what is in use in one. A stable sort keeps the common ones before. */
const candidatesFor = (evidence: Evidence): readonly Candidate[] => {
  const inUse = bitsOf(evidence.bv);
  const { bv } = evidence;
  const holdsAll = ({ layout }: Candidate): boolean => (bv & ~maskOf(layout.components.map(({ bit }) => bit))) === 0n;
  const each = CPUS.map(({ preset, whole }) => candidateOf(preset, whole, evidence));
  // A CPU that does not have what is in use is none of the candidates, while there is one that has.
  const all = each.some(holdsAll) ? each.filter(holdsAll) : each;
  const groups = new Map<string, Candidate>();
  for (const one of all.sort((a, b) => b.score - a.score || b.layout.totalBytes - a.layout.totalBytes)) {
    const key = `${placesOf(one.layout, inUse)} ${one.layout.lost === undefined}`;
    const before = groups.get(key);
    const presets = before === undefined || isRuledOut(one) ? one.presets : [...before.presets, ...one.presets];
    groups.set(key, before === undefined ? one : { ...before, presets: isRuledOut(one) ? before.presets : presets });
  }
  const ranked = [...groups.values()];
  const best = ranked[0];
  // Who has something strong against him is out, unless the likeliest has too: then the file contradicts itself.
  return best === undefined || isRuledOut(best) ? ranked : ranked.filter((one) => !isRuledOut(one));
};

const MOST_LABELS = 3;
const labelOf = ({ presets }: Candidate): string => {
  const shown = presets.slice(0, MOST_LABELS).map(({ label }) => label);
  return presets.length > MOST_LABELS
    ? `${shown.join('; ')} and ${presets.length - MOST_LABELS} more`
    : shown.join('; ');
};

const MOST_CANDIDATES = 4;

const sayCandidate = (one: Candidate): LayoutCandidate => ({
  cpu: one.presets[0]?.name ?? '',
  label: labelOf(one),
  speaksFor: one.witnesses.filter(({ weight }) => weight > 0).map(({ says }) => says),
  speaksAgainst: one.witnesses.filter(({ weight }) => weight <= 0).map(({ says }) => says),
});

const evidenceWords = ({ bytes, mask, maskFrom, bv, vendor, saidBytes, signalStackBytes }: Evidence): string => {
  const parts = [`its size ${bytes.length}`];
  if (saidBytes !== null) parts.push(`the size ${saidBytes} of the signal frame`);
  parts.push(mask === null ? `XSTATE_BV ${hexShort(bv)}` : `the mask ${hexShort(mask)} ${maskFrom}`);
  if (vendor !== null) parts.push('MXCSR_MASK');
  if (signalStackBytes !== null) parts.push(`AT_MINSIGSTKSZ ${signalStackBytes}`);
  return parts.length === 1 ? `${parts[0]}` : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
};

/** A value that no known CPU's components explain is of a kernel that counts otherwise: it says nothing. */
const withSignalStack = (evidence: Evidence): Evidence => {
  const { signalStackBytes } = evidence;
  const isKnown = signalStackBytes !== null && CPUS.some(({ whole }) => givesSignalStack(whole, signalStackBytes));
  return isKnown ? evidence : { ...evidence, signalStackBytes: null };
};

const guessStandard = (said: Evidence): Decoded<Layout> => {
  const evidence = withSignalStack(said);
  const { bv } = evidence;
  const known = CPUS.reduce((all, { whole }) => all | maskOf(whole.components.map(({ bit }) => bit)), 0n);
  if ((bv & ~known) !== 0n) return undecodable({ kind: 'unknown-components', mask: bv & ~known });
  const ranked = candidatesFor(evidence).slice(0, MOST_CANDIDATES);
  const [best, ...others] = ranked;
  if (best === undefined) return undecodable({ kind: 'unknown-components', mask: bv });
  const doubtful = bitsOf(bv).filter((bit) => {
    if (bit < 2) return false;
    const here = placesOf(best.layout, [bit]);
    return others.some(({ layout, presets }) => presets.length > 0 && placesOf(layout, [bit]) !== here);
  });
  const unplaced = bv & ~maskOf(best.layout.components.map(({ bit }) => bit));
  if (unplaced !== 0n) return undecodable({ kind: 'unknown-components', mask: unplaced });
  const source = `guessed from ${evidenceWords(evidence)}: offsets of ${labelOf(best)}`;
  const candidates = doubtful.length === 0 ? [best] : ranked;
  return decoded({
    ...best.layout,
    source: doubtful.length === 0 ? source : `${source}; possible too: ${others.map(labelOf).join(', or ')}`,
    guess: { candidates: candidates.map(sayCandidate), doubtful },
  });
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
      guess: { candidates: [], doubtful: [] },
    },
    xcompBv,
  );

const formatOf = (bytes: Uint8Array): 'standard' | 'compacted' =>
  hasBit(readU64(bytes, XCOMP_BV_OFFSET_BYTES), COMPACTED_BIT) ? 'compacted' : 'standard';

const unknownPreset = (name: string): Decoded<never> => {
  const names = PRESETS.map((row) => row.name).join(', ');
  return undecodable({ kind: 'not-allowed', what: `preset ${name}`, why: `not known; known are ${names}` });
};

/**
 * The layout of an image that came without one. A CPU by name, else a guess with its candidates from all that the image says
 * of its writer; the layout's source then begins with "guessed". Needs 576 bytes.
 *
 * @param writer what the file says of who wrote it
 */
export const layoutFor = (
  bytes: Uint8Array,
  cpu: string | Preset | undefined,
  writer: WriterFacts = {},
): Decoded<Layout> => {
  const xcompBv = readU64(bytes, XCOMP_BV_OFFSET_BYTES);
  if (cpu === undefined) {
    return formatOf(bytes) === 'compacted' ? guessCompacted(xcompBv) : guessStandard(evidenceOf(bytes, writer));
  }
  const preset = typeof cpu === 'string' ? findPreset(cpu) : cpu;
  if (preset === undefined) return unknownPreset(typeof cpu === 'string' ? cpu : '');
  const standard = layoutFromCpuid(preset.cpuid, `preset ${preset.label}`);
  if (!standard.ok) return standard;
  if (formatOf(bytes) === 'compacted') {
    const packed = compactedLayout(standard.value, xcompBv, supervisorPlaces(preset.cpuid));
    // An XCOMP_BV that the CPU cannot have written is one of the faults that the file is opened to see.
    if (packed.ok) return packed;
  }
  const isOldGdb = hasAmdAvx512(standard.value) && canBeOldGdb(bytes);
  return isOldGdb ? decoded({ ...standard.value, lost: [GDB_LOST] }) : standard;
};

/**
 * A layout for registers that a file keeps by name: where they are put is chosen here, and nothing is guessed. The CPU that was
 * named, else the most common that has all of them.
 */
export const layoutByName = (mask: bigint, cpu: string | Preset | undefined, what: string): Decoded<Layout> => {
  const named = typeof cpu === 'string' ? findPreset(cpu) : cpu;
  if (cpu !== undefined && named === undefined) return unknownPreset(typeof cpu === 'string' ? cpu : '');
  const missingOn = (whole: Layout): bigint => mask & ~maskOf(whole.components.map(({ bit }) => bit)) & ~3n;
  const chosen = named === undefined ? CPUS.find(({ whole }) => missingOn(whole) === 0n) : { preset: named };
  const whole = chosen === undefined ? null : standardOf(chosen.preset);
  if (chosen === undefined || whole === null) return undecodable({ kind: 'unknown-components', mask });
  const missing = missingOn(whole);
  if (missing !== 0n) return undecodable({ kind: 'unknown-components', mask: missing });
  const source = `${BY_NAME}${what}: put at the offsets of ${chosen.preset.label}`;
  return decoded({ ...restrictLayout(whole, mask), source });
};

/** A layout measured by the file's own CPUID table, where it has one; else as layoutFor. */
export const layoutFromFacts = (
  bytes: Uint8Array,
  cpuid: Preset['cpuid'],
  source: string,
  cpu: string | Preset | undefined,
): Decoded<Layout> => {
  const measured = cpu === undefined && cpuid.length > 0 ? layoutFromCpuid(cpuid, source) : null;
  if (measured?.ok && measured.value.totalBytes > MOST_IMAGE_BYTES) {
    const why = `components up to byte ${measured.value.totalBytes}`;
    return undecodable({ kind: 'not-allowed', what: `layout from ${source}`, why });
  }
  if (measured === null || !measured.ok || formatOf(bytes) === 'compacted') return layoutFor(bytes, cpu);
  // A guest may be shown fewer components than the host saves for it; bits beyond its CPUID must stay readable.
  const bv = readU64(bytes, XSTATE_BV_OFFSET_BYTES);
  const unplaced = bv & ~maskOf(measured.value.components.map((place) => place.bit));
  const guess = unplaced === 0n ? measured : layoutFor(bytes, undefined);
  return guess.ok ? guess : measured;
};
