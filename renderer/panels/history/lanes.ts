import { registerRow } from '../../../app/register/registers.ts';
import { memoizeByIdentity } from '../../store/base/memoize.ts';
import type { Stop } from '../../store/state/timeline.ts';
import { allKeptBy } from '../../store/view/watched-path.ts';

export interface Lane {
  readonly name: string;
  /** The token of its hue, without the dashes. */
  readonly hue: string;
  readonly differs: (stop: Stop) => boolean;
  /** Whether a change of what a path names would be marked in it. */
  readonly keeps: (path: string) => boolean;
}

const inBits = (...bits: number[]): Pick<Lane, 'differs' | 'keeps'> => ({
  differs: ({ changed }) => bits.some((bit) => changed.has(bit)),
  keeps: (path) => allKeptBy(path).some((bit) => bits.includes(bit)),
});

const isOutside = (path: string): boolean => {
  const kind = registerRow(path.split(/[.:[]/, 1)[0] ?? '')?.source.kind;
  return kind === 'xcr0' || kind === 'msr';
};

export const LANES: readonly Lane[] = [
  { name: 'x87, SSE, AVX', hue: 'c-avx', ...inBits(0, 1, 2) },
  { name: 'AVX-512', hue: 'c-zmm-hi256', ...inBits(5, 6, 7) },
  { name: 'AMX', hue: 'c-tiledata', ...inBits(17, 18) },
  { name: 'XFD, XCR0', hue: 'c-apx', differs: (stop) => stop.changedOutside, keeps: isOutside },
];

/** Which lanes have a mark at a stop: bit n for lane n. */
export const lanesOf = memoizeByIdentity((stop: Stop): number =>
  LANES.reduce((bits, lane, row) => (lane.differs(stop) ? bits | (1 << row) : bits), 0),
);
