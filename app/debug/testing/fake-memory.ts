import { writeU64 } from '../../bits/bytes.ts';
import type { Capture } from '../../capture/capture.ts';
import { tracedLoop } from '../../fixtures/traced-loop.ts';
import type { MemoryPort } from '../../memory/guest-memory.ts';
import { answer, refuse } from '../../refusals/refusal.ts';

/** A 64-bit guest's memory in one mapping of a VMM, with page tables. */

const HOST = 0x7f00_0000_0000n;
const MIB = 1 << 20;
/** Present, writable, accessed, dirty. */
const USED = 0x63n;

export const KERNEL_HALF = 0xffff_ff80_0000_0000n;

export interface FakeMemory {
  readonly bytes: Uint8Array;
  readonly port: MemoryPort;
  /** "read", "write ADDRESS+BYTES", "translate", in order; addresses are physical. */
  readonly log: string[];
  /** Called before each write, as another vCPU would come between. */
  before: (bytes: Uint8Array) => void;
  after: (bytes: Uint8Array) => void;
}

/**
 * Tables at 0x1000. Linear 0x400000 to 0x40ffff are the 16 pages from 0x200000 on, but that page 5 was never used, page 6 is a
 * device, and page 7 is not mapped; page 8 lies at 32 MiB, where no memory is. From KERNEL_HALF on the same is mapped again.
 */
export const fakeMemory = (): FakeMemory => {
  const bytes = new Uint8Array(4 * MIB);
  writeU64(bytes, 0x1000, 0x2000n | USED);
  writeU64(bytes, 0x1000 + 511 * 8, 0x2000n | USED);
  writeU64(bytes, 0x2000, 0x3000n | USED);
  writeU64(bytes, 0x3010, 0x4000n | USED);
  for (let page = 0; page < 16; page += 1) writeU64(bytes, 0x4000 + page * 8, BigInt(0x20_0000 + page * 4096) | USED);
  writeU64(bytes, 0x4000 + 5 * 8, 0x20_5003n);
  writeU64(bytes, 0x4000 + 6 * 8, 0x20_6000n | USED | 0x18n);
  writeU64(bytes, 0x4000 + 7 * 8, 0n);
  writeU64(bytes, 0x4000 + 8 * 8, 0x200_0000n | USED);
  for (let at = 0x20_0000; at < 0x21_0000; at += 1) bytes[at] = at & 0xff;
  const log: string[] = [];
  const fake: FakeMemory = {
    ...{ bytes, log },
    before: () => undefined,
    after: () => undefined,
    port: {
      mappings: async () => answer([{ start: HOST, end: HOST + BigInt(bytes.length) }]),
      bounds: async () => [true],
      readHost: async (address, count) => bytes.slice(Number(address - HOST), Number(address - HOST) + count),
      translate: async (linear) =>
        linear
          .map((one) => one & 0x7f_ffff_ffffn)
          .map((one) => ({
            valid: true,
            physical: one >> 12n === 0x408n ? 0x200_0000n + (one & 0xfffn) : one - 0x20_0000n,
          })),
      writeHost: async (address, then, now) => {
        const at = Number(address - HOST);
        log.push(`write 0x${at.toString(16)}+${now.length}`);
        fake.before(bytes);
        if (bytes.subarray(at, at + then.length).some((byte, index) => byte !== then[index])) {
          return refuse('memory-changed', 'guest memory was changed by somebody else before it could be written');
        }
        bytes.set(now, at);
        fake.after(bytes);
        return answer(bytes.slice(at, at + now.length));
      },
    },
  };
  return fake;
};

/** A vCPU in 64-bit code at 0x401000, with page tables at 0x1000. */
export const memoryCapture = (): Capture => {
  const [stop] = tracedLoop('TDPBSSD', 0);
  if (stop === undefined) throw new Error('the loop has a stop');
  return stop.capture;
};
