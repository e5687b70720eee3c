import { hasBit, hexShort } from '../bits/mask.ts';
import type { Facts } from '../capture/capture.ts';

/** Who executes: how wide its code is, at which privilege level, in which address space. */
export interface Execution {
  readonly mode: 'real' | 'virtual-8086' | 'protected' | 'compatibility' | '64-bit';
  readonly codeBits: 16 | 32 | 64;
  readonly cpl: number;
  /** With CR4.PCIDE the low twelve bits of CR3 are the PCID; null: they are not. */
  readonly pcid: number | null;
  /** Linear address of the next instruction. */
  readonly next: bigint | null;
  /** Physical address of the top page table; null: not known, as of a process. */
  readonly table: bigint | null;
}

const CR0_PE = 0;
const CR4_PCIDE = 17;
const EFER_LMA = 10;
const RFLAGS_VM = 17;

/** Null: what it is read from was not read. (Intel SDM vol. 3, 2.2 and 5.2.1; the long mode bits of CS, 3.4.5) */
export const executionOf = ({ control, descriptors, general }: Facts): Execution | null => {
  if (control === null || descriptors === null) return null;
  const pcid = hasBit(control.cr4, CR4_PCIDE) ? Number(control.cr3 & 0xfffn) : null;
  const isLong = hasBit(control.efer, EFER_LMA) && descriptors.cs_l !== 0n;
  const base = isLong ? 0n : descriptors.cs_base;
  const next = general === null ? null : BigInt.asUintN(isLong ? 64 : 32, base + general.rip);
  const space = { pcid, next, table: control.cr3 & 0xf_ffff_ffff_f000n };
  const codeBits = descriptors.cs_d !== 0n ? 32 : 16;
  if (!hasBit(control.cr0, CR0_PE)) return { mode: 'real', codeBits: 16, cpl: 0, ...space };
  const cpl = Number(descriptors.cpl & 3n);
  if (!hasBit(control.efer, EFER_LMA)) {
    const isVirtual = general !== null && hasBit(general.rflags, RFLAGS_VM);
    return isVirtual
      ? { mode: 'virtual-8086', codeBits: 16, cpl: 3, ...space }
      : { mode: 'protected', codeBits, cpl, ...space };
  }
  return isLong ? { mode: '64-bit', codeBits: 64, cpl, ...space } : { mode: 'compatibility', codeBits, cpl, ...space };
};

/** "64-bit code, CPL 3 (user), page tables at 0x1000, PCID 5" */
export const describeExecution = ({ mode, codeBits, cpl, pcid, table }: Execution): string => {
  const code = mode === '64-bit' ? '64-bit code' : `${codeBits}-bit code in ${mode} mode`;
  const who = cpl === 0 ? ' (kernel)' : cpl === 3 ? ' (user)' : '';
  const space = table === null ? '' : `, page tables at ${hexShort(table)}${pcid === null ? '' : `, PCID ${pcid}`}`;
  return `${code}, CPL ${cpl}${who}${space}`;
};

/** Of a Linux program's 32-bit code on a 64-bit kernel. (arch/x86/include/asm/segment.h, __USER32_CS) */
const USER32_CS = 0x23n;

/** Of a thread of a process, by its core. Null: its registers are not in it. */
export const executionOfThread = ({ general, segments }: Facts): Execution | null => {
  if (general === null) return null;
  const isWide = segments?.cs !== USER32_CS;
  return {
    ...{ mode: isWide ? '64-bit' : 'compatibility', codeBits: isWide ? 64 : 32, cpl: 3 },
    ...{ pcid: null, next: BigInt.asUintN(isWide ? 64 : 32, general.rip), table: null },
  };
};
