import { beforeEach, describe, expect, test } from 'vitest';
import { findMemory } from './find-memory.ts';
import type { FindMemoryRequest } from './guest-words.ts';
import { createSession, type Session } from './session.ts';
import { type FakeMemory, fakeMemory, KERNEL_HALF, memoryCapture } from './testing/fake-memory.ts';
import { fakeTarget } from './testing/fake-target.ts';
import { memoryJournal } from './testing/memory-journal.ts';

let fake: FakeMemory;
let session: Session;
beforeEach(() => {
  fake = fakeMemory();
  fake.bytes.fill(0, 0x20_0000, 0x21_0000);
  const capture = memoryCapture();
  const target = Object.assign(fakeTarget(capture), { memory: fake.port });
  const clock = { sleep: async () => undefined, after: () => () => undefined };
  session = createSession('s', target, capture, { clock, journal: memoryJournal() });
});

const find = async (text: string, as: FindMemoryRequest['as'] = 'bytes', address = '0', isPhysical = false) => {
  const found = await findMemory(session, { address, isPhysical, text, as });
  return found.ok ? found.value : found.refusal.code;
};

/** As the page does: part by part, until it is found or nothing is behind. */
const findOn = async (text: string, as: FindMemoryRequest['as'] = 'bytes', address = '0') => {
  let [searchedBytes, at] = [0, address];
  for (let parts = 1; parts < 20; parts += 1) {
    const part = await find(text, as, at);
    if (typeof part === 'string') return part;
    searchedBytes += part.searchedBytes;
    if (part.found !== null || part.next === null) return { ...part, searchedBytes };
    at = part.next;
  }
  throw new Error('it never ends');
};

describe('[DA7] what is looked for in memory', () => {
  test.each<[FindMemoryRequest['as'], string, readonly number[]]>([
    ['bytes', 'de ad ?? ef', [0xde, 0xad, 0x77, 0xef]],
    ['text', 'Tilé', [0x54, 0x69, 0x6c, 0xc3, 0xa9]],
    ['u32', '0x01020304', [4, 3, 2, 1]],
    ['f64', '-0.5', [0, 0, 0, 0, 0, 0, 0xe0, 0xbf]],
  ])('%s %s stands where it stands, from the lowest address on', async (as, text, bytes) => {
    fake.bytes.set(bytes, 0x20_2010);
    expect(await findOn(text, as)).toMatchObject({ found: '0x402010', bytes: bytes.length });
    const next = await findOn(text, as, '0x402011');
    expect(next).toMatchObject({ found: `0x${(KERNEL_HALF + 0x40_2010n).toString(16)}` });
  });

  test('over the end of a page, and no further than what follows it in linear addresses', async () => {
    fake.bytes.set([1, 2, 3], 0x20_1ffe);
    expect(await findOn('01 02 03')).toMatchObject({ found: '0x401ffe' });
    // Page 7 is not mapped: what stands before and behind it touches in no memory of the guest.
    fake.bytes.set([4, 5], 0x20_6ffe);
    fake.bytes.set([6], 0x20_8000);
    expect(await findOn('04 05 06')).toMatchObject({ found: null });
  });

  test('a value stands at a multiple of its size, bytes anywhere', async () => {
    fake.bytes.set([4, 3, 2, 1], 0x20_2011);
    expect(await findOn('0x01020304', 'u32', '0x400000')).toMatchObject({ found: null });
    expect(await findOn('04 03 02 01')).toMatchObject({ found: '0x402011' });
  });

  test('the whole of what is mapped is looked through', async () => {
    let [reads, searched] = [0, 0];
    const { readHost } = fake.port;
    fake.port.readHost = async (address, bytes) => {
      reads += 1;
      if (bytes === 4096 && Number(address & 0xfff_ffffn) >= 0x20_0000) searched += 1;
      return readHost(address, bytes);
    };
    expect(await findOn('99 99 99')).toMatchObject({ found: null, next: null });
    expect(searched).toBe(2 * 14);
    // Five levels of entries at most for each that is not present, in few tables.
    expect(reads).toBeLessThan(20_000);
  });

  test('a part ends after 1 MiB, and the next begins with what may be the beginning of a match', async () => {
    const part = await find('99 99', 'bytes', '0x100000', true);
    expect(part).toEqual({ found: null, bytes: 2, searchedBytes: 1 << 20, next: '0x1fffff' });
    fake.bytes.set([0x99, 0x99], 0x1f_ffff);
    expect(await find('99 99', 'bytes', '0x100000', true)).toMatchObject({ found: null, next: '0x1fffff' });
    expect(await find('99 99', 'bytes', '0x1fffff', true)).toMatchObject({ found: '0x1fffff' });
  });

  test.each([
    ['bytes', 'zz', '0'],
    ['u8', '256', '0'],
    ['u8', '1', 'rqx'],
  ] as const)('%s %s at %s is wrong usage', async (as, text, address) => {
    expect(await find(text, as, address)).toBe('usage');
  });
});
