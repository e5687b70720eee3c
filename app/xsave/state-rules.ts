import { readU32 } from '../bits/bytes.ts';
import { bitsOf, hasBit, hexShort, maskOf } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import type { ComponentBit } from '../capture/image.ts';
import { type Cpuid, cpuidEntry } from '../cpu/cpuid.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import type { Contradiction } from './bitmatrix-rules.ts';
import { BIT, COMPACTED_BIT, componentLabel } from './components.ts';
import { msrValue } from './facts.ts';
import { hasUnplacedXcomp, headerReserved, looksProtected, xcompBv, xstateBv } from './header.ts';
import {
  compactedLayout,
  enumeratedSupervisor,
  enumeratedUser,
  isByName,
  layoutFromCpuid,
  supervisorPlaces,
} from './layout.ts';
import { MXCSR_MASK_OFFSET_BYTES, mxcsr, unmaskedControls } from './legacy.ts';
import { brokenTileRules, rawTileConfig, tileUseWarnings } from './tilecfg.ts';
import { viewComponent } from './view.ts';

/*
 * What contradicts in a state and is no relation between masks of bits: contents of registers, sizes, tables that are not
 * whole. bitMatrix() tells them beside its rules.
 */
type Find = (capture: Capture) => readonly Contradiction[];

const found = (
  rule: string,
  severity: Contradiction['severity'],
  bits: readonly ComponentBit[],
  source: string,
  sentence: string,
): Contradiction => ({ rule, severity, bits, rows: [], source, sentence });

const protectedGuest: Find = ({ image }) =>
  looksProtected(image)
    ? [
        found(
          'protected-guest',
          'warning',
          [],
          'Linux arch/x86/kvm/x86.c, kvm_vcpu_ioctl_x86_get_xsave2 where fpstate_is_confidential()',
          'the legacy region and the header are all zero, as no CPU stores them (FCW would be 37FH): KVM gives that for an SEV-ES guest, whose registers it cannot read; these zeros are not its registers',
        ),
      ]
    : [];

const unmasked: Find = ({ image }) =>
  unmaskedControls(image).map((name) =>
    found(
      'exceptions-unmasked',
      'warning',
      [name === 'FCW' ? BIT.x87 : BIT.SSE],
      'Intel SDM vol. 1 sections 8.1.5 and 10.2.3; FCW starts as 37FH, MXCSR as 1F80H',
      `${name} masks no exception: with this state the first inexact result raises ${name === 'FCW' ? '#MF' : '#XM'}`,
    ),
  );

/** As CPUs write it: Intel's, AMD's, and none, which stands for FFBFH. */
const MASKS = [0xffff, 0x2ffff, 0];

const mxcsrMask: Find = ({ image }) => {
  const bv = xstateBv(image);
  const isThere =
    hasBit(bv, BIT.SSE) || (image.layout.format === 'standard' && (hasBit(bv, BIT.AVX) || hasBit(bv, BIT.x87)));
  // QEMU keeps no mask.
  if (!isThere || isByName(image.layout)) return [];
  const stored = readU32(image.bytes, MXCSR_MASK_OFFSET_BYTES);
  const control = mxcsr(image);
  const beyond = (control & ~(stored || 0xffbf)) >>> 0;
  const source = 'Intel SDM vol. 1 section 11.6.6; Linux fpu/init.c, fpu__init_system_mxcsr';
  const hex = (value: number): string => hexShort(BigInt(value));
  return [
    ...(beyond === 0
      ? []
      : [
          found(
            'mxcsr-outside-mask',
            'error',
            [BIT.SSE],
            source,
            `MXCSR ${hex(control)} has bits outside the stored MXCSR_MASK ${hex(stored)}: ${bitsOf(BigInt(beyond)).join(', ')}`,
          ),
        ]),
    ...(MASKS.includes(stored)
      ? []
      : [
          found(
            'mxcsr-mask',
            'warning',
            [BIT.SSE],
            source,
            `no CPU has MXCSR_MASK ${hex(stored)}: it is 0xffff, on AMD 0x2ffff, or 0 for 0xffbf`,
          ),
        ]),
  ];
};

