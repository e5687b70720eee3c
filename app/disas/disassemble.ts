import {
  type Bitness,
  type Instruction,
  type InstructionDecoder,
  MOST_INSTRUCTION_BYTES,
  type Syntax,
} from './instruction.ts';
import { newerAmx } from './newer-amx.ts';

/** How code is read, and in which syntax it is shown. */
export interface Reading {
  readonly bitness: Bitness;
  readonly syntax: Syntax;
}

const bad = (code: Uint8Array, address: bigint): Instruction => ({
  address,
  bytes: code.slice(0, 1),
  ...{ mnemonic: '(bad)', text: '(bad)', isBad: true, flow: 'exception', target: null },
  ...{ reads: [], writes: [], memory: [] },
});

/** The instruction at the start of the bytes; one byte of "(bad)" where there is none that is known. */
export const instructionAt = (
  decoder: InstructionDecoder,
  bytes: Uint8Array,
  address: bigint,
  { bitness, syntax }: Reading,
): Instruction => {
  const code = bytes.subarray(0, MOST_INSTRUCTION_BYTES);
  return (
    decoder.decode(code, address, bitness, syntax) ??
    newerAmx.decode(code, address, bitness, syntax) ??
    bad(code, address)
  );
};

/**
 * Up to `count` instructions from the start of the bytes on. Where bytes end within the longest instruction and nothing is
 * decoded any more, it ends: the rest of that instruction may lie behind them.
 */
export const disassemble = (
  decoder: InstructionDecoder,
  bytes: Uint8Array,
  address: bigint,
  count: number,
  reading: Reading,
): readonly Instruction[] => {
  const found: Instruction[] = [];
  for (let at = 0; at < bytes.length && found.length < count; ) {
    const left = bytes.subarray(at);
    const one = instructionAt(decoder, left, BigInt.asUintN(64, address + BigInt(at)), reading);
    if (one.isBad && left.length < MOST_INSTRUCTION_BYTES) break;
    found.push(one);
    at += one.bytes.length;
  }
  return found;
};
