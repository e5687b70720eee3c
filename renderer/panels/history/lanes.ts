import { memoizeByIdentity } from '../../store/base/memoize.ts';
import type { Stop } from '../../store/state/timeline.ts';

export interface Lane {
  readonly name: string;
  /** The token of its hue, without the dashes. */
  readonly hue: string;
  readonly differs: (stop: Stop) => boolean;
}

const inBits =
  (...bits: number[]) =>
  ({ changed }: Stop): boolean =>
    bits.some((bit) => changed.has(bit));

export const LANES: readonly Lane[] = [
  { name: 'x87, SSE, AVX', hue: 'c-avx', differs: inBits(0, 1, 2) },
  { name: 'AVX-512', hue: 'c-zmm-hi256', differs: inBits(5, 6, 7) },
  { name: 'AMX', hue: 'c-tiledata', differs: inBits(17, 18) },
  { name: 'XFD, XCR0', hue: 'c-apx', differs: (stop) => stop.changedOutside },
];

/** Which lanes have a mark at a stop: bit n for lane n. */
export const lanesOf = memoizeByIdentity((stop: Stop): number =>
  LANES.reduce((bits, lane, row) => (lane.differs(stop) ? bits | (1 << row) : bits), 0),
);
