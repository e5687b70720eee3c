import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { randomFrom } from '../models/random.ts';
import { tilescope, tilescopeJson } from '../models/tilescope.ts';

interface Memory {
  readonly address: string;
  readonly physical: string;
  readonly hex: string;
}

const MIB = 1 << 20;
const HOLE = { start: 0xa0000, end: 0x100000 };

test.describe('the memory of a real QEMU guest, from the command line', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let folder: string;
  let filling: Buffer;
  test.beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tilescope-memory-'));
    filling = randomBytes(4 * MIB);
    writeFileSync(join(folder, 'filling'), filling);
    const loaded = ['0x100000', '0x2000000'].flatMap((at) => [
      '-device',
      `loader,file=${join(folder, 'filling')},addr=${at},force-raw=on`,
    ]);
    guest = await Guest.start({ name: 'memory', more: loaded });
  });
  test.afterAll(async () => {
    await guest?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const mem = (...words: string[]): Promise<Memory> =>
    tilescopeJson<Memory>('mem', '--pid', String(guest.pid), ...words);

  test('[GM2] [W16] every byte outside the legacy hole is the one that QEMU saves, and nothing is left in QEMU', async () => {
    const footprint = guest.footprint();
    await tilescope(
      'mem',
      '--pid',
      String(guest.pid),
      '0x100000',
      '--physical',
      '--bytes',
      String(15 * MIB),
      '--out',
      join(folder, 'ours'),
    );
    const saved = join(folder, 'saved');
    await guest.monitor(`pmemsave 0x100000 ${15 * MIB} "${saved}"`);
    expect(readFileSync(join(folder, 'ours')).equals(readFileSync(saved))).toBe(true);
    expect(readFileSync(join(folder, 'ours')).subarray(0, filling.length).equals(filling)).toBe(true);
    const { below, seed } = randomFrom('TILESCOPE_MEMORY_SEED');
    for (let round = 0; round < 12; round += 1) {
      const at = 0x2000000 + below(filling.length - 64);
      const read = await mem(`0x${at.toString(16)}`, '--physical', '--bytes', '33');
      const there = filling.subarray(at - 0x2000000, at - 0x2000000 + 33).toString('hex');
      expect(read, `seed ${seed}`).toEqual({
        address: `0x${at.toString(16)}`,
        physical: `0x${at.toString(16)}`,
        hex: there,
      });
    }
    expect(guest.footprint()).toEqual(footprint);
  });

  test('[GM2] linear addresses go through the guest’s own tables, which end at 2 MiB', async () => {
    const last = 2 * MIB - 16;
    const read = await mem(`0x${last.toString(16)}`, '--bytes', '16');
    expect(read.hex).toBe(filling.subarray(last - MIB, last - MIB + 16).toString('hex'));
    const beyond = await tilescope('mem', '--pid', String(guest.pid), `0x${last.toString(16)}`, '--bytes', '17');
    expect([beyond.code, beyond.out]).toEqual([1, '']);
    expect(beyond.err).toContain('its entry in the page directory is not present');
    expect(beyond.err).toContain(`where: 0x${(2 * MIB).toString(16)}`);
  });

  test('[GM2] the legacy hole and what lies beyond memory is not known, and said to be', async () => {
    for (const at of [HOLE.start, HOLE.end - 1, 64 * MIB, 0xfee00000]) {
      const refused = await tilescope(
        'mem',
        '--pid',
        String(guest.pid),
        `0x${at.toString(16)}`,
        '--physical',
        '--bytes',
        '1',
      );
      expect([refused.code, refused.out]).toEqual([1, '']);
      expect(refused.err).toContain('no memory is known at that physical address');
    }
  });

  test('[GM3] an address is a number or a register, with a type and a count', async () => {
    const counter = await mem('rdi:u64');
    expect(counter).toMatchObject({ address: '0x7e00', physical: '0x7e00', type: 'u64' });
    expect((await mem('rdi-0xe00:u16×3')).address).toBe('0x7000');
    for (const [words, why] of [
      [['xyz'], 'is no address'],
      [['0x1000:u99'], 'no type u99'],
      [['0x1000', '--bytes', '0'], '--bytes is a number'],
      [['0x1000:u8x4', '--bytes', '4'], 'one is enough'],
    ] as const) {
      const refused = await tilescope('mem', '--pid', String(guest.pid), ...words);
      expect(refused.code).toBe(2);
      expect(refused.err).toContain(why);
    }
  });

  test('[GM4] a dump by QEMU has the same bytes, by physical and by linear address', async () => {
    const dump = join(folder, 'dump');
    await guest.monitor(`dump-guest-memory ${dump}`);
    const inFile = (...words: string[]): Promise<Memory> => tilescopeJson<Memory>('mem', dump, ...words);
    const { below, seed } = randomFrom('TILESCOPE_MEMORY_SEED');
    for (let round = 0; round < 4; round += 1) {
      const at = 0x2000000 + below(filling.length - 64);
      const there = filling.subarray(at - 0x2000000, at - 0x2000000 + 33).toString('hex');
      const address = `0x${at.toString(16)}`;
      const read = await inFile(address, '--physical', '--bytes', '33');
      expect(read, `seed ${seed}`).toEqual({ address, physical: address, hex: there });
    }
    const linear = await inFile('0x100000', '--bytes', '64');
    expect(linear).toEqual({ address: '0x100000', physical: '0x100000', hex: filling.subarray(0, 64).toString('hex') });
    expect(await inFile('rdi:u64')).toMatchObject({ address: '0x7e00', type: 'u64' });
    for (const [words, code, why] of [
      [['0x200000', '--bytes', '1'], 1, 'cannot read that linear address'],
      [['0x8000000', '--physical'], 1, 'does not hold that memory'],
      [['0', '--thread', '7'], 2, 'none of the number 7'],
    ] as const) {
      const refused = await tilescope('mem', dump, ...words);
      expect([refused.code, refused.out]).toEqual([code, '']);
      expect(refused.err).toContain(why);
    }
  });

  test('the guest runs on', async () => {
    const before = await guest.counter();
    await expect.poll(() => guest.counter()).not.toBe(before);
  });
});
