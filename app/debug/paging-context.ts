import type { ControlRegisters } from '../capture/capture.ts';
import { type Cpuid, cpuidEntry } from '../cpu/cpuid.ts';
import type { PagingContext } from '../memory/paging.ts';

/** CPUID 0x80000008: EAX[7:0] is how many bits a physical address has. */
const PHYSICAL_BITS_LEAF = 0x80000008;
/** CPUID 0x80000001: EDX[26] is pages of 1 GiB. */
const FEATURES_LEAF = 0x80000001;
const GIGABYTE_PAGES_BIT = 26;

/**
 * What a CPU's CPUID says of its page tables. A table entry that the CPU does not have is taken for one that it has where CPUID is not known.
 * @param otherwiseBits of a physical address, where CPUID does not say it
 */
export const pagingContextOf = (
  control: Pick<ControlRegisters, 'cr0' | 'cr3' | 'cr4' | 'efer'>,
  cpuid: Cpuid,
  otherwiseBits: number,
): PagingContext => {
  const physicalBits = (cpuidEntry(cpuid, PHYSICAL_BITS_LEAF, 0)?.eax ?? 0) & 0xff;
  const features = cpuidEntry(cpuid, FEATURES_LEAF, 0)?.edx;
  const hasGigabytePages = features === undefined || ((features >>> GIGABYTE_PAGES_BIT) & 1) === 1;
  return { control, physicalBits: physicalBits || otherwiseBits, hasGigabytePages };
};
