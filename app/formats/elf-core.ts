import { readI32, readU32, readU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { textFromField } from '../bits/text.ts';
import { type Facts, factsOf, type GeneralRegisters, type SegmentRegisters } from '../capture/capture.ts';
import type { ComponentPlace, Layout } from '../capture/image.ts';
import { EXTENDED_OFFSET_BYTES, layoutOf } from '../xsave/layout.ts';
import { type ElfNote, readCoreNotes } from './elf-notes.ts';
import { layoutFor, MOST_IMAGE_BYTES } from './guess.ts';
import { fileTarget, type OpenedFile, type OpenedState, type OpenOptions, stateOf } from './opened.ts';
import { softwareMask, type WriterFacts } from './witness.ts';

/** Note types (Linux include/uapi/linux/elf.h); those of extended state carry the name "LINUX", the others "CORE". */
export const NT_PRSTATUS = 1;
/** Types of notes. (Linux include/uapi/linux/elf.h) */
export const NT_PRFPREG = 2;
/** struct elf_prpsinfo: the process's name and arguments. */
export const NT_PRPSINFO = 3;
/** The auxiliary vector: pairs of type and value, 8 bytes each. */
const NT_AUXV = 6;
/** The smallest signal stack that the kernel promises to be enough, in bytes: its user components and what is around them. */
const AT_MINSIGSTKSZ = 51n;
/** The XSAVE image of a thread, in the standard format. */
export const NT_X86_XSTATE = 0x202;
/** Component, flags, size and offset of each part of that image, since Linux 6.12. */
export const NT_X86_XSAVE_LAYOUT = 0x205;
/** gdb's target description, which its gcore writes. */
const NT_GDB_TDESC = 0xff000000;

/*
 * struct elf_prstatus of x86-64, 336 bytes: signal information 0, pr_pid 32, pr_reg 112 (struct user_regs_struct, 27 × 8),
 * pr_fpvalid 328. struct elf_prpsinfo, 136 bytes: pr_pid 24, pr_fname 40 (16 bytes), pr_psargs 56.
 */
export const PRSTATUS_BYTES = 336;
export const PRSTATUS_PID_OFFSET = 32;
export const PRSTATUS_REGISTERS_OFFSET = 112;
const PRPSINFO_BYTES = 136;
const WANTED: ReadonlySet<number> = new Set([
  NT_PRSTATUS,
  NT_PRPSINFO,
  NT_AUXV,
  NT_X86_XSTATE,
  NT_X86_XSAVE_LAYOUT,
  NT_GDB_TDESC,
]);
/** States that are put before somebody at once; of a core with more threads one is opened by its number. */
const MOST_STATES = 8192;

/** struct user_regs_struct: the order in which the registers lie, 8 bytes each. */
export const USER_REGISTERS: readonly string[] = [
  ...['r15', 'r14', 'r13', 'r12', 'rbp', 'rbx', 'r11', 'r10', 'r9', 'r8', 'rax', 'rcx', 'rdx', 'rsi', 'rdi'],
  ...['orig_rax', 'rip', 'cs', 'rflags', 'rsp', 'ss', 'fs_base', 'gs_base', 'ds', 'es', 'fs', 'gs'],
];

const userRegister = (prstatus: Uint8Array, register: string): bigint =>
  readU64(prstatus, PRSTATUS_REGISTERS_OFFSET + 8 * USER_REGISTERS.indexOf(register));

const segmentRegisters = (prstatus: Uint8Array): SegmentRegisters => {
  const value = (register: string): bigint => userRegister(prstatus, register);
  return {
    ...{ cs: value('cs'), ss: value('ss'), ds: value('ds'), es: value('es'), fs: value('fs'), gs: value('gs') },
    ...{ fs_base: value('fs_base'), gs_base: value('gs_base') },
  };
};

const generalRegisters = (prstatus: Uint8Array): GeneralRegisters => {
  const value = (register: string): bigint => userRegister(prstatus, register);
  return {
    ...{ rax: value('rax'), rbx: value('rbx'), rcx: value('rcx'), rdx: value('rdx') },
    ...{ rsi: value('rsi'), rdi: value('rdi'), rsp: value('rsp'), rbp: value('rbp') },
    ...{ r8: value('r8'), r9: value('r9'), r10: value('r10'), r11: value('r11') },
    ...{ r12: value('r12'), r13: value('r13'), r14: value('r14'), r15: value('r15') },
    ...{ rip: value('rip'), rflags: value('rflags') },
  };
};

/** NT_X86_XSAVE_LAYOUT: {u32 component, size, standard offset, flags} each (Linux xstate.c, since 6.12). */
const decodeLayoutNote = (desc: Uint8Array): Decoded<Layout> => {
  const source = 'NT_X86_XSAVE_LAYOUT';
  if (desc.length % 16 !== 0) {
    const neededBytes = Math.ceil(desc.length / 16) * 16;
    return undecodable({ kind: 'truncated', what: source, neededBytes, gotBytes: desc.length });
  }
  const places = new Map<number, ComponentPlace>();
  for (let at = 0; at < desc.length; at += 16) {
    const bit = readU32(desc, at);
    const sizeBytes = readU32(desc, at + 4);
    const offsetBytes = readU32(desc, at + 8);
    if (bit < 2 || bit > 62 || sizeBytes === 0 || offsetBytes + sizeBytes > MOST_IMAGE_BYTES || places.has(bit)) {
      return undecodable({
        kind: 'not-allowed',
        what: source,
        why: `component ${bit} of ${sizeBytes} bytes at ${offsetBytes}`,
      });
    }
    // The kernel writes no CPUID flags here. Only the AMX components have any on a CPU so far.
    const isTiles = bit === 18;
    places.set(bit, {
      ...{ bit, offsetBytes, sizeBytes, supervisor: false },
      ...{ aligned64: isTiles || bit === 17, xfdCapable: isTiles },
    });
  }
  return layoutOf('standard', source, [...places.values()]);
};

interface Thread {
  readonly tid: number;
  readonly facts: Pick<Facts, 'general' | 'segments'>;
  readonly xstate: Uint8Array | null;
}

/** Who wrote a thread's status, and in which of its shapes: the note's name and size say. */
interface StatusShape {
  readonly system: string;
  readonly name: string;
  /** The name that the note of extended state carries. */
  readonly xstateName: string;
  readonly least: number;
  readonly most: number;
  readonly read: (desc: Uint8Array) => Omit<Thread, 'xstate'>;
}

/** 32-bit registers of struct elf_prstatus at 72 (Linux, i386): 17 × 4 bytes. */
const I386_REGISTERS = [
  'ebx',
  'ecx',
  'edx',
  'esi',
  'edi',
  'ebp',
  'eax',
  'ds',
  'es',
  'fs',
  'gs',
  'orig',
  'eip',
  'cs',
  'efl',
  'esp',
  'ss',
];

/** An i386 process has no r8 to r15: they are 0 here. */
const readI386 = (desc: Uint8Array): Omit<Thread, 'xstate'> => {
  const at = (register: string): bigint => BigInt(readU32(desc, 72 + 4 * I386_REGISTERS.indexOf(register)));
  const general: GeneralRegisters = {
    ...{ rax: at('eax'), rbx: at('ebx'), rcx: at('ecx'), rdx: at('edx'), rsi: at('esi'), rdi: at('edi') },
    ...{ rsp: at('esp'), rbp: at('ebp'), r8: 0n, r9: 0n, r10: 0n, r11: 0n, r12: 0n, r13: 0n, r14: 0n, r15: 0n },
    ...{ rip: at('eip'), rflags: at('efl') },
  };
  return { tid: readI32(desc, 24), facts: { general, segments: null } };
};

/**
 * FreeBSD's prstatus_t of amd64: pr_version, three sizes, pr_osreldate 32, pr_cursig 36, pr_pid 40, then at 48 struct reg:
 * fifteen registers from r15 down to rax, trapno and segments 16, rip, cs, rflags, rsp, ss. (sys/procfs.h, machine/reg.h.)
 */
const FREEBSD_REGISTERS = [
  ...['r15', 'r14', 'r13', 'r12', 'r11', 'r10', 'r9', 'r8', 'rdi', 'rsi', 'rbp', 'rbx', 'rdx', 'rcx', 'rax'],
  ...['trap', 'err', 'rip', 'cs', 'rflags', 'rsp', 'ss'],
];
const readFreeBsd = (desc: Uint8Array): Omit<Thread, 'xstate'> => {
  const at = (register: string): bigint => readU64(desc, 48 + 8 * FREEBSD_REGISTERS.indexOf(register));
  const general: GeneralRegisters = {
    ...{ rax: at('rax'), rbx: at('rbx'), rcx: at('rcx'), rdx: at('rdx'), rsi: at('rsi'), rdi: at('rdi') },
    ...{ rsp: at('rsp'), rbp: at('rbp'), r8: at('r8'), r9: at('r9'), r10: at('r10'), r11: at('r11') },
    ...{ r12: at('r12'), r13: at('r13'), r14: at('r14'), r15: at('r15'), rip: at('rip'), rflags: at('rflags') },
  };
  return { tid: readI32(desc, 40), facts: { general, segments: null } };
};

const I386_PRSTATUS_BYTES = 144;

const SHAPES: readonly StatusShape[] = [
  {
    ...{ system: 'ELF core', name: 'CORE', xstateName: 'LINUX', least: PRSTATUS_BYTES, most: Number.POSITIVE_INFINITY },
    read: (desc) => ({
      tid: readI32(desc, PRSTATUS_PID_OFFSET),
      facts: { general: generalRegisters(desc), segments: segmentRegisters(desc) },
    }),
  },
  {
    ...{
      system: 'ELF core, i386',
      name: 'CORE',
      xstateName: 'LINUX',
      least: I386_PRSTATUS_BYTES,
      most: PRSTATUS_BYTES - 1,
    },
    read: readI386,
  },
  {
    ...{
      system: 'FreeBSD core',
      name: 'FreeBSD',
      xstateName: 'FreeBSD',
      least: 48 + 22 * 8,
      most: Number.POSITIVE_INFINITY,
    },
    read: readFreeBsd,
  },
];

const shapeOf = ({ name, desc }: ElfNote): StatusShape | undefined =>
  SHAPES.find((shape) => shape.name === name && desc.length >= shape.least && desc.length <= shape.most);

/** A thread's notes follow its NT_PRSTATUS. Its extended state may be missing: very old kernels, or a process without. */
const threadsOf = (notes: readonly ElfNote[]): { readonly threads: readonly Thread[]; readonly system: string } => {
  const threads: Thread[] = [];
  let shape: StatusShape | undefined;
  for (const note of notes) {
    if (note.type === NT_PRSTATUS) {
      const found = shapeOf(note);
      shape = found ?? shape;
      if (found !== undefined) threads.push({ ...found.read(note.desc), xstate: null });
    }
    const last = threads.at(-1);
    if (note.type === NT_X86_XSTATE && note.name === shape?.xstateName && last !== undefined && last.xstate === null) {
      threads[threads.length - 1] = { ...last, xstate: note.desc };
    }
  }
  return { threads, system: shape?.system ?? 'ELF core' };
};

/** Of a 64-bit process of Linux. */
const signalStackOf = (notes: readonly ElfNote[]): number | null => {
  const auxv = notes.find(({ type, name }) => type === NT_AUXV && name === 'CORE')?.desc ?? new Uint8Array(0);
  for (let at = 0; at + 16 <= auxv.length; at += 16) {
    if (readU64(auxv, at) === AT_MINSIGSTKSZ) return Number(readU64(auxv, at + 8));
  }
  return null;
};

const layoutOfThread = (
  xstate: Uint8Array,
  note: Decoded<Layout> | null,
  writer: WriterFacts,
  { preset }: OpenOptions,
): Decoded<Layout> => {
  if (preset !== undefined) return layoutFor(xstate, preset);
  return note ?? layoutFor(xstate, undefined, writer);
};

const MOST_NAMED = 64;
const someOf = (numbers: readonly number[]): string => {
  const more = numbers.length - MOST_NAMED;
  return `${numbers.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};

/** The kernel numbers processes from 1: anything else in a note says that it is not known. */
const processNumber = (value: number): number | null => (value > 0 ? value : null);

const refuse = (name: string, why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what: name, why });

/** Whose core this may be, where none of its notes is a thread's status as Linux or FreeBSD write it. */
const noStateWhy = (notes: readonly ElfNote[], threads: number): string => {
  const others = [...new Set(notes.map(({ name }) => name))].filter(
    (name) => !['CORE', 'LINUX', 'FreeBSD', 'GDB'].includes(name),
  );
  if (threads > 0 || others.length === 0) return `no NT_X86_XSTATE note in its ${threads} threads`;
  return `a core with notes of ${others.slice(0, 4).join(', ')}, which has no NT_X86_XSTATE as Linux and FreeBSD write it`;
};

/**
 * A core of a Linux process, x86-64 or i386, or of a FreeBSD one: one state for each thread that has an NT_X86_XSTATE note. The layout is the one the
 * kernel wrote beside it (NT_X86_XSAVE_LAYOUT); cores of older kernels and of gdb's gcore have none, and it is guessed
 * from the size and the mask at byte 464, as gdb does.
 */
export const openElfCore = (name: string, bytes: Uint8Array, options: OpenOptions): Decoded<OpenedFile> => {
  const notes = readCoreNotes(name, bytes, WANTED);
  if (!notes.ok) return notes;
  const psinfo = notes.value.find((note) => note.type === NT_PRPSINFO && note.desc.length >= PRPSINFO_BYTES)?.desc;
  const layoutNote = notes.value.find((note) => note.type === NT_X86_XSAVE_LAYOUT && note.name === 'LINUX');
  const noteLayout = layoutNote === undefined ? null : decodeLayoutNote(layoutNote.desc);
  const executable = psinfo === undefined ? null : textFromField(psinfo.subarray(40, 56));
  const pid = psinfo === undefined ? null : processNumber(readI32(psinfo, 24));

  const { threads, system } = threadsOf(notes.value);
  // gdb's gcore adds its target description; the kernel has none.
  const isGdb = notes.value.some((note) => note.name === 'GDB');
  const writer = { isGdb, signalStackBytes: signalStackOf(notes.value) };
  const states: OpenedState[] = [];
  for (const [index, thread] of threads.entries()) {
    const { tid, xstate } = thread;
    if (xstate === null || (options.thread !== undefined && options.thread !== tid)) continue;
    const what = `${name}, NT_X86_XSTATE of thread ${tid}`;
    if (xstate.length < EXTENDED_OFFSET_BYTES) {
      const gotBytes = xstate.length;
      return undecodable({ kind: 'truncated', what, neededBytes: EXTENDED_OFFSET_BYTES, gotBytes });
    }
    if (xstate.length > MOST_IMAGE_BYTES) return refuse(what, `${xstate.length} bytes are too many`);
    if (states.length === MOST_STATES) {
      return refuse(name, `more than ${MOST_STATES} threads: name one of them by its number`);
    }
    const layout = layoutOfThread(xstate, noteLayout, writer, options);
    if (!layout.ok) return layout;
    // The notes are a small part of a core: a copy lets the rest of the file go.
    const image = { bytes: xstate.slice(), layout: layout.value };
    const target = fileTarget(name, system, { pid, executable, vcpu: index, tid: processNumber(tid) });
    // The kernel sets XCR0 to its user features and writes the same mask at byte 464 (xstate.c, xstate_fx_sw_bytes).
    const known = { ...thread.facts, xcr0: softwareMask(xstate) };
    states.push(stateOf(`thread ${tid}`, image, factsOf(target, 'NT_X86_XSTATE', known)));
  }
  if (states.length > 0) return decoded({ kind: 'elf-core', states });
  if (options.thread !== undefined && threads.some((thread) => thread.xstate !== null)) {
    const tids = threads.map(({ tid }) => tid);
    return refuse(name, `no thread ${options.thread} with extended state; its threads are ${someOf(tids)}`);
  }
  return refuse(name, noStateWhy(notes.value, threads.length));
};
