import { concat } from '../bits/bytes.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer } from '../refusals/refusal.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { MemoryRead } from './walked-memory.ts';

const PAGE = 4096n;

/** As many bytes as are mapped and known from an address on, at most `most`; refused where not even the first is. */
export const readUpTo = async (memory: GuestMemory, linear: bigint, most: number): Promise<Answer<MemoryRead>> => {
  const parts: Uint8Array[] = [];
  let first: MemoryRead | null = null;
  for (let done = 0; done < most; ) {
    const at = BigInt.asUintN(64, linear + BigInt(done));
    const bytes = Math.min(most - done, Number(PAGE - (at % PAGE)));
    const read = await memory.readLinear(at, bytes);
    if (!read.ok) {
      if (first === null) return read;
      break;
    }
    first ??= read.value;
    parts.push(read.value.bytes);
    done += bytes;
  }
  return answer({ linear, physical: first?.physical ?? 0n, bytes: concat(parts) });
};
