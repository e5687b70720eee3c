import type { Readable } from 'node:stream';
import { writeU32, writeU64 } from '../../app/bits/bytes.ts';
import { hasBit, maskOf } from '../../app/bits/mask.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { XCOMP_BV_OFFSET_BYTES, XSTATE_BV_OFFSET_BYTES } from '../../app/xsave/header.ts';

/** Small, fast, and the same everywhere: 32 bits a step. (mulberry32) */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
  below(limit: number): number {
    return this.u32() % limit;
  }
  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }
  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.u32() & 0xff);
  }
}

export interface GeneratedImage {
  readonly number: number;
  readonly bytes: Uint8Array;
  /** What was made wrong on purpose, or looks wrong and is not; empty: nothing. */
  readonly faults: readonly string[];
}

interface Draft {
  readonly bytes: Uint8Array;
  bv: bigint;
  /** What of it is sent, or zeros behind it; laid on last. */
  sizeBytes: number;
}
type Fault = (draft: Draft, random: Random, supported: bigint) => void;

/** What can be wrong with an image, and what only looks wrong. Each is applied to an image that is good by itself. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'unsupported bits': (draft, random, supported) => {
    const absent = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => !hasBit(supported, bit));
    for (let count = 1 + random.below(3); count > 0; count -= 1) draft.bv |= maskOf([random.one(absent)]);
  },
  'supervisor bits': (draft, random) => {
    draft.bv |= maskOf([random.one([8, 10, 11, 12, 13, 14, 15, 16])]);
  },
  'tile bits': (draft, random) => {
    draft.bv |= random.one([1n << 17n, 1n << 18n, 3n << 17n]);
  },
  XCOMP_BV: (draft, random) => {
    const value = random.one([1n << 63n, (1n << 63n) | draft.bv, 1n, draft.bv | 1n, BigInt(random.u32()) | 1n]);
    writeU64(draft.bytes, XCOMP_BV_OFFSET_BYTES, value);
  },
  'reserved header byte': (draft, random) => {
    draft.bytes[random.one([528, 535, 536, 575, 528 + random.below(48)])] = 1 + random.below(255);
  },
  'MXCSR reserved bit': (draft, random) => {
    writeU32(draft.bytes, 24, (0x1f80 | (1 << random.one([16, 18, 19, 24, 30, 31]))) >>> 0);
  },
  'MXCSR bit 17': (draft) => {
    writeU32(draft.bytes, 24, 0x21f80);
  },
  'MXCSR reserved bit without a user of MXCSR': (draft, random) => {
    writeU32(draft.bytes, 24, random.u32() | (1 << 16));
    draft.bv &= ~7n;
  },
  'another MXCSR_MASK': (draft, random) => {
    writeU32(draft.bytes, 28, random.one([0, 0xffff, 0xffbf, 0x2ffff, 0x12345, 0xffffffff, 0x1f80]));
    writeU32(draft.bytes, 24, random.one([0x1f80, 0x9fc0, 0xffff, 0x3f80]));
  },
  'only x87, with another MXCSR': (draft) => {
    writeU32(draft.bytes, 24, 0x3f80);
    draft.bv = 1n;
  },
  'junk that is not looked at': (draft, random) => {
    draft.bytes.set(random.bytes(96), 416);
    draft.bytes[5] = random.below(256);
  },
  'cut short': (draft, random) => {
    draft.sizeBytes = random.one([575, 576, random.below(576), 576 + random.below(3520), 4095]);
  },
  'cut short behind what is in use': (draft) => {
    draft.sizeBytes = 4088;
    draft.bv &= 7n;
  },
  'too long': (draft, random) => {
    draft.sizeBytes = random.one([4097, 4104, 8192, 11008, 12288]);
  },
};

const NAMES = Object.keys(FAULTS);

/** A good image: any set of components in use, any bytes in them, an MXCSR that every x86-64 CPU takes. */
const goodDraft = ({ image, facts }: Capture, random: Random): Draft => {
  const bytes = new Uint8Array(image.bytes.length);
  const supported = facts.supportedXcr0 ?? 3n;
  let bv = 0n;
  for (const { bit, offsetBytes, sizeBytes } of image.layout.components) {
    if (!hasBit(supported, bit) || random.below(2) === 0) continue;
    bv |= maskOf([bit]);
    bytes.set(random.bytes(sizeBytes), offsetBytes);
  }
  // Bytes 4 to 7 of PKRU's component are padding.
  const pkru = image.layout.components.find((place) => place.bit === 9);
  if (pkru !== undefined) bytes.fill(0, pkru.offsetBytes + 4, pkru.offsetBytes + 8);
  bytes[5] = 0;
  writeU32(bytes, 24, random.one([0x1f80, 0x9fc0, 0x1fbf, 0x7f80]));
  writeU32(bytes, 28, 0xffff);
  return { bytes, bv, sizeBytes: bytes.length };
};

/** The same images for the same seed and capture: a third good, a third bad in one way, a third in two or three. */
export function* generateImages(start: Capture, seed: number, count: number): Generator<GeneratedImage> {
  const random = new Random(seed);
  const supported = start.facts.supportedXcr0 ?? 3n;
  for (let number = 0; number < count; number += 1) {
    const draft = goodDraft(start, random);
    // Every fault has its turn by itself; the rest is chance.
    const many = number % 3;
    const single = NAMES[Math.floor(number / 3) % NAMES.length] ?? '';
    const faults =
      many === 0 ? [] : many === 1 ? [single] : [...new Set([single, random.one(NAMES), random.one(NAMES)])];
    for (const name of faults) FAULTS[name]?.(draft, random, supported);
    writeU64(draft.bytes, XSTATE_BV_OFFSET_BYTES, draft.bv);
    const bytes = new Uint8Array(draft.sizeBytes);
    bytes.set(draft.bytes.subarray(0, draft.sizeBytes));
    yield { number, bytes, faults };
  }
}

/** Bytes of a stream, taken by count. */
export class ByteQueue {
  #held = Buffer.alloc(0);
  #wanted: { readonly count: number; readonly resolve: (bytes: Buffer) => void } | null = null;
  #fail: ((error: Error) => void) | null = null;

  constructor(stream: Readable) {
    stream.on('data', (chunk: Buffer) => {
      this.#held = Buffer.concat([this.#held, chunk]);
      this.#serve();
    });
    stream.on('end', () => this.#fail?.(new Error('the stream ended')));
  }

  take(count: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#wanted = { count, resolve };
      this.#fail = reject;
      this.#serve();
    });
  }

  #serve(): void {
    const wanted = this.#wanted;
    if (wanted === null || this.#held.length < wanted.count) return;
    const bytes = this.#held.subarray(0, wanted.count);
    this.#held = this.#held.subarray(wanted.count);
    this.#wanted = null;
    wanted.resolve(bytes);
  }
}
