import { readI32, readU16, readU64 } from '../bits/bytes.ts';
import { textFromUtf8, untilNul } from '../bits/text.ts';
import type { GeneralRegisters } from '../capture/capture.ts';
import type { SymbolTable } from '../disas/symbols/symbol-table.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';

/**
 * Calls of a Linux kernel by its ORC tables, which say of each address where the frame before lies. They are read where the guest
 * itself has them. (Linux arch/x86/include/asm/orc_types.h, arch/x86/kernel/unwind_orc.c)
 */

export interface OrcTables {
  /** Null: no entry reaches to this address. */
  find(address: bigint): Promise<OrcEntry | null>;
}

/** How the frame before is found. */
export interface OrcEntry {
  readonly type: 'undefined' | 'end' | 'call' | 'regs' | 'iret';
  readonly spReg: number;
  readonly spOffset: number;
  readonly bpReg: number;
  readonly bpOffset: number;
}

const ENTRY_BYTES = 6;
/** Registers that an offset counts from. */
const REG = {
  undefined: 0,
  prevSp: 1,
  dx: 2,
  di: 3,
  bp: 4,
  sp: 5,
  r10: 6,
  r13: 7,
  bpIndirect: 8,
  spIndirect: 9,
} as const;

const OLD_TYPES = ['call', 'regs', 'iret'] as const;
const TYPES = ['undefined', 'end', 'call', 'regs', 'iret'] as const;

type Decode = (offsets: { readonly spOffset: number; readonly bpOffset: number }, bits: number) => OrcEntry;

/** To Linux 6.2 `end` is bit 10; in 6.3 bit 11, behind `signal`. A stack without a register ends there, or is not known. */
const older =
  (endBit: number): Decode =>
  (offsets, bits) => {
    const [spReg, bpReg] = [bits & 15, (bits >> 4) & 15];
    const ends = ((bits >> endBit) & 1) === 1;
    const known = OLD_TYPES[(bits >> 8) & 3] ?? 'undefined';
    return { ...offsets, spReg, bpReg, type: spReg === REG.undefined ? (ends ? 'end' : 'undefined') : known };
  };

/** From 6.4 on the end is a type. */
const newer: Decode = (offsets, bits) => ({
  ...offsets,
  ...{ spReg: bits & 15, bpReg: (bits >> 4) & 15, type: TYPES[(bits >> 8) & 7] ?? 'undefined' },
});

const decoderOf = (major: number, minor: number): Decode | null => {
  const version = major * 1000 + minor;
  if (version < 5001) return null;
  return version >= 6004 ? newer : older(version === 6003 ? 11 : 10);
};

const signed16 = (value: number): number => (value << 16) >> 16;

/**
 * One struct orc_entry of a kernel of that version, 6 bytes; null: nothing is known of such an entry.
 * (arch/x86/include/asm/orc_types.h)
 */
export const decodeOrc = (bytes: Uint8Array, major: number, minor: number): OrcEntry | null => {
  const offsets = { spOffset: signed16(readU16(bytes, 0)), bpOffset: signed16(readU16(bytes, 2)) };
  return decoderOf(major, minor)?.(offsets, readU16(bytes, 4)) ?? null;
};

const BANNER = /^Linux version (\d+)\.(\d+)/;
const BANNER_BYTES = 48;
/** Four million entries: a kernel has about one. */
const MOST_ENTRIES = 1n << 22n;

/** Null: the symbols do not name them, or the kernel is older than 5.1. */
export const orcTables = async (memory: GuestMemory, kernel: SymbolTable): Promise<OrcTables | null> => {
  const [ips, end, entries, banner] = [
    ...['__start_orc_unwind_ip', '__stop_orc_unwind_ip', '__start_orc_unwind', 'linux_banner'],
  ].map((name) => kernel.addressOf(name));
  if (ips == null || end == null || entries == null || banner == null) return null;
  const words = await memory.readLinear(banner, BANNER_BYTES);
  const count = (end - ips) / 4n;
  if (!words.ok || count <= 0n || count > MOST_ENTRIES) return null;
  const [, major, minor] = BANNER.exec(textFromUtf8(untilNul(words.value.bytes))) ?? [];
  if (major === undefined || decoderOf(Number(major), Number(minor)) === null) return null;
  const ipOf = async (index: bigint): Promise<bigint | null> => {
    const at = ips + index * 4n;
    const read = await memory.readLinear(at, 4);
    return read.ok ? BigInt.asUintN(64, at + BigInt(readI32(read.value.bytes, 0))) : null;
  };
  return {
    find: async (address) => {
      let [low, high] = [0n, count];
      while (low < high) {
        const middle = (low + high) >> 1n;
        const ip = await ipOf(middle);
        if (ip === null) return null;
        if (ip <= address) low = middle + 1n;
        else high = middle;
      }
      // Behind the last entry code is somebody else's.
      if (low === 0n || low === count) return null;
      const read = await memory.readLinear(entries + (low - 1n) * BigInt(ENTRY_BYTES), ENTRY_BYTES);
      return read.ok ? decodeOrc(read.value.bytes, Number(major), Number(minor)) : null;
    },
  };
};

/** struct pt_regs. (Linux arch/x86/include/asm/ptrace.h) */
export const PT_REGS = {
  ...{ r13: 16, bp: 32, r10: 56, dx: 96, di: 112, origAx: 120, ip: 128, cs: 136, flags: 144, sp: 152, ss: 160 },
} as const;
export const PT_REGS_BYTES = 168;
/** RIP, CS, RFLAGS, RSP, SS. */
const IRET = { ip: 0, cs: 8, sp: 24 } as const;
const IRET_BYTES = 40;

