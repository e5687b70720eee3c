import { parsePath } from '../../../app/register/path.ts';
import type { Kept } from '../../../app/session/history.ts';
import {
  changesBetween,
  componentReader,
  lastChangeOf,
  pathReader,
  type ValueReader,
} from '../../../app/session/last-change.ts';
import { memoizeByIdentity } from '../base/memoize.ts';
import type { Stop } from '../state/timeline.ts';
import { writtenOf } from './provenance.ts';

/** The stop at which a value last changed, and who changed it. */
export interface LastChange {
  readonly by: 'guest' | 'edit';
  readonly stop: number;
}

/** A value that can be asked for its last change: a register path as on the command line, or a component by its bit. */
export type ChangingValue = string | number;

const keptOf = memoizeByIdentity((stops: readonly Stop[]): readonly Kept[] => stops.map(({ kept }) => kept));

const readerOf = (value: ChangingValue): ValueReader | null => {
  if (typeof value === 'number') return componentReader(value);
  const path = parsePath(value);
  return path.ok ? pathReader(path.value) : null;
};

const known = memoizeByIdentity((_: readonly Stop[]) => new Map<string, LastChange | null>());

/** A write is one's own where it wrote this value: what else differs at its stop the guest did before it. */
const whose = (stops: readonly Stop[], stop: Stop, reader: ValueReader): LastChange['by'] => {
  if (stop.write === null) return 'guest';
  const written = writtenOf(stops, stop);
  if (written === null) return 'edit';
  return reader.differs(written.over, written.to) && !reader.differs(written.to, stop.capture) ? 'edit' : 'guest';
};

/** The latest stop, not after `at`, at which the value differs from the stop before it. Null: never since the first. */
export const lastChange = (stops: readonly Stop[], at: number, value: ChangingValue): LastChange | null => {
  const table = known(stops);
  const key = `${at} ${value}`;
  const found = table.get(key);
  if (found !== undefined) return found;
  const reader = readerOf(value);
  const index = reader === null ? null : lastChangeOf(keptOf(stops), at, reader);
  const stop = index === null ? undefined : stops[index];
  const last = stop === undefined || reader === null ? null : { by: whose(stops, stop, reader), stop: stop.number };
  table.set(key, last);
  return last;
};

const knownBetween = memoizeByIdentity((_: readonly Stop[]) => new Map<string, readonly number[]>());

/** The numbers of the stops after place `from`, up to place `to`, at which the value differs from the stop before. */
export const changesSince = (
  stops: readonly Stop[],
  from: number,
  to: number,
  value: ChangingValue,
): readonly number[] => {
  const table = knownBetween(stops);
  const key = `${from} ${to} ${value}`;
  const reader = readerOf(value);
  const numbers =
    table.get(key) ??
    (reader === null ? [] : changesBetween(keptOf(stops), from, to, reader)).flatMap((at) => stops[at]?.number ?? []);
  table.set(key, numbers);
  return numbers;
};
