import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { hexShort } from '../bits/mask.ts';
import { ELEMENT_TYPES, type ElementType, isElementType } from '../value/element-type.ts';
import { parseNumber } from '../value/number.ts';
import { parseElement } from '../value/parse.ts';

/** An element of guest memory, as a path beside those of registers: [0x401010]:u32, physical[0x201010]:u8. */
export interface MemoryPath {
  readonly address: bigint;
  readonly isPhysical: boolean;
  readonly type: ElementType;
}

/** An element of guest memory with the bytes that are to stand there. */
export interface MemoryEdit extends MemoryPath {
  readonly bytes: Uint8Array;
}

const MEMORY_PATH = /^(physical)?\[\s*(\w+)\s*\](?::(\w+))?$/i;

export const isMemoryPath = (text: string): boolean => /^\s*(physical)?\[/i.test(text);

export const printMemoryPath = ({ address, isPhysical, type }: MemoryPath): string =>
  `${isPhysical ? 'physical' : ''}[${hexShort(address)}]:${type}`;

/** "[0x401010]:u32", or "physical[…]:f32[4]". A problem where the address has more than 64 bits or the type is none. */
export const parseMemoryPath = (text: string): Decoded<MemoryPath> => {
  const wrong = (expected: string): Decoded<never> =>
    undecodable({ kind: 'syntax', what: text.slice(0, 40), at: 0, expected });
  const [, physical, place = '', type = ''] = MEMORY_PATH.exec(text.trim()) ?? [];
  const address = parseNumber(place)?.value ?? null;
  if (address === null || address < 0n || address >> 64n !== 0n) return wrong('an address in brackets: [0x401010]:u32');
  if (!isElementType(type.toLowerCase())) {
    return wrong(`a type behind the brackets: ${ELEMENT_TYPES.map(({ name }) => name).join(', ')}`);
  }
  return decoded({ address, isPhysical: physical !== undefined, type: type.toLowerCase() as ElementType });
};

/** One assignment to guest memory. Whether a byte may stand there is for whoever has the memory to say. */
export const memoryEdit = (path: string, value: string): Decoded<MemoryEdit> => {
  const place = parseMemoryPath(path);
  if (!place.ok) return place;
  const bytes = parseElement(place.value.type, value.trim());
  return bytes.ok ? decoded({ ...place.value, bytes: bytes.value }) : bytes;
};