export interface OrcCalls {
  /** Where each function goes on, the innermost first. */
  readonly addresses: readonly bigint[];
  readonly end: string;
  /** Where the registers of user mode are stored, whole, that was left; null: it did not end there. */
  readonly userRegs: bigint | null;
}

/** The registers of a frame, as far as they are known there. */
interface Frame {
  readonly ip: bigint;
  readonly sp: bigint;
  readonly bp: bigint;
  /** Of the vCPU itself, or stored by an exception: DX, DI, R10, R13 too. */
  readonly others: ReadonlyMap<number, bigint>;
  /** `ip` is the next instruction, and no place behind a call. */
  readonly isExact: boolean;
}

/** `last` is still to be told. */
interface Ended {
  readonly end: string;
  readonly last?: bigint;
  readonly userRegs?: bigint;
}

const isEnd = (next: object): next is Ended => 'end' in next;

/** The frame before, or why there is none. */
const before = async (memory: GuestMemory, tables: OrcTables, frame: Frame): Promise<Frame | Ended> => {
  const entry = await tables.find(frame.isExact ? frame.ip : frame.ip - 1n);
  if (entry === null) return { end: 'no ORC entry reaches to that address: it may be a module’s' };
  if (entry.type === 'end') return { end: 'the stack ends there' };
  if (entry.type === 'undefined') return { end: 'ORC does not say how that address was come to' };
  const word = async (at: bigint): Promise<bigint | null> => {
    const read = await memory.readLinear(BigInt.asUintN(64, at), 8);
    return read.ok ? readU64(read.value.bytes, 0) : null;
  };
  const { spReg, spOffset } = entry;
  const base =
    spReg === REG.sp || spReg === REG.spIndirect
      ? frame.sp
      : spReg === REG.bp || spReg === REG.bpIndirect
        ? frame.bp
        : (frame.others.get(spReg) ?? null);
  if (base === null) return { end: 'the register that leads on is not known there' };
  const offset = BigInt(spOffset);
  let top: bigint | null = base + offset;
  if (spReg === REG.spIndirect) top = await word(base).then((found) => (found === null ? null : found + offset));
  if (spReg === REG.bpIndirect) top = await word(base + offset);
  const unread = { end: 'the stack cannot be read there' };
  if (top === null) return unread;
  const next = await stored(memory, entry, BigInt.asUintN(64, top));
  if (next === null) return unread;
  if (isEnd(next)) return next;
  const bpAt = entry.bpReg === REG.prevSp ? top : entry.bpReg === REG.bp ? frame.bp : null;
  const bp = bpAt === null ? (next.bp ?? frame.bp) : await word(bpAt + BigInt(entry.bpOffset));
  return bp === null ? unread : { ...next, bp };
};

interface StoredFrame extends Omit<Frame, 'bp'> {
  /** Null: it is where the entry says. */
  readonly bp: bigint | null;
}

const NOTHING: ReadonlyMap<number, bigint> = new Map();

/** What a call or an exception has stored below `top`, or at it. */
const stored = async (memory: GuestMemory, { type }: OrcEntry, top: bigint): Promise<StoredFrame | Ended | null> => {
  const [at, bytes] =
    type === 'call' ? [BigInt.asUintN(64, top - 8n), 8] : [top, type === 'regs' ? PT_REGS_BYTES : IRET_BYTES];
  const read = await memory.readLinear(at, bytes);
  if (!read.ok) return null;
  const field = (offset: number): bigint => readU64(read.value.bytes, offset);
  if (type === 'call') return { ip: field(0), sp: top, bp: null, others: NOTHING, isExact: false };
  const isWhole = type === 'regs';
  const places = isWhole ? PT_REGS : IRET;
  const ip = field(places.ip);
  if ((field(places.cs) & 3n) !== 0n) {
    return { end: 'user mode was left there', last: ip, ...(isWhole ? { userRegs: top } : {}) };
  }
  const others = isWhole
    ? new Map([
        [REG.dx, field(PT_REGS.dx)],
        [REG.di, field(PT_REGS.di)],
        [REG.r10, field(PT_REGS.r10)],
        [REG.r13, field(PT_REGS.r13)],
      ])
    : NOTHING;
  return { ip, sp: field(places.sp), bp: isWhole ? field(PT_REGS.bp) : null, others, isExact: true };
};

/** The calls that led to RIP, the innermost first, at most so many, and why they end. */
export const orcCalls = async (
  memory: GuestMemory,
  tables: OrcTables,
  general: GeneralRegisters,
  most: number,
): Promise<OrcCalls> => {
  const { rip, rsp, rbp, rdx, rdi, r10, r13 } = general;
  const others = new Map<number, bigint>([
    [REG.dx, rdx],
    [REG.di, rdi],
    [REG.r10, r10],
    [REG.r13, r13],
  ]);
  let frame: Frame = { ip: rip, sp: rsp, bp: rbp, others, isExact: true };
  const addresses = [rip];
  const seen = new Set<bigint>([rsp]);
  while (addresses.length < most) {
    const next = await before(memory, tables, frame);
    if (isEnd(next)) {
      const { end, last, userRegs = null } = next;
      return { addresses: last === undefined ? addresses : [...addresses, last], end, userRegs };
    }
    // Each frame has a stack pointer of its own: tables that lead in a circle lead nowhere.
    if (seen.has(next.sp)) return { addresses, end: 'the chain leads back to itself', userRegs: null };
    seen.add(next.sp);
    addresses.push(next.ip);
    frame = next;
  }
  return { addresses, end: `only ${most} calls are followed`, userRegs: null };
};
