import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import type { Cpuid, CpuidEntry } from './cpuid.ts';

/*
 * CPUID as text, in the two forms that people paste:
 *   cpuid -r       "   0x0000000d 0x00: eax=0x000000e7 ebx=0x00000980 ecx=0x00000980 edx=0x00000000", below "CPU 0:"
 *   InstLatx64     "CPUID 0000000D: 00000007-00000340-00000340-00000000 [SL 00]"
 * Of several CPUs the first is taken: a dump lists each CPU of one machine.
 */
const RAW =
  /^\s*0x([0-9a-f]{1,8})\s+0x([0-9a-f]{1,8})\s*:\s*eax=0x([0-9a-f]{1,8})\s+ebx=0x([0-9a-f]{1,8})\s+ecx=0x([0-9a-f]{1,8})\s+edx=0x([0-9a-f]{1,8})/i;
const INSTLAT =
  /^\s*(?:CPUID\s+)?([0-9a-f]{8}):\s*([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{8})(?:.*\[SL\s*([0-9a-f]{1,2})\])?/i;

const MOST_LINES = 20_000;

const hex = (text: string | undefined): number => Number.parseInt(text ?? '0', 16);

const entryOf = (line: string): CpuidEntry | null => {
  const raw = RAW.exec(line);
  if (raw !== null) {
    const [leaf, subleaf, eax, ebx, ecx, edx] = raw.slice(1).map(hex);
    return { leaf: leaf ?? 0, subleaf: subleaf ?? 0, eax: eax ?? 0, ebx: ebx ?? 0, ecx: ecx ?? 0, edx: edx ?? 0 };
  }
  const found = INSTLAT.exec(line);
  if (found === null) return null;
  const [leaf, eax, ebx, ecx, edx] = found.slice(1, 6).map(hex);
  return { leaf: leaf ?? 0, subleaf: hex(found[6]), eax: eax ?? 0, ebx: ebx ?? 0, ecx: ecx ?? 0, edx: edx ?? 0 };
};

/** The table of the first CPU in the text. Lines that are no sub-leaf are passed over; leaf 0xD has to be there. */
export const parseCpuidText = (what: string, text: string): Decoded<Cpuid> => {
  const table = new Map<string, CpuidEntry>();
  for (const line of text.split(/\r?\n/).slice(0, MOST_LINES)) {
    const entry = entryOf(line);
    if (entry === null) continue;
    const key = `${entry.leaf}/${entry.subleaf}`;
    // The next CPU of the dump begins where a sub-leaf comes again.
    if (entry.leaf === 0 && table.has(key)) break;
    if (!table.has(key)) table.set(key, entry);
  }
  if (!table.has('13/0')) {
    const why =
      table.size === 0
        ? 'neither a preset nor CPUID as text: cpuid -r prints it'
        : 'CPUID without leaf 0xD, which lays XSAVE images out';
    return undecodable({ kind: 'not-allowed', what, why });
  }
  // cpuid -r prints every sub-leaf of 0xD, those that are not there as zeros.
  return decoded([...table.values()].filter(({ leaf, subleaf, eax }) => leaf !== 0xd || subleaf < 2 || eax !== 0));
};
