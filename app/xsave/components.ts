import { maskOf } from '../bits/mask.ts';
import type { ComponentBit } from '../capture/image.ts';

/** The groups that registers are shown in, in this order, and the register that is selected where one comes on screen. */
export const REGISTER_GROUPS = [
  { group: 'vector', label: 'Vector', first: 'zmm0' },
  { group: 'opmask', label: 'Opmask', first: 'k0' },
  { group: 'x87', label: 'x87', first: 'st0' },
  { group: 'pkru', label: 'PKRU', first: 'pkru' },
  { group: 'general', label: 'General', first: 'rax' },
] as const;

export type RegisterGroup = (typeof REGISTER_GROUPS)[number]['group'];

interface FileRow {
  /** What its registers are shown among; null: they are in no panel. */
  readonly panel: RegisterGroup | 'tiles' | null;
  /** The names of its registers, and how wide a view of one each gives. */
  readonly views: readonly { readonly prefix: string; readonly widthBits: number }[];
  /** The numbers behind the prefix; null: one register, of that name. */
  readonly numbers: { readonly first: number; readonly count: number } | null;
}

const views = (...widths: [string, number][]): FileRow['views'] =>
  widths.map(([prefix, widthBits]) => ({ prefix, widthBits }));

/** Register files that components hold parts of. */
export const REGISTER_FILES = {
  vector: {
    panel: 'vector',
    views: views(['xmm', 128], ['ymm', 256], ['zmm', 512]),
    numbers: { first: 0, count: 32 },
  },
  k: { panel: 'opmask', views: views(['k', 64]), numbers: { first: 0, count: 8 } },
  tmm: { panel: 'tiles', views: views(['tmm', 8192]), numbers: { first: 0, count: 8 } },
  egpr: { panel: null, views: views(['r', 64]), numbers: { first: 16, count: 16 } },
  bnd: { panel: null, views: views(['bnd', 128]), numbers: { first: 0, count: 4 } },
  pkru: { panel: 'pkru', views: views(['pkru', 32]), numbers: null },
  tilecfg: { panel: 'tiles', views: views(['tilecfg', 512]), numbers: null },
} as const satisfies Readonly<Record<string, FileRow>>;

export type RegisterFile = keyof typeof REGISTER_FILES;

/** Which bits of which registers lie in a component, and how far apart: at offset (index - first) * strideBytes. */
export interface FragmentRow {
  readonly file: RegisterFile;
  readonly first: number;
  readonly count: number;
  readonly strideBytes: number;
  /** Where the fragment begins inside the architectural register. */
  readonly fromBit: number;
  readonly widthBits: number;
}

export interface ComponentRow {
  readonly bit: ComponentBit;
  /** The manual's and the kernel's name. */
  readonly name: string;
  /** On screen. */
  readonly label: string;
  readonly kind: 'user' | 'supervisor';
  /** The architectural size; null: no public source. Offsets are never here: each CPU reports its own. */
  readonly sizeBytes: number | null;
  /** Linux hands it out only after arch_prctl; the same components that IA32_XFD can arm. */
  readonly needsPermission: boolean;
  /** Suffix of the colour token: 'sse' stands for --c-sse. */
  readonly hue: string;
  readonly holds: string;
  /** How its state is reached when KVM's buffer does not carry it; null for user components. */
  readonly where: string | null;
  readonly fragment: FragmentRow | null;
  /** Which group of registers its own belong to; null: they are in no panel. */
  readonly panel: FileRow['panel'];
  /** A clear XSTATE_BV bit makes KVM leave what the vCPU holds as it is; of the others it means init. */
  readonly clearKeeps: boolean;
  /** KVM may give it to guests by XCR0. */
  readonly givenByKvm: boolean;
}

const user = (
  bit: number,
  name: string,
  sizeBytes: number | null,
  hue: string,
  holds: string,
  fragment: FragmentRow | null = null,
  more: Partial<ComponentRow> = {},
): ComponentRow => ({
  bit,
  name,
  label: name,
  kind: 'user',
  sizeBytes,
  needsPermission: false,
  hue,
  holds,
  where: null,
  fragment,
  panel: fragment === null ? null : REGISTER_FILES[fragment.file].panel,
  clearKeeps: false,
  givenByKvm: true,
  ...more,
});

const supervisor = (
  bit: number,
  name: string,
  sizeBytes: number,
  hue: string,
  holds: string,
  where: string,
): ComponentRow => ({
  bit,
  name,
  label: name,
  kind: 'supervisor',
  sizeBytes,
  needsPermission: false,
  hue,
  holds,
  where,
  fragment: null,
  panel: null,
  clearKeeps: false,
  givenByKvm: false,
});

const vector = (first: number, strideBytes: number, fromBit: number, widthBits: number): FragmentRow => ({
  file: 'vector',
  first,
  count: 16,
  strideBytes,
  fromBit,
  widthBits,
});

const file = (name: RegisterFile, first: number, count: number, strideBytes: number, widthBits: number) => ({
  file: name,
  first,
  count,
  strideBytes,
  fromBit: 0,
  widthBits,
});

const NOT_IN_KVM = 'not in any image of KVM';

/**
 * Every state component with a public definition. Sizes and order: Linux arch/x86/include/asm/fpu/types.h, which the
 * kernel checks against CPUID at boot; Intel SDM vol. 1 section 13.4; LWP: AMD APM vol. 2.
 */
