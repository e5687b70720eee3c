import { concat, writeI32, writeU8, writeU16, writeU32, writeU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { maskOf } from '../bits/mask.ts';
import { utf8FromText } from '../bits/text.ts';
import type { Capture } from '../capture/capture.ts';
import { BIT } from '../xsave/components.ts';
import { LEGACY_BYTES, placeOf } from '../xsave/layout.ts';
import {
  MXCSR_MASK_OFFSET_BYTES,
  MXCSR_OFFSET_BYTES,
  mxcsrMask,
  mxcsrToKeep,
  SOFTWARE_OFFSET_BYTES,
} from '../xsave/legacy.ts';
import { componentBytesOrInit } from '../xsave/view.ts';
import {
  NT_PRFPREG,
  NT_PRPSINFO,
  NT_PRSTATUS,
  NT_X86_XSAVE_LAYOUT,
  NT_X86_XSTATE,
  PRSTATUS_BYTES,
  PRSTATUS_PID_OFFSET,
  PRSTATUS_REGISTERS_OFFSET,
  USER_REGISTERS,
} from './elf-core.ts';

const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;

const padded = (bytes: Uint8Array): Uint8Array => {
  const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  whole.set(bytes);
  return whole;
};

const note = (name: string, type: number, desc: Uint8Array): Uint8Array => {
  const nameBytes = concat([utf8FromText(name), new Uint8Array(1)]);
  const head = new Uint8Array(12);
  writeU32(head, 0, nameBytes.length);
  writeU32(head, 4, desc.length);
  writeU32(head, 8, type);
  return concat([head, padded(nameBytes), padded(desc)]);
};

const prstatus = (capture: Capture, tid: number): Uint8Array => {
  const bytes = new Uint8Array(PRSTATUS_BYTES);
  writeI32(bytes, PRSTATUS_PID_OFFSET, tid);
  const general = capture.facts.general;
  if (general !== null) {
    const values = new Map<string, bigint>(Object.entries(general));
    for (const [index, register] of USER_REGISTERS.entries()) {
      writeU64(bytes, PRSTATUS_REGISTERS_OFFSET + 8 * index, BigInt.asUintN(64, values.get(register) ?? 0n));
    }
  }
  // gdb takes the width of a thread from its code segment; 33H is Linux's for 64-bit user code.
  const cs = USER_REGISTERS.indexOf('cs');
  writeU64(bytes, PRSTATUS_REGISTERS_OFFSET + 8 * cs, 0x33n);
  writeU32(bytes, 328, 1);
  return bytes;
};

const prpsinfo = (capture: Capture, pid: number): Uint8Array => {
  const bytes = new Uint8Array(136);
  writeU8(bytes, 1, 'R'.charCodeAt(0));
  writeI32(bytes, 24, pid);
  const name = utf8FromText(capture.facts.target.executable ?? capture.facts.target.name);
  bytes.set(name.subarray(0, 15), 40);
  bytes.set(name.subarray(0, 79), 56);
  return bytes;
};

/** gdb and every other reader find the layout by the mask at byte 464, so it is written whatever the image has there. */
const xstate = (capture: Capture): Uint8Array => {
  const { bytes, layout } = capture.image;
  const whole = new Uint8Array(Math.max(layout.totalBytes, bytes.length));
  whole.set(bytes);
  writeU64(whole, SOFTWARE_OFFSET_BYTES, maskOf(layout.components.map((place) => place.bit)));
  return whole;
};

/**
 * NT_PRFPREG is FXSAVE's: it has no XSTATE_BV, and gdb reads it without one. A component in init has its initial values
 * there, whatever stale bytes the image has, and MXCSR what the state means by it.
 */
const legacyState = ({ image }: Capture): Uint8Array => {
  const bytes = image.bytes.slice(0, LEGACY_BYTES);
  for (const bit of [BIT.x87, BIT.SSE]) {
    const place = placeOf(image.layout, bit);
    if (place !== undefined) bytes.set(componentBytesOrInit(image, bit), place.offsetBytes);
  }
  writeU32(bytes, MXCSR_OFFSET_BYTES, mxcsrToKeep(image));
  writeU32(bytes, MXCSR_MASK_OFFSET_BYTES, mxcsrMask(image));
  return bytes;
};

const layoutNote = (capture: Capture): Uint8Array => {
  const extended = capture.image.layout.components.filter((place) => place.bit >= 2);
  const bytes = new Uint8Array(16 * extended.length);
  for (const [index, place] of extended.entries()) {
    writeU32(bytes, 16 * index, place.bit);
    writeU32(bytes, 16 * index + 4, place.sizeBytes);
    writeU32(bytes, 16 * index + 8, place.offsetBytes);
  }
  return bytes;
};

/**
 * A core file of one thread that debuggers read registers from: NT_PRSTATUS, NT_PRPSINFO, NT_PRFPREG, NT_X86_XSTATE and
 * NT_X86_XSAVE_LAYOUT; no memory. Only the standard format: the note has no other. Which sizes a debugger knows is its
 * own affair: convert to a layout that it does.
 */
export const writeCore = (capture: Capture): Decoded<Uint8Array> => {
  if (capture.image.layout.format !== 'standard') {
    const why = 'an NT_X86_XSTATE note holds the standard format only: convert the image first';
    return undecodable({ kind: 'not-allowed', what: 'core file', why });
  }
  const { target } = capture.facts;
  const pid = target.pid ?? target.tid ?? 1;
  const image = xstate(capture);
  const notes = concat([
    note('CORE', NT_PRSTATUS, prstatus(capture, target.tid ?? pid)),
    note('CORE', NT_PRPSINFO, prpsinfo(capture, pid)),
    note('CORE', NT_PRFPREG, legacyState(capture)),
    note('LINUX', NT_X86_XSTATE, image),
    note('LINUX', NT_X86_XSAVE_LAYOUT, layoutNote(capture)),
  ]);
  const head = new Uint8Array(ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  writeU16(head, 16, 4); // ET_CORE
  writeU16(head, 18, 62); // EM_X86_64
  writeU32(head, 20, 1);
  writeU64(head, 32, BigInt(ELF_HEADER_BYTES));
  writeU16(head, 52, ELF_HEADER_BYTES);
  writeU16(head, 54, PROGRAM_HEADER_BYTES);
  writeU16(head, 56, 1);
  writeU32(head, ELF_HEADER_BYTES, 4); // PT_NOTE
  writeU64(head, ELF_HEADER_BYTES + 8, BigInt(head.length));
  writeU64(head, ELF_HEADER_BYTES + 32, BigInt(notes.length));
  writeU64(head, ELF_HEADER_BYTES + 48, 4n);
  return decoded(concat([head, notes]));
};