const MOST_TILE_RULES = 8;

const tileConfig: Find = ({ image }) => {
  const view = viewComponent(image, BIT.XTILECFG);
  if (view.state !== 'inUse') return [];
  const broken = brokenTileRules(view.bytes);
  const bits = [BIT.XTILECFG];
  if (broken.length > 0) {
    const more = broken.length > MOST_TILE_RULES ? `; and ${broken.length - MOST_TILE_RULES} more` : '';
    const sentences = broken.slice(0, MOST_TILE_RULES).map(({ sentence }) => sentence);
    const sentence = `TILECFG is one that LDTILECFG refuses with #GP: ${sentences.join('; ')}${more}`;
    return [found('tilecfg-refused', 'error', bits, 'Intel SDM vol. 2, LDTILECFG', sentence)];
  }
  return tileUseWarnings(rawTileConfig(view.bytes)).map(({ sentence }) =>
    found('tile-use', 'warning', bits, 'Intel SDM vol. 2, TILELOADD and the dot products', sentence),
  );
};

/** A snapshot restores what it holds: without IA32_XSS the guest's next XRSTORS names components that are not enabled. */
const xssMissing: Find = ({ facts }) => {
  const offered = enumeratedSupervisor(facts.guestCpuid) ?? 0n;
  if (offered === 0n || facts.msrs.length === 0) return [];
  if (facts.msrs.some(({ index }) => index === MSR_INDEX.IA32_XSS)) return [];
  const bits = bitsOf(offered);
  const names = bits.map(componentLabel).join(', ');
  return [
    found(
      'xss-not-saved',
      'error',
      bits,
      'Intel SDM vol. 1 section 13.12: XRSTORS raises #GP for what IA32_XSS does not enable',
      `the guest's CPUID 0xD.1.ECX offers ${hexShort(offered)} (${names}) and MSR 0xda0 (IA32_XSS) is not among the MSRs: after a restore it is 0, and the guest takes #GP in XRSTORS ("Bad FPU state detected")`,
    ),
  ];
};

/** Enumerated by 0xD.0 or 0xD.1 and without a sub-leaf of their own, in a table that has some of leaf 0xD. */
export const missingSubleaves = (cpuid: Cpuid): ComponentBit[] => {
  const announced = (enumeratedUser(cpuid) ?? 0n) | (enumeratedSupervisor(cpuid) ?? 0n);
  return bitsOf(announced).filter(
    (bit) => bit >= 2 && bit !== COMPACTED_BIT && cpuidEntry(cpuid, 0xd, bit) === undefined,
  );
};

const subleaves: Find = ({ facts }) =>
  (['guest', 'host'] as const).flatMap((whose) => {
    const bits = missingSubleaves(whose === 'guest' ? facts.guestCpuid : facts.hostCpuid);
    if (bits.length === 0) return [];
    const names = bits.map((bit) => `${bit} (${componentLabel(bit)})`).join(', ');
    const sentence = `the ${whose}'s CPUID 0xD announces ${names} and has no sub-leaf for it: nobody can tell the size of an image there; what adds up their sizes finds none (Linux's snp_cpuid_calc_xsave_size() returns 0, and an SEV-SNP guest ends)`;
    return [found('subleaf-missing', 'error', bits, 'Intel SDM vol. 1 section 13.2; CPUID 0xD.0 and 0xD.1', sentence)];
  });

/** What the enabled components take in the compacted format; null: their sizes are not known. */
const packed = (guestCpuid: Cpuid, mask: bigint): number | null => {
  const standard = layoutFromCpuid(guestCpuid, 'guest CPUID 0xD');
  if (!standard.ok) return null;
  const layout = compactedLayout(standard.value, mask | maskOf([COMPACTED_BIT]), supervisorPlaces(guestCpuid));
  return layout.ok ? layout.value.totalBytes : null;
};

