import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'playwright/test';
import { KVM_ABSENT } from '../models/guest.ts';
import { HelperClient, NativeTools } from '../models/helper.ts';
import { provedMemory } from '../models/helper-memory.ts';
import { KeptSetting } from '../models/kept-setting.ts';
import { isThere } from '../models/limited-vmm.ts';
import type { PagedGuest } from '../models/paged-guest.ts';
import { expected, expectSamePages, outcome, started, WINDOW_BYTES } from '../models/paged-reading.ts';
import { randomFrom } from '../models/random.ts';
import { randomAddress, type Window } from '../models/random-tables.ts';
import { tilescope, tilescopeJson } from '../models/tilescope.ts';

/*
 * Where QEMU keeps a guest's memory, as KVM itself translates: each machine, one mapping and several, below and above 4 GiB. QEMU's monitor
 * is the second reader: `info tlb` has the pages, `pmemsave` and `x` the bytes. Of a guest's memory above 4 GiB a few windows are used, and
 * no more than those is ever in the host's.
 */

const MIB = 1n << 20n;
const GIB = 1n << 30n;
const FOUR_GIB = 4n * GIB;
const ADDRESSES = 10_000;
const ASKED_BY_ADDRESS = 40;
const HUGE_PAGES = '/proc/sys/vm/nr_hugepages';
const HUGE_NEEDED = 32;
/** Where there are huge pages, there is this folder. A hugetlbfs lies over it in QEMU's own mount namespace alone, and ends with QEMU. */
const HUGE_FOLDER = '/sys/kernel/mm/hugepages';
const WITH_HUGE_FILES = [
  ...['unshare', '--mount', 'sh', '-c', `mount -t hugetlbfs -o pagesize=2M none ${HUGE_FOLDER} && exec "$@"`, 'sh'],
];

/** Pages of 2 MiB, for one guest of 64 MiB; gives them back. Null: none can be had. */
const hugePages = async (): Promise<(() => Promise<void>) | null> => {
  if (!isThere('flock')) return null;
  const kept = await KeptSetting.take(HUGE_PAGES);
  try {
    const before = Number(readFileSync(HUGE_PAGES, 'utf8'));
    writeFileSync(HUGE_PAGES, String(before + HUGE_NEEDED));
    if (Number(readFileSync(HUGE_PAGES, 'utf8')) - before >= HUGE_NEEDED) return () => kept.giveBack();
  } catch {
    // Not this user's to set.
  }
  await kept.giveBack();
  return null;
};

