import { hexShort } from '../../../app/bits/mask.ts';
import { type MemoryAddress, parseAddress } from '../../../app/debug/address.ts';
import { isMemoryPath } from '../../../app/edit/memory-path.ts';
import { ELEMENT_TYPES, type ElementType, elementBytes, isElementType } from '../../../app/value/element-type.ts';
import type { MemoryAtStop, Stop, Timeline, WatchedMemory } from '../state/timeline.ts';
import { watchedText } from './watched-text.ts';

/** Guest memory that is followed over the stops: "[0x401010]:u32", "[rsi+0x40]:i8", "physical[0x1000]:u64". */
export interface MemoryWatch {
  /** A number, or a general register with what is added: where it points is asked at each stop. */
  readonly address: string;
  readonly isPhysical: boolean;
  readonly type: ElementType;
}

const WATCH = /^(physical)?\[([^\]]+)\](?::(\w+))?$/i;
/** Where none is named. */
const USUAL = 'u64';

/** One way of writing it: 0x401010, rsi, rsi+0x40, rsp-0x8. */
const printAddress = ({ register, offset }: MemoryAddress): string => {
  if (register === null) return hexShort(offset);
  const signed = BigInt.asIntN(64, offset);
  return signed === 0n ? register : `${register}${signed < 0n ? '-' : '+'}${hexShort(signed < 0n ? -signed : signed)}`;
};

/** Null: the text is no place of memory. */
export const parseMemoryWatch = (text: string): MemoryWatch | null => {
  const [, physical, place = '', named = USUAL] = WATCH.exec(text.trim()) ?? [];
  const type = named.toLowerCase();
  const parsed = parseAddress(place.trim().replaceAll(/\s*([+-])\s*/g, '$1'), false);
  if (parsed === null || !isElementType(type)) return null;
  // A register holds no physical address.
  if (physical !== undefined && parsed.register !== null) return null;
  return { address: printAddress(parsed), isPhysical: physical !== undefined, type };
};

export const printMemoryWatch = ({ address, isPhysical, type }: MemoryWatch): string =>
  `${isPhysical ? 'physical' : ''}[${address}]:${type}`;

export const isMemoryWatch = (path: string): boolean => parseMemoryWatch(path) !== null;

export const watchBytes = ({ type }: MemoryWatch): number => elementBytes(type);

/** The same place in each other type, the next one first. */
export const otherMemoryTypes = (watch: MemoryWatch, step: 1 | -1): readonly string[] => {
  const types = ELEMENT_TYPES.map(({ name }) => name);
  const from = types.indexOf(watch.type);
  return types
    .slice(1)
    .map((_, at) => types[(from + step * (at + 1) + 2 * types.length) % types.length] ?? watch.type)
    .map((type) => printMemoryWatch({ ...watch, type }));
};

/** What a watched path, of a register or of memory, held at a stop; null: absent, or not read there. */
export const textAtStop = (memory: WatchedMemory, stop: Stop, path: string): string | null =>
  // A path that is watched was looked at when it was taken.
  isMemoryPath(path) ? (memory.get(stop.number)?.get(path)?.text ?? null) : watchedText(stop.capture, path);

/** What a watched place of memory held at the stop on screen, or at another; null: it was not read there. */
export const memoryAtStop = (
  { memoryAt, stops, at }: Pick<Timeline, 'memoryAt' | 'stops' | 'at'>,
  path: string,
  index = at,
): MemoryAtStop | null => memoryAt.get(stops[index]?.number ?? 0)?.get(path) ?? null;
