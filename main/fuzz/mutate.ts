/** A stream of numbers that a seed gives again: what was found once is found again. (mulberry32) */
export interface Random {
  /** From 0 to most − 1. */
  below(most: number): number;
  pick<T>(list: readonly T[]): T;
}

export const createRandom = (seed: number): Random => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (most: number): number => (most <= 0 ? 0 : next() % most);
  return {
    below,
    pick: <T>(list: readonly T[]): T => list[below(list.length)] as T,
  };
};

/** Numbers at which something begins or ends, as bytes in memory order. */
const NUMBERS: readonly (readonly number[])[] = [
  ...[[0], [1], [0x7f], [0x80], [0xff], [0xff, 0xff], [0, 0x80], [0xff, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f]],
  ...[[0, 0, 0, 0x80], [0, 0, 0x10, 0], [0, 0, 0, 0, 1, 0, 0, 0], Array(8).fill(0xff), [0, 0, 0, 0, 0, 0, 0, 0x80]],
];
/** Words of the documents that are read. */
const WORDS = [
  ...[
    '{}',
    '[]',
    '[[',
    '{"',
    '":',
    'null',
    'true',
    '-1',
    '1e999',
    '0x',
    '""',
    '\\u0000',
    '\\',
    '"',
    ',',
    '18446744073709551616',
  ],
  ...[
    '"format"',
    '"tilescope-session"',
    '"tilescope-capture"',
    '"tilescope-journal"',
    '"version"',
    '"stops"',
    '"pieces"',
  ],
  ...[
    '"facts"',
    '"layout"',
    '"__proto__"',
    '"constructor"',
    '"snapshots"',
    '"snapshot_data"',
    '"Kvm"',
    '"xsave"',
    '\u202e',
    '\n',
  ],
].map((word) => new TextEncoder().encode(word));

type Change = (bytes: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array;

const spliced = (bytes: Uint8Array, at: number, removed: number, put: Uint8Array): Uint8Array => {
  const made = new Uint8Array(bytes.length - removed + put.length);
  made.set(bytes.subarray(0, at));
  made.set(put, at);
  made.set(bytes.subarray(at + removed), at + put.length);
  return made;
};

const inPlace =
  (change: (bytes: Uint8Array, at: number, random: Random) => void): Change =>
  (bytes, random) => {
    if (bytes.length > 0) change(bytes, random.below(bytes.length), random);
    return bytes;
  };

const piece = (bytes: Uint8Array, random: Random): Uint8Array => {
  const from = random.below(bytes.length);
  return bytes.slice(from, from + 1 + random.below(Math.min(256, bytes.length - from)));
};

const CHANGES: readonly Change[] = [
  inPlace((bytes, at, random) => {
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  }),
  inPlace((bytes, at, random) => {
    bytes[at] = random.below(256);
  }),
  inPlace((bytes, at, random) => {
    const number = random.pick(NUMBERS);
    for (const [index, byte] of number.entries()) if (at + index < bytes.length) bytes[at + index] = byte;
  }),
  (bytes, random) => spliced(bytes, random.below(bytes.length + 1), 0, random.pick(WORDS)),
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return spliced(bytes, at, random.below(Math.min(64, bytes.length - at) + 1), random.pick(WORDS));
  },
  (bytes, random) => bytes.slice(0, random.below(bytes.length + 1)),
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return spliced(bytes, at, random.below(Math.min(1024, bytes.length - at) + 1), new Uint8Array(0));
  },
  (bytes, random) => (bytes.length === 0 ? bytes : spliced(bytes, random.below(bytes.length), 0, piece(bytes, random))),
  (bytes, random, others) => {
    const other = random.pick(others);
    if (other.length === 0) return bytes;
    return spliced(bytes, random.below(bytes.length + 1), 0, piece(other, random));
  },
];

/** Inputs do not grow without end: what is large is slow, and its price has tests of its own. */
const MOST_BYTES = 256 * 1024;

/** Another input, made from one by some changes. */
export const mutated = (from: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array => {
  let bytes: Uint8Array = from.slice();
  const changes = 1 + random.below(random.below(8) + 1);
  for (let count = 0; count < changes; count += 1) bytes = random.pick(CHANGES)(bytes, random, others);
  return bytes.length > MOST_BYTES ? bytes.slice(0, MOST_BYTES) : bytes;
};
