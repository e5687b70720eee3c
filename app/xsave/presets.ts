import { bitsOf } from '../bits/mask.ts';
import type { Cpuid, CpuidEntry } from '../cpu/cpuid.ts';
import { compactedLayout, layoutFromCpuid } from './layout.ts';

/** MXCSR_MASK as CPUs write it: AMD's has bit 17 (misaligned SSE mode). */
export const MXCSR_MASKS = { Intel: 0xffff, AMD: 0x2ffff } as const;

/** The XSAVE enumeration of a real CPU, for images that come without one. */
export interface Preset {
  /** As typed after --preset. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly label: string;
  readonly vendor: 'Intel' | 'AMD';
  /**
   * Leaf 0xD, and 0x1D and 0x1E where there is AMX. 0xD.0.EBX and 0xD.1.EBX depend on XCR0 and IA32_XSS: they are as
   * the CPU gives them with every user component enabled and IA32_XSS zero.
   */
  readonly cpuid: Cpuid;
  readonly source: string;
  /** Components that Linux leaves out on this CPU though leaf 0xD has them, and so does its KVM. */
  readonly leftOut: readonly number[];
}

/** [bit, size, standard offset, ECX]; supervisor components have offset 0 and ECX bit 0. */
type Row = readonly [bit: number, sizeBytes: number, offsetBytes: number, ecx: number];

const AVX: Row = [2, 256, 0x240, 0];
const supervisor = (bit: number, sizeBytes: number): Row => [bit, sizeBytes, 0, 1];

const MPX: readonly Row[] = [
  [3, 64, 0x3c0, 0],
  [4, 64, 0x400, 0],
];
const INTEL_AVX512: readonly Row[] = [
  [5, 64, 0x440, 0],
  [6, 512, 0x480, 0],
  [7, 1024, 0x680, 0],
];
const INTEL_PKRU: Row = [9, 8, 0xa80, 0];
const AMX: readonly Row[] = [
  [17, 64, 0xac0, 2],
  [18, 8192, 0xb00, 6],
];
const AMD_AVX512: readonly Row[] = [
  [5, 64, 0x340, 0],
  [6, 512, 0x380, 0],
  [7, 1024, 0x580, 0],
];
const AMD_PKRU: Row = [9, 8, 0x980, 0];
const PT = supervisor(8, 128);
const HDC = supervisor(13, 8);
const HWP = supervisor(16, 8);
const CET: readonly Row[] = [supervisor(11, 16), supervisor(12, 24)];
const SERVER: readonly Row[] = [PT, supervisor(10, 8), ...CET, supervisor(14, 48), supervisor(15, 808)];
const CLIENT: readonly Row[] = [PT, ...CET, supervisor(14, 48), supervisor(15, 808), HWP];

const ALDER_LAKE: readonly Row[] = [PT, ...CET, supervisor(15, 808), HWP];

// Leaves 0x1D and 0x1E of Sapphire Rapids: palette 1 with 8 tiles of 16 rows by 64 bytes.
const AMX_LEAVES: readonly CpuidEntry[] = [
  { leaf: 0x1d, subleaf: 0, eax: 1, ebx: 0, ecx: 0, edx: 0 },
  { leaf: 0x1d, subleaf: 1, eax: 0x04002000, ebx: 0x00080040, ecx: 0x10, edx: 0 },
  { leaf: 0x1e, subleaf: 0, eax: 0, ebx: 0x4010, ecx: 0, edx: 0 },
];

const low = (mask: bigint): number => Number(mask & 0xffffffffn);
const high = (mask: bigint): number => Number(mask >> 32n);

const leafD = (rows: readonly Row[], features: number): Cpuid => {
  const maskOfRows = (isSupervisor: boolean): bigint =>
    rows.filter((row) => ((row[3] & 1) !== 0) === isSupervisor).reduce((mask, [bit]) => mask | (1n << BigInt(bit)), 0n);
  const user = 3n | maskOfRows(false);
  const xss = maskOfRows(true);
  const totalBytes = Math.max(576, ...rows.map(([, sizeBytes, offsetBytes]) => sizeBytes + offsetBytes));
  const subleaves = rows.map(([subleaf, eax, ebx, ecx]): CpuidEntry => ({ leaf: 0xd, subleaf, eax, ebx, ecx, edx: 0 }));
  const first = { leaf: 0xd, subleaf: 0, eax: low(user), ebx: totalBytes, ecx: totalBytes, edx: high(user) };
  const second = { leaf: 0xd, subleaf: 1, eax: features, ebx: 0, ecx: low(xss), edx: high(xss) };
  const standard = layoutFromCpuid([first, second, ...subleaves], 'preset');
  const packed = standard.ok ? compactedLayout(standard.value, user | (1n << 63n)) : standard;
  const hasCompaction = (features & 2) !== 0;
  return [first, { ...second, ebx: hasCompaction && packed.ok ? packed.value.totalBytes : 0 }, ...subleaves];
};

const DUMP = 'CPUID dump in InstLatx64';
/** @param signature CPUID 1.EAX, by which the dumps are named */
const of = (signature: string): string => `${DUMP} of CPUID signature ${signature}`;

