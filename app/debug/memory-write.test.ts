import { beforeEach, describe, expect, test } from 'vitest';
import { writeU64 } from '../bits/bytes.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { memoryOf } from './memory-of.ts';
import { putMemoryBack, writeGuestMemory } from './memory-write.ts';
import { type FakeMemory, fakeMemory, memoryCapture } from './testing/fake-memory.ts';
import { fakeTarget } from './testing/fake-target.ts';

let fake: FakeMemory;
beforeEach(() => {
  fake = fakeMemory();
});

const opened = async () => {
  const capture = memoryCapture();
  const memory = await memoryOf(Object.assign(fakeTarget(capture), { memory: fake.port }), capture.facts);
  if (!memory.ok) throw new Error(memory.refusal.what);
  return memory.value;
};
const KEPT = async () => answer(null);
const bytes = (...some: number[]) => Uint8Array.from(some);
const write = async (address: bigint, what: Uint8Array, isPhysical = false, keep = KEPT) =>
  writeGuestMemory(await opened(), [{ address, isPhysical, bytes: what }], keep);
const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
/** Everything of the guest but what is named. */
const others = (...at: number[]) => fake.bytes.map((byte, index) => (at.includes(index) ? 0 : byte));

describe('[GW1] guest memory is written where it is proved to be the guest’s', () => {
  test('exactly those bytes, by a linear address', async () => {
    const untouched = others(0x20_1010, 0x20_1011, 0x20_1012);
    expect(await write(0x40_1010n, bytes(0xaa, 0xbb, 0xcc))).toMatchObject({
      ok: true,
      value: { before: [{ physical: 0x20_1010n, before: bytes(0x10, 0x11, 0x12) }] },
    });
    expect([...fake.bytes.subarray(0x20_1010, 0x20_1013)]).toEqual([0xaa, 0xbb, 0xcc]);
    expect(isSame(others(0x20_1010, 0x20_1011, 0x20_1012), untouched)).toBe(true);
    expect(fake.log).toEqual(['write 0x201010+3']);
  });

  test('over the end of a page, each page where it lies', async () => {
    expect(await write(0x40_1ffen, bytes(1, 2, 3, 4))).toMatchObject({ ok: true });
    expect([...fake.bytes.subarray(0x20_1ffe, 0x20_2002)]).toEqual([1, 2, 3, 4]);
    expect(fake.log).toEqual(['write 0x201ffe+2', 'write 0x202000+2']);
  });

  test('by a physical address, where the guest uses the page as memory', async () => {
    expect(await write(0x20_3004n, bytes(9), true)).toMatchObject({
      ok: true,
      value: { before: [{ physical: 0x20_3004n }] },
    });
    expect(fake.bytes[0x20_3004]).toBe(9);
  });

  test.each<[string, bigint, boolean, string]>([
    ['a page that no CPU has used', 0x40_5000n, false, 'not-writable'],
    ['a device', 0x40_6000n, false, 'not-writable'],
    ['what is not mapped', 0x40_7000n, false, 'not-mapped'],
    ['what lies where no memory is known', 0x40_8000n, false, 'memory-unknown'],
    ['a page and one behind it that is a device', 0x40_4fffn, false, 'not-writable'],
    ['physical memory that the guest has not mapped', 0x30_0000n, true, 'not-writable'],
    ['physical memory that it has mapped as a device alone', 0x20_6000n, true, 'not-writable'],
    ['the legacy hole', 0xa_0000n, true, 'not-writable'],
  ])('%s is refused, and no byte is written', async (_what, address, isPhysical, code) => {
    const untouched = fake.bytes.slice();
    expect(await write(address, bytes(1, 2), isPhysical)).toMatchObject({ ok: false, refusal: { code } });
    expect(isSame(fake.bytes, untouched)).toBe(true);
    expect(fake.log).toEqual([]);
  });

  test('where KVM translates a page otherwise it is refused', async () => {
    const memory = await opened();
    const { translate } = fake.port;
    Object.assign(fake.port, {
      translate: async (linear: readonly bigint[]) =>
        (await translate(linear))?.map((one) => ({ ...one, physical: one.physical + 0x1000n })) ?? null,
    });
    const written = await writeGuestMemory(memory, [{ address: 0x40_1000n, isPhysical: false, bytes: bytes(1) }], KEPT);
    expect(written).toMatchObject({ ok: false, refusal: { code: 'not-writable' } });
    expect(fake.log).toEqual([]);
  });

  test('tables that lead back to themselves end the search for a page', async () => {
    const memory = await opened();
    for (let at = 1; at < 512; at += 1) writeU64(fake.bytes, 0x1000 + at * 8, 0x1063n);
    const request = { address: 0x30_0000n, isPhysical: true, bytes: bytes(1) };
    expect(await writeGuestMemory(memory, [request], KEPT)).toMatchObject({
      ok: false,
      refusal: { code: 'not-writable' },
    });
  });
});