export const COMPONENTS: readonly ComponentRow[] = [
  user(0, 'x87', 160, 'x87', 'x87 registers, control, status and tag words', null, { panel: 'x87' }),
  user(1, 'SSE', 256, 'sse', 'xmm0 to xmm15, and MXCSR by a rule of its own', vector(0, 16, 0, 128)),
  user(2, 'AVX', 256, 'avx', 'upper halves of ymm0 to ymm15', vector(0, 16, 128, 128)),
  user(3, 'BNDREGS', 64, 'legacy-other', 'MPX bounds registers', file('bnd', 0, 4, 16, 128)),
  user(4, 'BNDCSR', 64, 'legacy-other', 'MPX configuration and status'),
  user(5, 'opmask', 64, 'opmask', 'k0 to k7', file('k', 0, 8, 8, 64)),
  user(6, 'ZMM_Hi256', 512, 'zmm-hi256', 'upper halves of zmm0 to zmm15', vector(0, 32, 256, 256)),
  user(7, 'Hi16_ZMM', 1024, 'hi16-zmm', 'zmm16 to zmm31', vector(16, 64, 0, 512)),
  supervisor(8, 'PT', 128, 'pt', 'Processor Trace', 'IA32_RTIT_* MSRs, where KVM virtualises Processor Trace'),
  user(9, 'PKRU', 8, 'pkru', 'protection keys of user pages', file('pkru', 0, 1, 8, 32), { clearKeeps: true }),
  supervisor(10, 'PASID', 8, 'pasid', 'process address space identifier', `IA32_PASID 0xd93; ${NOT_IN_KVM}`),
  supervisor(11, 'CET_U', 16, 'cet-u', 'control-flow enforcement, user', 'IA32_U_CET 0x6a0, IA32_PL3_SSP 0x6a7'),
  supervisor(
    12,
    'CET_S',
    24,
    'cet-s',
    'control-flow enforcement, supervisor',
    'IA32_PL0_SSP 0x6a4 to IA32_PL2_SSP 0x6a6',
  ),
  supervisor(13, 'HDC', 8, 'hdc', 'hardware duty cycling', `IA32_PM_CTL1 0xdb1; ${NOT_IN_KVM}`),
  supervisor(14, 'UINTR', 48, 'uintr', 'user interrupts', `IA32_UINTR_* MSRs; ${NOT_IN_KVM}`),
  supervisor(15, 'LBR', 808, 'lbr', 'last branch records', 'IA32_LBR_* MSRs, where KVM virtualises them'),
  supervisor(16, 'HWP', 8, 'hwp', 'hardware P-states', `IA32_HWP_REQUEST 0x774; ${NOT_IN_KVM}`),
  user(17, 'XTILECFG', 64, 'tilecfg', 'tile configuration', file('tilecfg', 0, 1, 64, 512), { label: 'TILECFG' }),
  user(18, 'XTILEDATA', 8192, 'tiledata', 'tmm0 to tmm7', file('tmm', 0, 8, 1024, 8192), {
    label: 'TILEDATA',
    needsPermission: true,
  }),
  user(19, 'APX', 128, 'apx', 'r16 to r31', file('egpr', 16, 16, 8, 64), { givenByKvm: false }),
  // Provisional: ACE's block scale register. Its offset and flags have no public source yet.
  user(20, 'SCALEDATA', 128, 'legacy-other', 'block scale register of ACE, provisional', null, { givenByKvm: false }),
  user(62, 'LWP', 128, 'legacy-other', 'AMD lightweight profiling, family 15h only', null, { givenByKvm: false }),
];

/** Bits of the components that the code itself has to name. */
export const BIT = {
  x87: 0,
  SSE: 1,
  AVX: 2,
  BNDREGS: 3,
  BNDCSR: 4,
  opmask: 5,
  ZMM_Hi256: 6,
  Hi16_ZMM: 7,
  PKRU: 9,
  CET_U: 11,
  CET_S: 12,
  XTILECFG: 17,
  XTILEDATA: 18,
  APX: 19,
  LWP: 62,
} as const;

/** What KVM gives a guest where CPU and permission do: KVM_SUPPORTED_XCR0. (Linux 7.1 arch/x86/kvm/x86.c.) */
export const KVM_SUPPORTED_XCR0 = maskOf(COMPONENTS.filter((row) => row.givenByKvm).map(({ bit }) => bit));

/** XCOMP_BV bit 63 marks the compacted format; it is never a component. */
export const COMPACTED_BIT = 63;

const byBit = new Map(COMPONENTS.map((component) => [component.bit, component]));

export const componentRow = (bit: ComponentBit): ComponentRow | undefined => byBit.get(bit);

/** The manual's name, or "component 23" for a bit without a public definition. */
export const componentName = (bit: ComponentBit): string => byBit.get(bit)?.name ?? `component ${bit}`;

/** A clear XSTATE_BV bit of it asks KVM for nothing: to set its initial value, the bit has to be set. True of PKRU alone. */
export const keepsWhenClear = (bit: ComponentBit): boolean => byBit.get(bit)?.clearKeeps ?? false;

/** The name on screen. */
export const componentLabel = (bit: ComponentBit): string => byBit.get(bit)?.label ?? `component ${bit}`;