const preset = (
  name: string,
  aliases: readonly string[],
  label: string,
  vendor: Preset['vendor'],
  rows: readonly Row[],
  features = 0xf,
  source = DUMP,
): Preset => {
  const hasAmx = rows.some(([bit]) => bit === 18);
  const cpuid = [...leafD(rows, features), ...(hasAmx ? AMX_LEAVES : [])];
  return { name, aliases, label, vendor, cpuid, source, leftOut: [] };
};

const ICE_LAKE: readonly Row[] = [AVX, ...INTEL_AVX512, INTEL_PKRU];
const SAPPHIRE: readonly Row[] = [...ICE_LAKE, ...AMX, ...SERVER];
const ZEN4: readonly Row[] = [AVX, ...AMD_AVX512, AMD_PKRU, ...CET];

/** Real CPUs, oldest first within a vendor. A new one is a new row. */
export const PRESETS: readonly Preset[] = [
  preset('haswell', ['haswell-ep', 'sandy-bridge', 'ivy-bridge', 'hsw'], 'Haswell', 'Intel', [AVX], 1, of('00306C3')),
  preset('broadwell', ['broadwell-ep', 'bdw', 'bdx'], 'Broadwell', 'Intel', [AVX], 1, of('00406F1')),
  preset(
    'skylake',
    ['skylake-client', 'kaby-lake', 'skl'],
    'Skylake client',
    'Intel',
    [AVX, ...MPX, PT],
    0xf,
    of('00506E3'),
  ),
  preset('skylake-sp', ['cascade-lake-sp', 'skx', 'clx'], 'Skylake-SP, Cascade Lake-SP', 'Intel', [
    AVX,
    ...MPX,
    ...INTEL_AVX512,
    INTEL_PKRU,
    PT,
  ]),
  preset('ice-lake-sp', ['icx'], 'Ice Lake-SP', 'Intel', [...ICE_LAKE, PT]),
  preset('ice-lake', ['ice-lake-client', 'icl'], 'Ice Lake client', 'Intel', [...ICE_LAKE, PT, HDC]),
  preset(
    'alder-lake',
    ['raptor-lake', 'adl', 'rpl'],
    'Alder Lake',
    'Intel',
    [AVX, INTEL_PKRU, ...ALDER_LAKE],
    0xf,
    of('0090672'),
  ),
  preset('sapphire-rapids', ['spr'], 'Sapphire Rapids', 'Intel', SAPPHIRE, 0x1f),
  preset('emerald-rapids', ['emr'], 'Emerald Rapids', 'Intel', SAPPHIRE, 0x1f, of('00C06F2')),
  preset('granite-rapids', ['gnr'], 'Granite Rapids', 'Intel', [...SAPPHIRE, HWP], 0x1f),
  preset('lunar-lake', ['panther-lake', 'lnl', 'ptl'], 'Lunar Lake, Panther Lake', 'Intel', [
    AVX,
    INTEL_PKRU,
    ...CLIENT,
  ]),
  preset(
    'apx',
    ['diamond-rapids', 'dmr'],
    'APX with AMX',
    'Intel',
    [...SAPPHIRE, HWP, [19, 128, 0x3c0, 0]],
    0x1f,
    'Intel APX architecture specification for component 19; no public CPUID dump: the rest is that of Granite Rapids',
  ),
  preset(
    'family-15h',
    ['interlagos', 'abu-dhabi', 'bulldozer'],
    'AMD family 15h',
    'AMD',
    [AVX, [62, 128, 0x340, 0]],
    0,
  ),
  preset('zen1', ['zen', 'naples', 'zen+'], 'Zen (Naples)', 'AMD', [AVX], 0xf, of('0800F11')),
  // CPUID 7.ECX does not have PKU there: fpu/xstate.c, xsave_cpuid_features, then takes PKRU out of XCR0.
  { ...preset('zen2', ['rome'], 'Zen 2 (Rome)', 'AMD', [AVX, [9, 64, 0x340, 0]]), leftOut: [9] },
  preset(
    'zen2-linux',
    ['rome-linux'],
    'Zen 2 under Linux, without PKRU',
    'AMD',
    [AVX],
    0xf,
    'Linux cleans XCR0 of PKRU where CPUID 7.ECX does not have PKU, as on Zen 2: its XCR0 is 7 (fpu/xstate.c, xsave_cpuid_features)',
  ),
  preset('zen3', ['milan'], 'Zen 3 (Milan)', 'AMD', [AVX, AMD_PKRU, ...CET]),
  preset('zen4', ['genoa'], 'Zen 4 (Genoa)', 'AMD', ZEN4),
  preset('zen5', ['turin'], 'Zen 5 (Turin)', 'AMD', ZEN4),
];

/** By name or alias, in any case, with spaces or hyphens. */
export const findPreset = (name: string): Preset | undefined => {
  const wanted = name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_]+/g, '-');
  return PRESETS.find((row) => row.name === wanted || row.aliases.includes(wanted));
};

/** The bits of the components a preset's CPU has, user and supervisor, lowest first. */
export const presetBits = (row: Preset): number[] =>
  bitsOf(
    row.cpuid
      .filter((entry) => entry.leaf === 0xd && entry.subleaf > 1)
      .reduce((mask, entry) => mask | (1n << BigInt(entry.subleaf)), 3n),
  );
