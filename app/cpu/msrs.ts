/**
 * Model-specific registers that belong to extended state but lie outside the image (Intel SDM vol. 4, table 2-2).
 * All of them are read with a capture; each may be written, for all are on the closed list of native/wire/protocol.h.
 */
export interface MsrRow {
  readonly index: number;
  /** As the manual writes it. */
  readonly name: string;
  /** The register path it has here. */
  readonly path: string;
  /** The state component that would hold it in an XSAVES image; null: in none. */
  readonly component: number | null;
  readonly meaning: string;
}

/** Addresses of MSRs. (Intel SDM vol. 4; AMD APM vol. 2) */
export const MSR_INDEX = {
  IA32_XFD: 0x1c4,
  IA32_XFD_ERR: 0x1c5,
  IA32_U_CET: 0x6a0,
  IA32_S_CET: 0x6a2,
  IA32_PL0_SSP: 0x6a4,
  IA32_PL1_SSP: 0x6a5,
  IA32_PL2_SSP: 0x6a6,
  IA32_PL3_SSP: 0x6a7,
  IA32_INT_SSP_TAB: 0x6a8,
  IA32_XSS: 0xda0,
} as const;

const row = (name: keyof typeof MSR_INDEX, path: string, component: number | null, meaning: string): MsrRow => ({
  index: MSR_INDEX[name],
  name,
  path,
  component,
  meaning,
});

export const MSRS: readonly MsrRow[] = [
  row('IA32_XFD', 'xfd', null, 'arms components: the next use of one raises #NM'),
  row('IA32_XFD_ERR', 'xfd_err', null, 'which armed component the last #NM was for'),
  row('IA32_XSS', 'xss', null, 'which supervisor components XSAVES and XRSTORS manage'),
  row('IA32_U_CET', 'u_cet', 11, 'control-flow enforcement in user mode'),
  row('IA32_PL3_SSP', 'pl3_ssp', 11, 'shadow stack pointer of user mode'),
  row('IA32_S_CET', 's_cet', null, 'control-flow enforcement in supervisor mode'),
  row('IA32_PL0_SSP', 'pl0_ssp', 12, 'shadow stack pointer of privilege level 0'),
  row('IA32_PL1_SSP', 'pl1_ssp', 12, 'shadow stack pointer of privilege level 1'),
  row('IA32_PL2_SSP', 'pl2_ssp', 12, 'shadow stack pointer of privilege level 2'),
  row('IA32_INT_SSP_TAB', 'int_ssp_tab', null, 'address of the interrupt shadow stack table'),
];

export const msrRow = (index: number): MsrRow | undefined => MSRS.find((msr) => msr.index === index);

/** The manual's name, or "MSR 0x1a0" for one that is not on the list. */
export const msrName = (index: number): string => msrRow(index)?.name ?? `MSR 0x${index.toString(16)}`;
