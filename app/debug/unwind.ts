import { readU64 } from '../bits/bytes.ts';
import type { Facts } from '../capture/capture.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { executionOf } from '../session/execution.ts';
import { followsCall } from './after-call.ts';

/** Who called whom, by the chain of frame pointers: RBP names the caller's RBP, and the address to return to above it. */

export interface CallFrame {
  /** Of the first frame the next instruction, of the others where it returns to. */
  readonly address: bigint;
  /** RBP of that function; null: not known. */
  readonly framePointer: bigint | null;
}

export interface CallStack {
  readonly frames: readonly CallFrame[];
  /** Why it goes no further. */
  readonly end: string;
  /** What they were found by. */
  readonly by: 'frame pointers' | 'ORC';
}

/** Frames that are followed unless fewer are asked for: a chain that goes in a circle ends. */
export const MOST_FRAMES = 256;

/** 64-bit code alone. Where code is built without frame pointers, RBP is a number like any other, and the chain ends at once. */
export const callStack = async (memory: GuestMemory, facts: Facts, most = MOST_FRAMES): Promise<CallStack> => {
  const execution = executionOf(facts);
  const { general } = facts;
  if (execution === null || execution.next === null || general === null) {
    return { frames: [], end: 'the registers could not be read', by: 'frame pointers' };
  }
  const frames: CallFrame[] = [{ address: execution.next, framePointer: general.rbp }];
  const ends = (end: string): CallStack => ({ frames, end, by: 'frame pointers' });
  if (execution.codeBits !== 64) return ends('calls of 64-bit code alone are followed');
  let [pointer, below] = [general.rbp, general.rsp];
  while (frames.length < most) {
    if (pointer === 0n) return ends('a frame pointer of 0 ends the chain');
    if (pointer % 8n !== 0n || pointer < below) return ends('RBP is no frame pointer there');
    const frame = await memory.readLinear(pointer, 16);
    if (!frame.ok) return ends('RBP is no frame pointer there');
    const address = readU64(frame.value.bytes, 8);
    if (!(await followsCall(memory, address, 64)))
      return ends('what stands above the frame pointer returns behind no call');
    below = pointer + 16n;
    pointer = readU64(frame.value.bytes, 0);
    frames.push({ address, framePointer: pointer });
  }
  return ends(`only ${most} calls are followed`);
};
