import { concat } from '../bits/bytes.ts';
import { type Decoded, decoded } from '../bits/decoded.ts';
import { utf8FromText } from '../bits/text.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse, refuseProblem } from '../refusals/refusal.ts';
import { matches, type Needle, needleOf } from '../register/find.ts';
import { parseAddress, valueOfAddress } from './address.ts';
import type { FindMemoryRequest, MemoryFound } from './guest-words.ts';
import type { Session } from './session.ts';

const PAGE = 4096n;
const SPACE = 1n << 64n;
/** What one request looks through: the vCPU stands still for it. */
const MOST_PAGES = 256;
/** Looks at the tables, of what is not mapped too. */
const MOST_LOOKS = 1024;

const needle = ({ text, as }: FindMemoryRequest): Decoded<Needle> =>
  as === 'text' ? decoded({ as: 'bytes', bytes: [...utf8FromText(text)], stepBytes: 1 }) : needleOf(text, as);

type Translate = GuestMemory['translate'];

/** A page, or where to look behind what is none. */
const pageAt = async (
  memory: GuestMemory,
  translate: Translate,
  at: bigint,
  bytes: number,
  isPhysical: boolean,
): Promise<{ readonly bytes: Uint8Array | null; readonly next: bigint | null }> => {
  const end = at + BigInt(bytes);
  const next = end >= SPACE ? null : end;
  if (isPhysical) {
    const read = await memory.readPhysical(at, bytes);
    return read.ok ? { bytes: read.value.bytes, next } : { bytes: null, next };
  }
  const found = await translate(at);
  if (!found.ok) return { bytes: null, next: found.next };
  const read = await memory.readPhysical(found.physical, bytes);
  return { bytes: read.ok ? read.value.bytes : null, next };
};

const firstMatch = (bytes: Uint8Array, start: bigint, wanted: Needle): bigint | null => {
  const step = BigInt(wanted.stepBytes);
  // An element begins at a multiple of its size, wherever the search began.
  const from = Number((step - (start % step)) % step);
  for (let at = from; at + wanted.bytes.length <= bytes.length; at += wanted.stepBytes) {
    if (matches(bytes, at, wanted)) return start + BigInt(at);
  }
  return null;
};

/** Forward from an address, a part at a time: what is not mapped is passed over. */
export const findIn = async (
  memory: GuestMemory,
  start: bigint,
  isPhysical: boolean,
  wanted: Needle,
): Promise<MemoryFound> => {
  const size = wanted.bytes.length;
  const told = (found: bigint | null, searchedBytes: number, next: bigint | null): MemoryFound => ({
    ...{ found: found === null ? null : `0x${found.toString(16)}`, bytes: size, searchedBytes },
    next: next === null ? null : `0x${next.toString(16)}`,
  });
  const translate: Translate = memory.look?.() ?? memory.translate;
  let at: bigint | null = start;
  let [searched, pages] = [0, 0];
  // What a match may begin in that ends on the next page.
  let tail = new Uint8Array();
  for (let looks = 0; looks < MOST_LOOKS && pages < MOST_PAGES && at !== null; looks += 1) {
    const bytes = Number(PAGE - (at % PAGE));
    const page = await pageAt(memory, translate, at, bytes, isPhysical);
    if (page.bytes === null) tail = new Uint8Array();
    else {
      pages += 1;
      searched += page.bytes.length;
      const whole = concat([tail, page.bytes]);
      const found = firstMatch(whole, at - BigInt(tail.length), wanted);
      if (found !== null) return told(found, searched, found + 1n >= SPACE ? null : found + 1n);
      tail = whole.slice(Math.max(0, whole.length - (size - 1)));
    }
    at = page.next;
  }
  // The next part begins with what may be the beginning of a match.
  const next = at === null || tail.length === 0 ? at : at - BigInt(tail.length);
  return told(null, searched, next === start ? at : next);
};

/**
 * The next place of a value from an address on, over pages that the guest has mapped. Refused with 'usage' where value
 * or address does not parse, and where memory is not proved.
 */
export const findMemory = (session: Session, request: FindMemoryRequest): Promise<Answer<MemoryFound>> => {
  const wanted = needle(request);
  const address = parseAddress(request.address, false);
  return session.withMemory<MemoryFound>(async (memory, { facts }) => {
    if (!wanted.ok) return refuseProblem('usage', wanted.problem);
    if (wanted.value.bytes.length === 0) return refuse('usage', 'there is nothing to look for');
    if (address === null) return refuse('usage', `${request.address} is no address`);
    const start = valueOfAddress(address, facts.general, null);
    return start.ok ? answer(await findIn(memory, start.value, request.isPhysical, wanted.value)) : start;
  });
};
