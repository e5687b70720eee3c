import { readU64 } from '../bits/bytes.ts';
import type { Capture } from '../capture/capture.ts';
import { instructionAt } from '../disas/disassemble.ts';
import { type Instruction, type InstructionDecoder, MOST_INSTRUCTION_BYTES } from '../disas/instruction.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { readUpTo } from '../memory/read-up-to.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { executionOf } from '../session/execution.ts';
import type { Breakpoint } from '../wire/run.ts';
import { followsCall } from './after-call.ts';
import type { BreakpointAnswer, RunControl, Target } from './target.ts';

/** Over a call or a repeated instruction, and out of a function: to a place, and not one of an inner call. */
export interface Passage {
  /** Linear address of the instruction that is next there. */
  readonly address: bigint;
  /** RSP is at least so much there: an inner call of the same code has less. */
  readonly leastRsp: bigint;
}

/** RSP of another thread's stack is farther away: so much is popped at most, arguments included. (RET imm16) */
const MOST_POPPED = 0x1_0000n;

const REPEATS: ReadonlySet<number> = new Set([0xf2, 0xf3]);
const STRING = /^(movs|cmps|stos|lods|scas|ins|outs)[bwdq]$/;

const isRepeated = ({ bytes, mnemonic }: Instruction): boolean =>
  STRING.test(mnemonic) && bytes.subarray(0, 4).some((byte) => REPEATS.has(byte));

/** INT n alone: INT3 and UD2 are faults of the program, and lead somewhere else. */
const isSoftwareInterrupt = ({ flow, mnemonic }: Instruction): boolean => flow === 'interrupt' && mnemonic === 'int';

const UNKNOWN = {
  where: 'guest memory',
  remedy: 'Step one instruction instead; or set a breakpoint where it is to stop',
} as const;

const unknown = (what: string): Answer<never> => refuse('memory-unknown', what, UNKNOWN);

interface Here {
  readonly next: Instruction;
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint;
  readonly wordBytes: 2 | 4 | 8;
}

const here = async (memory: GuestMemory, { facts }: Capture, decoder: InstructionDecoder): Promise<Answer<Here>> => {
  const execution = executionOf(facts);
  const { general } = facts;
  if (execution === null || execution.next === null || general === null)
    return unknown('the registers that say what the vCPU executes could not be read');
  const bytes = await readUpTo(memory, execution.next, MOST_INSTRUCTION_BYTES);
  if (!bytes.ok) return unknown(`the instruction at RIP is not known: ${bytes.refusal.what}`);
  const reading = { bitness: execution.codeBits, syntax: 'intel' } as const;
  const next = instructionAt(decoder, bytes.value.bytes, execution.next, reading);
  if (next.isBad) return unknown('no instruction that is known stands at RIP');
  const wordBytes = execution.codeBits === 64 ? 8 : execution.codeBits === 32 ? 4 : 2;
  return answer({ next, rip: execution.next, rsp: general.rsp, rbp: general.rbp, wordBytes });
};

/** null: there is nothing to step over, and it is one instruction like any other. */
export const overPassage = async (
  memory: GuestMemory,
  capture: Capture,
  decoder: InstructionDecoder,
): Promise<Answer<Passage | null>> => {
  const at = await here(memory, capture, decoder);
  if (!at.ok) return at;
  const { next, rip, rsp } = at.value;
  const address = BigInt.asUintN(64, rip + BigInt(next.bytes.length));
  const goesAway = next.flow === 'call' || isRepeated(next) || isSoftwareInterrupt(next);
  // A call of what is next anyway reads RIP, and never comes back.
  return answer(goesAway && next.target !== address ? { address, leastRsp: rsp } : null);
};

const readWord = async (memory: GuestMemory, at: bigint, bytes: number): Promise<bigint | null> => {
  const read = await memory.readLinear(BigInt.asUintN(64, at), bytes);
  if (!read.ok) return null;
  const word = new Uint8Array(8);
  word.set(read.value.bytes);
  return readU64(word, 0);
};

const MOST_STRAIGHT_BYTES = 256n;
const STACK_POINTERS: ReadonlySet<string> = new Set(['rsp', 'esp', 'sp']);

/**
 * The call in front of the address came to the function that RIP is in, and nothing from there to RIP has moved the stack pointer: so
 * the address is on top of the stack, whatever RBP is. What leads away in between, or is too long, is no answer.
 */
const hasMovedNoStack = async (
  memory: GuestMemory,
  { address, rip }: { readonly address: bigint; readonly rip: bigint },
  decoder: InstructionDecoder,
  bits: 16 | 32 | 64,
): Promise<boolean> => {
  const before = BigInt.asUintN(64, address - 5n);
  const read = await memory.readLinear(before, 5);
  const call = read.ok ? decoder.decode(read.value.bytes, before, bits, 'intel') : null;
  if (call === null || call.flow !== 'call' || call.bytes.length !== 5 || call.target === null) return false;
  if (rip < call.target || rip - call.target > MOST_STRAIGHT_BYTES) return false;
  let at = call.target;
  while (at < rip) {
    const code = await readUpTo(memory, at, MOST_INSTRUCTION_BYTES);
    const one = code.ok ? decoder.decode(code.value.bytes, at, bits, 'intel') : null;
    if (one === null || one.isBad || (one.flow !== 'next' && one.flow !== 'branch')) return false;
    if (one.writes.some((register) => STACK_POINTERS.has(register))) return false;
    at += BigInt(one.bytes.length);
  }
  return at === rip;
};