const hugeMounts = (): string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${HUGE_FOLDER} `));

/** The same, where they can be files of a hugetlbfs. */
const hugeFiles = async (): Promise<(() => Promise<void>) | null> => {
  const [program = '', ...words] = [...WITH_HUGE_FILES, 'true'];
  return spawnSync(program, words).status === 0 ? hugePages() : null;
};

const ram = (id: string, size: string, kind = 'ram'): string[] => [
  '-object',
  `memory-backend-${kind},id=${id},size=${size}${kind === 'ram' ? ',reserve=off' : ''}`,
];
const whole = (size: string, kind?: string): string[] => [
  ...ram('m', size, kind),
  '-machine',
  'memory-backend=m',
  '-m',
  size,
];
const node = (number: number, size: string, kind?: string): string[] => [
  ...ram(`n${number}`, size, kind),
  '-numa',
  `node,nodeid=${number},memdev=n${number}`,
];

interface Machine {
  readonly name: string;
  readonly words: readonly string[];
  /** Where memory below 4 GiB ends, and the whole of it. */
  readonly lowEnd: bigint;
  readonly end: bigint;
  /** Where nodes begin, above 0. */
  readonly nodes?: readonly bigint[];
  readonly huge?: () => Promise<(() => Promise<void>) | null>;
  readonly through?: readonly string[];
}

const MACHINES: readonly Machine[] = [
  { name: 'pc, 64 MiB', words: ['-M', 'pc', '-m', '64'], lowEnd: 64n * MIB, end: 64n * MIB },
  { name: 'pc, 6 GiB', words: ['-M', 'pc', ...whole('6G')], lowEnd: 3n * GIB, end: FOUR_GIB + 3n * GIB },
  { name: 'q35, 6 GiB', words: ['-M', 'q35', ...whole('6G')], lowEnd: 2n * GIB, end: FOUR_GIB + 4n * GIB },
  { name: 'microvm, 6 GiB', words: ['-M', 'microvm', ...whole('6G')], lowEnd: 3n * GIB, end: FOUR_GIB + 3n * GIB },
  {
    name: 'q35, memfd shared, 4 GiB',
    words: ['-M', 'q35', ...whole('4G', 'memfd')],
    lowEnd: 2n * GIB,
    end: FOUR_GIB + 2n * GIB,
  },
  {
    name: 'pc, two nodes of one size, 5 GiB',
    words: ['-M', 'pc', '-m', '5G', ...node(0, '2560M'), ...node(1, '2560M')],
    nodes: [2560n * MIB],
    lowEnd: 3n * GIB,
    end: FOUR_GIB + 2n * GIB,
  },
  {
    name: 'q35, three nodes of other sizes, one of them memfd',
    words: ['-M', 'q35', '-m', '3584M', ...node(0, '512M'), ...node(1, '1G', 'memfd'), ...node(2, '2G')],
    nodes: [512n * MIB, 1536n * MIB],
    lowEnd: 2n * GIB,
    end: FOUR_GIB + 1536n * MIB,
  },
  {
    name: 'pc, huge pages, 64 MiB',
    words: ['-M', 'pc', ...whole('64M', 'memfd,hugetlb=on,hugetlbsize=2M')],
    lowEnd: 64n * MIB,
    end: 64n * MIB,
    huge: hugePages,
  },
  {
    name: 'pc, huge pages of a hugetlbfs, 64 MiB',
    words: ['-M', 'pc', ...whole('64M', `file,mem-path=${HUGE_FOLDER}`)],
    lowEnd: 64n * MIB,
    end: 64n * MIB,
    huge: hugeFiles,
    through: WITH_HUGE_FILES,
  },
];

/** Bytes of guest memory, read by QEMU's monitor in windows and zero outside; null: there is no memory. */
const memoryBy = (windows: readonly Window[], lowEnd: bigint, end: bigint) => {
  const isMemory = (physical: bigint): boolean =>
    physical < end && (physical < lowEnd ? physical < 0xa0000n || physical >= 0x100000n : physical >= FOUR_GIB);
  return (physical: bigint, bytes: number): Buffer | null => {
    if (!isMemory(physical) || !isMemory(physical + BigInt(bytes) - 1n)) return null;
    const part = Buffer.alloc(bytes);
    for (let at = 0; at < bytes; at += 1) {
      const where = physical + BigInt(at);
      const one = windows.find((window) => where >= window.physical && where < window.physical + WINDOW_BYTES);
      if (one !== undefined) part[at] = one.bytes[Number(where - one.physical)] ?? 0;
    }
    return part;
  };
};

const savedWindows = async (guest: PagedGuest, windows: readonly Window[]): Promise<Window[]> => {
  const saved: Window[] = [];
  for (const { physical, bytes } of windows) saved.push({ physical, bytes: await guest.saved(physical, bytes.length) });
  return saved;
};

const hex = (value: bigint): string => `0x${value.toString(16)}`;

test.describe('the places where QEMU keeps a guest’s memory, as KVM translates', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let tools: NativeTools;
  test.beforeAll(() => {
    tools = new NativeTools();
  });
  test.afterAll(() => tools?.remove());

  for (const {
    name,
    words,
    lowEnd,
    end,
    nodes = [],
    huge = async () => async () => undefined,
    through = [],
  } of MACHINES) {
    test(`[GM2] ${name}: 10,000 addresses are what QEMU’s monitor reads`, async () => {
      const giveBack = await huge();
      test.skip(giveBack === null, 'no huge pages can be had here');
      const random = randomFrom('TILESCOPE_PAGING_SEED', 53);
      const inNodes = nodes.flatMap((at) => [at - WINDOW_BYTES, at]);
      const high = end > lowEnd ? [FOUR_GIB, end - WINDOW_BYTES] : [];
      const starts = [2n * MIB, ...inNodes, lowEnd - WINDOW_BYTES, ...high];
      const { guest, shape, tables, windows } = await started('4-level', random, starts, end, words, 'kvm', through);
      const helper = new HelperClient(tools);
      try {
        await expectSamePages(guest, '4-level', tables);
        const { memory, hasGigabytePages } = await provedMemory(helper, guest.pid);
        // Of a CPU that has no such page an entry that maps one has a reserved bit set.
        const mapped = tables.mapped.filter((page) => hasGigabytePages || page.bytes < GIB);
        const known = memoryBy(await savedWindows(guest, windows), lowEnd, end);
        const seen = new Map<string, number>();
        const differing: unknown[] = [];
        for (let count = 0; count < ADDRESSES; count += 1) {
          const linear = randomAddress(random, shape, tables);
          const bytes = 1 + random.below(16);
          const theirs = expected(mapped, linear, bytes, known);
          const ours = await outcome(memory, linear, bytes);
          if (!isDeepStrictEqual(ours, theirs)) differing.push({ linear: hex(linear), bytes, ours, theirs });
          const kind = typeof theirs === 'string' ? theirs : 'read';
          seen.set(kind, (seen.get(kind) ?? 0) + 1);
        }
        expect(differing.slice(0, 5), `seed ${random.seed}, ${memory.proof.candidate}`).toEqual([]);
        for (const kind of ['read', 'not-mapped', 'memory-unknown']) expect(seen.get(kind) ?? 0).toBeGreaterThan(50);
        let asked = 0;
        for (let count = 0; count < ASKED_BY_ADDRESS; count += 1) {
          const linear = randomAddress(random, shape, tables);
          const read = await memory.readLinear(linear, 8);
          if (!read.ok) continue;
          asked += 1;
          expect(Buffer.from(read.value.bytes).readBigUInt64LE(0), hex(linear)).toBe(await guest.word(linear));
          expect(read.value.physical, hex(linear)).toBe(await guest.translation(linear));
        }
        expect(asked).toBeGreaterThan(0);
        expect(hugeMounts(), 'mounted where the test is').toEqual([]);
      } finally {
        await helper.stop();
        await guest.stop();
        await giveBack?.();
      }
    });
  }

  test('[GM3] the command line reads the same windows whole, below and above 4 GiB', async () => {
    const random = randomFrom('TILESCOPE_PAGING_SEED', 59);
    const [lowEnd, end] = [3n * GIB, FOUR_GIB + 3n * GIB];
    const starts = [2n * MIB, lowEnd - WINDOW_BYTES, FOUR_GIB, end - WINDOW_BYTES];
    const words = ['-M', 'pc', ...whole('6G')];
    const { guest, tables, windows } = await started('4-level', random, starts, end, words, 'kvm');
    try {
      const pid = String(guest.pid);
      for (const { physical, bytes } of await savedWindows(guest, windows)) {
        const words = [hex(physical), '--physical', '--bytes', String(bytes.length)];
        const read = await tilescopeJson<{ hex: string }>('mem', '--pid', pid, ...words);
        expect(read.hex === bytes.toString('hex'), hex(physical)).toBe(true);
      }
      const page = tables.mapped.find(({ physical }) => physical >= FOUR_GIB && physical < end);
      const { linear, physical } = page as NonNullable<typeof page>;
      const there = memoryBy(windows, lowEnd, end)(physical, 64);
      const read = await tilescopeJson('mem', '--pid', pid, hex(linear), '--bytes', '64');
      expect(read).toEqual({ address: hex(linear), physical: hex(physical), hex: there?.toString('hex') });
      for (const at of [lowEnd - 1n, FOUR_GIB - 1n, end - 1n]) {
        const refused = await tilescope('mem', '--pid', pid, hex(at), '--physical', '--bytes', '2');
        expect([refused.code, refused.out], hex(at)).toEqual([1, '']);
      }
    } finally {
      await guest.stop();
    }
  });
});
