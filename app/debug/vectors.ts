import { readU16, readU32 } from '../bits/bytes.ts';
import type { Facts } from '../capture/capture.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';

/** Exceptions by the names of their vectors. (SDM vol. 3, table 6-1) */
const VECTORS: Readonly<Record<string, number>> = {
  ...{ '#DE': 0, '#DB': 1, '#BP': 3, '#OF': 4, '#BR': 5, '#UD': 6, '#NM': 7, '#DF': 8, '#TS': 10, '#NP': 11 },
  ...{ '#SS': 12, '#GP': 13, '#PF': 14, '#MF': 16, '#AC': 17, '#MC': 18, '#XM': 19, '#VE': 20, '#CP': 21 },
};

/** "#NM", in either case; null: it is none. */
export const vectorNamed = (text: string): number | null => VECTORS[text.toUpperCase()] ?? null;

const PRESENT = 0x80;
const GATES: readonly number[] = [0xe, 0xf];
const LONG_MODE_ACTIVE = 1n << 10n;

/**
 * Where a gate leads; null: it is none that leads anywhere. In long mode it has 16 bytes, else 8. (SDM vol. 3, 6.11 and 6.14.1)
 */
export const gateTarget = (gate: Uint8Array): bigint | null => {
  const type = gate[5] ?? 0;
  if (!(type & PRESENT) || !GATES.includes(type & 0xf)) return null;
  const low = BigInt(readU16(gate, 0) | (readU16(gate, 6) << 16)) & 0xffff_ffffn;
  return gate.length < 16 ? low : low | (BigInt(readU32(gate, 8)) << 32n);
};

/** The linear address of the first instruction of a vector's handler: a breakpoint there is hit at the next such exception. */
export const handlerOf = async (
  memory: GuestMemory,
  { control, descriptors }: Facts,
  vector: number,
): Promise<Answer<bigint>> => {
  if (control === null || descriptors == null)
    return refuse('memory-unknown', 'the descriptor tables could not be read');
  const bytes = control.efer & LONG_MODE_ACTIVE ? 16 : 8;
  const at = BigInt(vector * bytes);
  if (at + BigInt(bytes - 1) > descriptors.idt_limit)
    return refuse('memory-unknown', `the IDT has no vector ${vector}`);
  const gate = await memory.readLinear(descriptors.idt_base + at, bytes);
  if (!gate.ok) return gate;
  const target = gateTarget(gate.value.bytes);
  return target === null ? refuse('memory-unknown', `vector ${vector} of the IDT leads nowhere`) : answer(target);
};
