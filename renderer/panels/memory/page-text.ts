import type { MemoryPage } from '../../../app/bridge.ts';

const PAGE_BITS = 12n;

/** Hex without 0x, more than 8 digits in two groups. */
export const grouped = (hex: string): string => hex.replace(/^0x/, '').replace(/^([0-9a-f]+)([0-9a-f]{8})$/, '$1_$2');

/** The page of 4 KiB in which an address lies; null: it is not among those that were looked up. */
export const pageAt = (pages: readonly MemoryPage[], address: bigint): MemoryPage | null =>
  pages.find(({ linear }) => BigInt(linear) >> PAGE_BITS === address >> PAGE_BITS) ?? null;
