import { concat, readU32, readU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { factsOf, type GeneralRegisters } from '../capture/capture.ts';
import { LEGACY_BYTES } from '../xsave/layout.ts';
import { Cursor } from './cursor.ts';
import { layoutFor, MOST_IMAGE_BYTES } from './guess.ts';
import { fileTarget, type OpenedFile, type OpenedState, type OpenOptions, stateOf } from './opened.ts';

/*
 * A minidump of Windows (minidumpapiset.h): signature MDMP 0, streams 8, directory 12; a directory entry is {type, size,
 * offset}. Stream 3 is the list of threads: their number, then 48 bytes each: ThreadId 0, ThreadContext {size 40, offset 44}.
 *
 * CONTEXT of AMD64, 1232 bytes (winnt.h): ContextFlags 48, EFlags 68, Rax 120 to R15 240, Rip 248, FltSave 256 (the 512 bytes
 * of FXSAVE). With CONTEXT_XSTATE in ContextFlags a CONTEXT_EX stands behind it: {All, Legacy, XState}, each a signed
 * offset from CONTEXT_EX itself and a length. XState is the header of the XSAVE area with what follows it.
 */
const SIGNATURE = 0x504d444d;
const THREAD_LIST = 3;
const THREAD_BYTES = 48;
const MOST_STREAMS = 4096;
const MOST_THREADS = 8192;
const CONTEXT_BYTES = 1232;
const CONTEXT_AMD64 = 0x100000;
const CONTEXT_XSTATE = 0x40;
const FLT_SAVE = 256;

export const isMinidump = (bytes: Uint8Array): boolean => bytes.length >= 32 && readU32(bytes, 0) === SIGNATURE;

const refuse = (name: string, why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what: name, why });

const general = (context: Uint8Array): GeneralRegisters => {
  const at = (index: number): bigint => readU64(context, 120 + 8 * index);
  return {
    ...{ rax: at(0), rcx: at(1), rdx: at(2), rbx: at(3), rsp: at(4), rbp: at(5), rsi: at(6), rdi: at(7) },
    ...{ r8: at(8), r9: at(9), r10: at(10), r11: at(11), r12: at(12), r13: at(13), r14: at(14), r15: at(15) },
    ...{ rip: at(16), rflags: BigInt(readU32(context, 68)) },
  };
};

/** FltSave with the XSAVE header and the extended components behind it; null: the context has none, or it lies outside. */
const imageOf = (context: Uint8Array): Uint8Array | null => {
  if (context.length < CONTEXT_BYTES + 24) return null;
  const flags = readU32(context, 48);
  if ((flags & CONTEXT_AMD64) === 0 || (flags & CONTEXT_XSTATE) === 0) return null;
  const offset = readU32(context, CONTEXT_BYTES + 16) | 0;
  const size = readU32(context, CONTEXT_BYTES + 20);
  const start = CONTEXT_BYTES + offset;
  if (offset < 0 || size < 64 || size > MOST_IMAGE_BYTES || start + size > context.length) return null;
  return concat([context.subarray(FLT_SAVE, FLT_SAVE + LEGACY_BYTES), context.subarray(start, start + size)]);
};

interface Thread {
  readonly tid: number;
  readonly context: Uint8Array;
}

const threadsOf = (name: string, bytes: Uint8Array): Decoded<readonly Thread[]> => {
  const cursor = new Cursor(bytes, `${name}, minidump`, 8);
  const streams = cursor.u32();
  const directory = cursor.u32();
  if (streams > MOST_STREAMS) return refuse(name, `a minidump of ${streams} streams`);
  cursor.at = directory;
  for (let index = 0; cursor.ok && index < streams; index += 1) {
    const type = cursor.u32();
    cursor.skip(4);
    const offset = cursor.u32();
    if (type !== THREAD_LIST) continue;
    const list = new Cursor(bytes, `${name}, threads of the minidump`, offset);
    const count = list.u32();
    if (count > MOST_THREADS || !list.holds(count, THREAD_BYTES)) return refuse(name, `a minidump of ${count} threads`);
    const threads: Thread[] = [];
    for (let thread = 0; list.ok && thread < count; thread += 1) {
      const start = list.at;
      const tid = list.u32();
      list.at = start + 40;
      const size = list.u32();
      const at = list.u32();
      const end = Math.min(at + Math.min(size, MOST_IMAGE_BYTES), bytes.length);
      if (at < end) threads.push({ tid, context: bytes.subarray(at, end) });
    }
    return list.problem === null ? decoded(threads) : undecodable(list.problem);
  }
  return cursor.problem === null ? refuse(name, 'a minidump without a list of threads') : undecodable(cursor.problem);
};

/** One state for each thread whose context has CONTEXT_XSTATE. */
export const openMinidump = (name: string, bytes: Uint8Array, options: OpenOptions): Decoded<OpenedFile> => {
  const threads = threadsOf(name, bytes);
  if (!threads.ok) return threads;
  const states: OpenedState[] = [];
  for (const [index, { tid, context }] of threads.value.entries()) {
    if (options.thread !== undefined && options.thread !== tid) continue;
    const image = imageOf(context);
    if (image === null) continue;
    const layout = layoutFor(image, options.preset);
    if (!layout.ok) return layout;
    const target = fileTarget(name, 'Windows minidump', { vcpu: index, tid });
    const facts = factsOf(target, 'CONTEXT_XSTATE', { general: general(context) });
    states.push({ ...stateOf(`thread ${tid}`, { bytes: image, layout: layout.value }, facts), number: tid });
  }
  if (states.length > 0) return decoded({ kind: 'minidump', states });
  const which = options.thread === undefined ? `its ${threads.value.length} threads` : `thread ${options.thread}`;
  return refuse(name, `a minidump in which no context of ${which} has CONTEXT_XSTATE`);
};