describe('[GW2] what stood there is kept first, and goes back', () => {
  test('nothing is written before the journal has it, or where it cannot', async () => {
    const order: string[] = [];
    await write(0x40_1010n, bytes(7), false, async () => {
      order.push(...fake.log, 'kept');
      return answer(null);
    });
    expect([...order, ...fake.log]).toEqual(['kept', 'write 0x201010+1']);
    const full = await write(0x40_1011n, bytes(7), false, async () => refuse('journal', 'the disk is full'));
    expect(full).toMatchObject({ ok: false, refusal: { code: 'journal' } });
    expect(fake.bytes[0x20_1011]).toBe(0x11);
  });

  test.each<[string, (memory: Uint8Array) => void, string]>([
    ['the guest has mapped the page elsewhere', (memory) => writeU64(memory, 0x4008, 0x20_2063n), 'not-writable'],
    ['other memory stands in the place of the guest’s', (memory) => memory.fill(0, 0x1000, 0x5000), 'not-mapped'],
  ])('while the journal was written %s: no byte is written', async (_what, meanwhile, code) => {
    const before = fake.bytes.slice(0x20_0000);
    const written = await write(0x40_1010n, bytes(7), false, async () => {
      meanwhile(fake.bytes);
      return answer(null);
    });
    expect(written).toMatchObject({ ok: false, refusal: { code } });
    expect([isSame(fake.bytes.slice(0x20_0000), before), fake.log]).toEqual([true, []]);
  });

  test('memory that somebody changed meanwhile is not written, and the pages before it are put back', async () => {
    let writes = 0;
    fake.before = (memory) => {
      writes += 1;
      if (writes === 2) memory[0x20_2001] = 0xee;
    };
    const written = await write(0x40_1ffen, bytes(1, 2, 3, 4));
    expect(written).toMatchObject({ ok: false, refusal: { code: 'memory-changed' } });
    expect([...fake.bytes.subarray(0x20_1ffe, 0x20_2002)]).toEqual([0xfe, 0xff, 0x00, 0xee]);
  });

  test('what another vCPU writes over it at the same moment is told and left alone, the rest goes back', async () => {
    fake.after = (memory) => {
      memory[0x20_1011] = 0xee;
      fake.after = () => undefined;
    };
    const written = await write(0x40_1010n, bytes(1, 2, 3));
    expect(written).toMatchObject({
      ok: false,
      refusal: { code: 'overtaken', what: expect.stringContaining('wrote 1 of the 3 bytes') },
    });
    expect([...fake.bytes.subarray(0x20_1010, 0x20_1013)]).toEqual([0x10, 0xee, 0x12]);
  });

  test('put back bit for bit; bytes that others wrote since stay, and are counted', async () => {
    const untouched = fake.bytes.slice();
    const written = await write(0x40_1ffen, bytes(1, 2, 3, 4));
    if (!written.ok) throw new Error(written.refusal.what);
    expect(await putMemoryBack(await opened(), written.value.patches)).toEqual(answer(null));
    expect(isSame(fake.bytes, untouched)).toBe(true);

    const again = await write(0x40_1010n, bytes(1, 2, 3));
    fake.bytes[0x20_1012] = 0xee;
    if (!again.ok) throw new Error(again.refusal.what);
    const back = await putMemoryBack(await opened(), again.value.patches);
    expect(back).toMatchObject({ ok: false, refusal: { code: 'overtaken', what: expect.stringContaining('1 bytes') } });
    expect([...fake.bytes.subarray(0x20_1010, 0x20_1013)]).toEqual([0x10, 0x11, 0xee]);
  });

  test('a write that died half way goes back as far as it came', async () => {
    const half = { physical: 0x20_1010n, before: bytes(0x10, 0x11, 0x12), after: bytes(1, 2, 3) };
    fake.bytes.set([1, 2], 0x20_1010);
    expect(await putMemoryBack(await opened(), [half])).toEqual(answer(null));
    expect([...fake.bytes.subarray(0x20_1010, 0x20_1013)]).toEqual([0x10, 0x11, 0x12]);
  });

  test('one write over another goes back the last one first', async () => {
    const untouched = fake.bytes.slice();
    const [first, second] = [await write(0x40_1010n, bytes(1, 1)), await write(0x40_1011n, bytes(2, 2))];
    if (!first.ok || !second.ok) throw new Error('not written');
    expect(await putMemoryBack(await opened(), [...first.value.patches, ...second.value.patches])).toEqual(
      answer(null),
    );
    expect(isSame(fake.bytes, untouched)).toBe(true);
  });
});
