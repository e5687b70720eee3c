import { LOOKUP_STATES, type Lookup, MOST_LOOKUPS, RECORD } from '../wire/run.ts';

/**
 * Conditions as the helper's chain looks them up, byte after byte (native/wire/protocol_run.h). State 0 means: not decided yet; 1:
 * it holds; 2: it does not.
 */
const UNDECIDED = 0;
const HOLDS = 1;
const FAILS = 2;

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | '&';

type Decide = (byte: number) => number;

/** What is decided stays so; `decide` says what an undecided one becomes. */
const lookup = (offset: number, decide: Decide): Lookup => {
  const next = new Uint8Array(LOOKUP_STATES * 256).fill(FAILS);
  for (let byte = 0; byte < 256; byte += 1) {
    next[UNDECIDED * 256 + byte] = decide(byte);
    next[HOLDS * 256 + byte] = HOLDS;
  }
  return { offset, next };
};

const lessWord = (op: Comparison): number => (op === '<' || op === '<=' || op === '!=' ? HOLDS : FAILS);
const moreWord = (op: Comparison): number => (op === '>' || op === '>=' || op === '!=' ? HOLDS : FAILS);
const equalWord = (op: Comparison): number => (op === '==' || op === '<=' || op === '>=' ? HOLDS : FAILS);

/**
 * A little-endian integer against a constant of as many bytes.
 *
 * @param offsets of its bytes in the record, the lowest first
 * @param value its bits, two's complement where signed
 */
export const comparisonLookups = (
  offsets: readonly number[],
  op: Comparison,
  value: bigint,
  signed: boolean,
): readonly Lookup[] => {
  const byteOf = (at: number): number => Number((value >> BigInt(8 * at)) & 0xffn);
  if (op === '&') return offsets.map((offset, at) => lookup(offset, (byte) => (byte & byteOf(at) ? HOLDS : UNDECIDED)));
  const order = (at: number): number => (signed && at === offsets.length - 1 ? 0x80 : 0);
  return offsets
    .map((offset, at) =>
      lookup(offset, (byte) => {
        const [is, to] = [byte ^ order(at), byteOf(at) ^ order(at)];
        if (is !== to) return is < to ? lessWord(op) : moreWord(op);
        return at === 0 ? equalWord(op) : UNDECIDED;
      }),
    )
    .reverse();
};

/** Any of these bytes is another one than now. null: more than the chain looks up. */
export const changeLookups = (offsets: readonly number[], now: (offset: number) => number): readonly Lookup[] | null =>
  offsets.length === 0 || offsets.length > MOST_LOOKUPS
    ? null
    : offsets.map((offset) => lookup(offset, (byte) => (byte === now(offset) ? UNDECIDED : HOLDS)));

/** The bit of a component in XSTATE_BV is set, or clear. */
export const xstateBvLookups = (bit: number, isSet: boolean): readonly Lookup[] => [
  lookup(RECORD.image + 512 + (bit >> 3), (byte) => (((byte >> (bit & 7)) & 1) === Number(isSet) ? HOLDS : FAILS)),
];

/** What the chain does with them; for tests, and where a state was reached outside of it. */
export const lookupsHold = (lookups: readonly Lookup[], byteAt: (offset: number) => number): boolean =>
  lookups.length > 0 &&
  lookups.reduce((state, { offset, next }) => next[state * 256 + byteAt(offset)] ?? FAILS, UNDECIDED) === HOLDS;
