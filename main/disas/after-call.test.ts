import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { followsCall } from '../../app/debug/after-call.ts';
import type { InstructionDecoder } from '../../app/disas/instruction.ts';
import type { GuestMemory } from '../../app/memory/guest-memory.ts';
import { answer } from '../../app/refusals/refusal.ts';
import { loadDecoder } from './load-decoder.ts';

let decoder: InstructionDecoder;
beforeAll(async () => {
  decoder = await loadDecoder();
});

const ADDRESS = 0x40_1800n;

/** Nine bytes that end at the address. */
const memoryWith = (code: readonly number[]): GuestMemory =>
  ({
    readLinear: async (at: bigint, bytes: number) => {
      const from = code.length - Number(ADDRESS - at);
      return answer({ bytes: Uint8Array.from(code.slice(from, from + bytes)) });
    },
  }) as unknown as GuestMemory;

/** To the decoder SYSCALL and VMCALL are calls as well, after which nothing of this stack is returned to. */
const byDecoder = (code: readonly number[], bits: 16 | 32 | 64): boolean =>
  [2, 3, 4, 5, 6, 7, 8, 9].some((bytes) => {
    const one = decoder.decode(Uint8Array.from(code.slice(-bytes)), ADDRESS - BigInt(bytes), bits, 'intel');
    return (
      one !== null && !one.isBad && one.flow === 'call' && one.text.startsWith('call') && one.bytes.length === bytes
    );
  });

const byte = fc.integer({ min: 0, max: 255 });
/** Bytes among which calls of every form are likely. */
const code = fc
  .tuple(
    fc.array(byte, { minLength: 9, maxLength: 9 }),
    fc.constantFrom([], [0x2e], [0x65], [0x66], [0x67]),
    fc.constantFrom([], [0x41], [0x48]),
    fc.oneof(
      fc.constant([0xe8]),
      fc.constant([0x9a]),
      byte.map((modRm) => [0xff, modRm]),
    ),
    fc.array(byte, { maxLength: 6 }),
  )
  .map(([before, ...parts]) => [...before, ...parts.flat()].slice(-9));

test.each([16, 32, 64] as const)(
  '[LT3] a call ends where a decoder says that one does, in %s-bit code',
  async (bits) => {
    await fc.assert(
      fc.asyncProperty(code, async (bytes) => {
        expect(await followsCall(memoryWith(bytes), ADDRESS, bits)).toBe(byDecoder(bytes, bits));
      }),
      { numRuns: 3000, seed: 938, endOnFailure: true },
    );
  },
);
