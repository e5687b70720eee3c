import { readI32, readU32, readU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { textFromField } from '../bits/text.ts';
import { factsOf, type GeneralRegisters, type SegmentRegisters } from '../session/capture.ts';
import type { ComponentPlace, Layout } from '../xsave/image.ts';
import { EXTENDED_OFFSET_BYTES, layoutOf } from '../xsave/layout.ts';
import { type ElfNote, readCoreNotes } from './elf-notes.ts';
import { layoutFor, MOST_IMAGE_BYTES } from './guess.ts';
import { fileTarget, type OpenedFile, type OpenedState, type OpenOptions, stateOf } from './opened.ts';
import { softwareMask } from './witness.ts';

/** Note types (Linux include/uapi/linux/elf.h); those of extended state carry the name "LINUX", the others "CORE". */
export const NT_PRSTATUS = 1;
export const NT_PRFPREG = 2;
export const NT_PRPSINFO = 3;
export const NT_X86_XSTATE = 0x202;
export const NT_X86_XSAVE_LAYOUT = 0x205;

/*
 * struct elf_prstatus of x86-64, 336 bytes: signal information 0, pr_pid 32, pr_reg 112 (struct user_regs_struct, 27 × 8),
 * pr_fpvalid 328. struct elf_prpsinfo, 136 bytes: pr_pid 24, pr_fname 40 (16 bytes), pr_psargs 56.
 */
export const PRSTATUS_BYTES = 336;
export const PRSTATUS_PID_OFFSET = 32;
export const PRSTATUS_REGISTERS_OFFSET = 112;
const PRPSINFO_BYTES = 136;
const WANTED: ReadonlySet<number> = new Set([NT_PRSTATUS, NT_PRPSINFO, NT_X86_XSTATE, NT_X86_XSAVE_LAYOUT]);
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
  readonly prstatus: Uint8Array;
  readonly xstate: Uint8Array | null;
}

/** A thread's notes follow its NT_PRSTATUS. Its extended state may be missing: very old kernels, or a process without. */
const threadsOf = (notes: readonly ElfNote[]): Thread[] => {
  const threads: Thread[] = [];
  for (const note of notes) {
    if (note.type === NT_PRSTATUS && note.name === 'CORE' && note.desc.length >= PRSTATUS_BYTES) {
      threads.push({ prstatus: note.desc, xstate: null });
    }
    const last = threads.at(-1);
    if (note.type === NT_X86_XSTATE && note.name === 'LINUX' && last !== undefined && last.xstate === null) {
      threads[threads.length - 1] = { ...last, xstate: note.desc };
    }
  }
  return threads;
};

const layoutOfThread = (xstate: Uint8Array, note: Decoded<Layout> | null, preset?: string): Decoded<Layout> => {
  if (preset !== undefined) return layoutFor(xstate, preset);
  return note ?? layoutFor(xstate, undefined);
};

const MOST_NAMED = 64;
const someOf = (numbers: readonly number[]): string => {
  const more = numbers.length - MOST_NAMED;
  return `${numbers.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};

/** The kernel numbers processes from 1: anything else in a note says that it is not known. */
const processNumber = (value: number): number | null => (value > 0 ? value : null);

const refuse = (name: string, why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what: name, why });

/**
 * A Linux core of an x86-64 process: one state for each thread that has an NT_X86_XSTATE note. The layout is the one the
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

  const threads = threadsOf(notes.value);
  const states: OpenedState[] = [];
  for (const [index, thread] of threads.entries()) {
    const tid = readI32(thread.prstatus, PRSTATUS_PID_OFFSET);
    const { xstate } = thread;
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
    const layout = layoutOfThread(xstate, noteLayout, options.preset);
    if (!layout.ok) return layout;
    // The notes are a small part of a core: a copy lets the rest of the file go.
    const image = { bytes: xstate.slice(), layout: layout.value };
    const target = fileTarget(name, 'ELF core', { pid, executable, vcpu: index, tid: processNumber(tid) });
    // The kernel sets XCR0 to its user features and writes the same mask at byte 464 (xstate.c, xstate_fx_sw_bytes).
    const known = {
      general: generalRegisters(thread.prstatus),
      segments: segmentRegisters(thread.prstatus),
      xcr0: softwareMask(xstate),
    };
    states.push(stateOf(`thread ${tid}`, image, factsOf(target, 'NT_X86_XSTATE', known)));
  }
  if (states.length > 0) return decoded({ kind: 'elf-core', states });
  if (options.thread !== undefined && threads.some((thread) => thread.xstate !== null)) {
    const tids = threads.map((thread) => readI32(thread.prstatus, PRSTATUS_PID_OFFSET));
    return refuse(name, `no thread ${options.thread} with extended state; its threads are ${someOf(tids)}`);
  }
  return refuse(name, `no NT_X86_XSTATE note in its ${threads.length} threads`);
};
