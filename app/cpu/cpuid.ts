/** One CPUID sub-leaf: what CPUID returns in four 32-bit registers for EAX = leaf, ECX = subleaf. */
export interface CpuidEntry {
  readonly leaf: number;
  readonly subleaf: number;
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

export type Cpuid = readonly CpuidEntry[];

/** The sub-leaf, or undefined where the table does not hold it: not known, which differs from all zero. */
export const cpuidEntry = (cpuid: Cpuid, leaf: number, subleaf: number): CpuidEntry | undefined =>
  cpuid.find((entry) => entry.leaf === leaf && entry.subleaf === subleaf);