/** What XSAVES takes with the guest's XCR0 and IA32_XSS; null: one of them, or a size, is not known. */
const packedBytes = ({ facts }: Capture): number | null => {
  const { guestCpuid, xcr0 } = facts;
  const entry = cpuidEntry(guestCpuid, 0xd, 1);
  if (entry === undefined || xcr0 === null || missingSubleaves(guestCpuid).length > 0) return null;
  // With nothing offered in it IA32_XSS is 0, read or not.
  const isZero = (entry.eax & 8) === 0 || enumeratedSupervisor(guestCpuid) === 0n;
  const xss = isZero ? 0n : msrValue(facts, MSR_INDEX.IA32_XSS);
  return xss === null ? null : packed(guestCpuid, xcr0 | xss);
};

/**
 * The sizes that 0xD.1.EBX may have: of a running guest's table that of XCR0 and IA32_XSS; of a table that a VMM keeps as it
 * was made that of all user components, with and without the supervisor ones, or that of none.
 */
const isPlausible = ({ facts }: Capture, said: number): boolean => {
  const { guestCpuid, xcr0 } = facts;
  const users = [xcr0 ?? 0n, enumeratedUser(guestCpuid) ?? 0n, 3n];
  const supervisors = [0n, msrValue(facts, MSR_INDEX.IA32_XSS) ?? 0n, enumeratedSupervisor(guestCpuid) ?? 0n];
  return users.some((user) => supervisors.some((supervisor) => packed(guestCpuid, user | supervisor) === said));
};

/** CPUID 0xD.1.EBX where it is the size of nothing that the guest may have; null: it is, or nothing is known. */
export const oddPackedSize = (capture: Capture): { readonly said: number; readonly takes: number } | null => {
  const takes = packedBytes(capture);
  const entry = cpuidEntry(capture.facts.guestCpuid, 0xd, 1);
  const said = (entry?.ebx ?? 0) >>> 0;
  // 0: a table that says nothing, or a CPU without the compacted format.
  if (takes === null || said === 0 || said === takes || isPlausible(capture, said)) return null;
  return { said, takes };
};

const packedSize: Find = (capture) => {
  const odd = oddPackedSize(capture);
  if (odd === null) return [];
  return [
    found(
      'compacted-size',
      'warning',
      [],
      'Linux fpu/xstate.c: XSAVE consistency problem',
      `the guest's CPUID 0xD.1.EBX says ${odd.said} bytes, and XCR0 with IA32_XSS take ${odd.takes} in the compacted format, with the alignment to 64 that sub-leaves ask for by ECX[1]: Linux then turns XSAVE off`,
    ),
  ];
};

const xcompUnplaced: Find = ({ image }) => {
  if (!hasUnplacedXcomp(image)) return [];
  const sentence = `XCOMP_BV ${hexShort(xcompBv(image))} has bit 63 and components without a place on this CPU: neither format`;
  return [found('xcomp-bv-unplaced', 'error', [], 'Intel SDM vol. 1 section 13.4.3', sentence)];
};

/** Said here too, because an image with such a header opens, and what is wrong is what it is opened for. */
const header: Find = ({ image }) => {
  const wrong = headerReserved(image).flatMap((problem) =>
    problem.kind === 'reserved-not-zero' ? [problem.offsetBytes] : [],
  );
  if (wrong.length === 0) return [];
  const where =
    wrong.length === 1 ? `byte ${wrong[0]}` : `bytes ${wrong[0]} to ${wrong.at(-1)}, ${wrong.length} of them`;
  const sentence = `reserved header ${where} not zero: XRSTOR raises #GP, KVM_SET_XSAVE is EINVAL`;
  return [
    found(
      'header-reserved',
      'error',
      [],
      'Intel SDM vol. 1 section 13.4.2; Linux validate_user_xstate_header',
      sentence,
    ),
  ];
};

const FINDS: readonly Find[] = [
  protectedGuest,
  xcompUnplaced,
  header,
  unmasked,
  mxcsrMask,
  tileConfig,
  xssMissing,
  subleaves,
  packedSize,
];

export const stateContradictions: Find = (capture) => FINDS.flatMap((find) => find(capture));