const MOST_FRAME_BYTES = 1n << 20n;
const ENDBR = /^endbr(64|32)$/;
const isPush = ({ mnemonic, text }: Instruction): boolean => mnemonic === 'push' && /\b[er]?bp$/.test(text);
const isMove = ({ mnemonic, text }: Instruction): boolean => mnemonic === 'mov' && /\b[er]?bp, ?[er]?sp$/.test(text);

/** How the return address was found. */
export type ReturnBy = 'ret' | 'entry' | 'frame-pointer';

/** Out of the function that RIP is in. */
export const outPassage = async (
  memory: GuestMemory,
  capture: Capture,
  decoder: InstructionDecoder,
): Promise<Answer<Passage & { readonly by: ReturnBy }>> => {
  const at = await here(memory, capture, decoder);
  if (!at.ok) return at;
  const { next, rip, rsp, rbp, wordBytes } = at.value;
  const word = BigInt(wordBytes);
  const isReturn = next.flow === 'return' && next.mnemonic.startsWith('ret');
  const places: readonly (readonly [bigint, ReturnBy])[] = isReturn
    ? [[rsp, 'ret']]
    : ENDBR.test(next.mnemonic) || isPush(next)
      ? [[rsp, 'entry']]
      : isMove(next)
        ? [[rsp + word, 'entry']]
        : rbp >= rsp && rbp - rsp < MOST_FRAME_BYTES
          ? [[rbp + word, 'frame-pointer']]
          : [];
  const bits = wordBytes === 8 ? 64 : wordBytes === 4 ? 32 : 16;
  if (!isReturn) {
    const address = await readWord(memory, rsp, wordBytes);
    if (address !== null && (await hasMovedNoStack(memory, { address, rip }, decoder, bits)))
      return answer({ address, leastRsp: BigInt.asUintN(64, rsp + word), by: 'entry' });
  }
  for (const [slot, by] of places) {
    const address = await readWord(memory, slot, wordBytes);
    if (address === null) continue;
    if (by === 'ret' || (await followsCall(memory, address, bits)))
      return answer({ address, leastRsp: BigInt.asUintN(64, slot + word), by });
  }
  return refuse('memory-unknown', 'where this function returns to is not known: no frame pointer leads to a call', {
    where: 'the stack',
    remedy: 'Step to its entry or its RET and step out from there; or step on, or set a breakpoint',
  });
};

/** Where memory is not known, neither is where it goes. */
export const notKnown = (way: 'over' | 'out', why: string): Answer<never> =>
  unknown(`to step ${way === 'over' ? 'over a call' : 'out of a function'} its code has to be read, and ${why}`);

/**
 * Where a step over or out leads; null: one instruction like any other will do. Refused where code or stack cannot be
 * read, or no return address is found.
 */
export const passageOf = (
  way: 'over' | 'out',
  memory: GuestMemory,
  capture: Capture,
  decoder: InstructionDecoder,
): Promise<Answer<(Passage & { readonly by?: ReturnBy }) | null>> =>
  way === 'over' ? overPassage(memory, capture, decoder) : outPassage(memory, capture, decoder);

/** What a run along a passage came to. */
export interface Passed {
  /** arrived; hit: at one of the other breakpoints, by their place in the list; more: not yet. */
  readonly ended: 'arrived' | 'hit' | 'more' | 'busy';
  readonly hit: readonly number[];
  readonly capture: Capture;
}

const arrived = ({ address, leastRsp }: Passage, { facts }: Capture): boolean => {
  const { general } = facts;
  if (general === null || executionOf(facts)?.next !== address) return false;
  return general.rsp >= leastRsp && general.rsp - leastRsp <= MOST_POPPED;
};

/** So many inner calls come through the same place before the asker is asked whether he still waits. */
const MOST_PASSED = 100;

/**
 * @param others breakpoints that end it too, three at most
 * @param waitMs for the next hit
 */
export const runPassage = async (
  target: Target,
  control: RunControl,
  passage: Passage,
  others: readonly Breakpoint[],
  waitMs: number,
): Promise<Answer<Passed>> => {
  const breakpoints = [{ address: passage.address, on: 'execute' as const, bytes: 1 }, ...others];
  for (let passed = 0; ; passed += 1) {
    const run: Answer<BreakpointAnswer> = await control.runTo(breakpoints, waitMs);
    if (!run.ok) return run;
    const there = await target.capture();
    if (!there.ok) return there;
    const { ended, hit: all } = run.value;
    const hit = all.filter((at) => at > 0).map((at) => at - 1);
    const end = (how: Passed['ended']) => answer({ ended: how, hit, capture: there.value });
    if (ended === 'done' && arrived(passage, there.value)) return end('arrived');
    if (ended === 'done' && hit.length > 0) return end('hit');
    if (ended === 'busy') return end('busy');
    if (ended !== 'done' || passed >= MOST_PASSED) return end('more');
  }
};
