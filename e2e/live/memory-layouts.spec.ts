import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { expect, test } from 'playwright/test';
import { KVM_ABSENT } from '../models/guest.ts';
import { NativeTools } from '../models/helper.ts';
import { tilescope, tilescopeJson } from '../models/tilescope.ts';

/*
 * Memory laid as other VMMs publish that they lay it, by a small VMM that does as it is told: a guest whose tables reach every region, on a
 * real KVM. The second reader is the VMM's own memory, at the addresses that it says itself.
 */

const MIB = 1n << 20n;
const GIB = 1n << 30n;
const FOUR_GIB = 4n * GIB;
const PAGE = 4096n;

type Region = readonly [physical: bigint, bytes: bigint];

interface Layout {
  readonly name: string;
  readonly words: readonly string[];
  readonly regions: readonly Region[];
}

const LAYOUTS: readonly Layout[] = [
  {
    // src/vmm/src/arch/x86_64/layout.rs: MMIO32_MEM_START; a mapping for each region.
    name: 'Firecracker',
    words: [],
    regions: [
      [0n, 3n * GIB],
      [FOUR_GIB, GIB],
    ],
  },
  {
    // arch/src/x86_64/layout.rs: MEM_32BIT_RESERVED_START; with shared=on a memfd for each region.
    name: 'Cloud Hypervisor, shared',
    words: ['--memfd'],
    regions: [
      [0n, 3n * GIB],
      [FOUR_GIB, 2n * GIB],
    ],
  },
  {
    name: 'older Firecracker and crosvm',
    words: [],
    regions: [
      [0n, 3n * GIB + 256n * MIB],
      [FOUR_GIB, 768n * MIB],
    ],
  },
  {
    // x86/include/kvm/kvm-arch.h: KVM_32BIT_GAP_START; one mapping.
    name: 'kvmtool',
    words: ['--one'],
    regions: [
      [0n, 3n * GIB + 256n * MIB],
      [FOUR_GIB, GIB],
    ],
  },
  { name: 'all of it low', words: [], regions: [[0n, 512n * MIB]] },
];

class LaidVmm {
  readonly pid: number;
  /** Where each region lies in it, by its own word. */
  readonly hosts: readonly bigint[];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, said: string) {
    this.pid = child.pid ?? 0;
    this.hosts = [...said.matchAll(/^region \S+ (0x[0-9a-f]+)$/gm)].map(([, host]) => BigInt(host ?? 0));
    this.#child = child;
  }

  static async start(program: string, words: readonly string[], regions: readonly Region[]): Promise<LaidVmm> {
    const laid = regions.map(([physical, bytes]) => `0x${physical.toString(16)}:0x${bytes.toString(16)}`);
    const child = spawn(program, [...words, ...laid], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('ready\n')) resolve();
      });
      child.once('exit', (code) => reject(new Error(`laid-vmm ended with ${code}`)));
      child.once('error', reject);
    });
    return new LaidVmm(child, said);
  }

  /** Bytes of its own memory, by no way of ours. */
  read(address: bigint, bytes: number): Buffer {
    const memory = openSync(`/proc/${this.pid}/mem`, 'r');
    try {
      const found = Buffer.alloc(bytes);
      readSync(memory, found, 0, bytes, address);
      return found;
    } finally {
      closeSync(memory);
    }
  }

  /** Whether one line of its mappings has all of this. */
  isOneMapping(start: bigint, end: bigint): boolean {
    const lines = readFileSync(`/proc/${this.pid}/maps`, 'utf8').matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm);
    return [...lines].some(([, from, to]) => BigInt(`0x${from}`) <= start && end <= BigInt(`0x${to}`));
  }

  get ended(): boolean {
    return (this.#child.exitCode ?? this.#child.signalCode) !== null;
  }

  async stop(): Promise<void> {
    if (this.ended) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

test.describe('guest memory laid as other VMMs lay it', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let tools: NativeTools;
  let program: string;
  test.beforeAll(() => {
    tools = new NativeTools();
    program = tools.build('laid_vmm');
  });
  test.afterAll(() => tools?.remove());

  interface Read {
    readonly address: string;
    readonly physical: string;
    readonly hex: string;
  }

  for (const { name, words, regions } of LAYOUTS) {
    test(`[GM2] [GW1] ${name}: each region is found, read by both addresses and written; what lies between and behind is not known`, async () => {
      const vmm = await LaidVmm.start(program, words, regions);
      try {
        const mem = (...more: string[]): Promise<Read> => tilescopeJson<Read>('mem', '--pid', String(vmm.pid), ...more);
        for (const [index, [physical, bytes]] of regions.entries()) {
          // The page, and the three tables behind it.
          const [linear, inside] = [BigInt(index + 1) << 39n, bytes - 4n * PAGE];
          const at = physical + inside;
          const there = vmm.read((vmm.hosts[index] ?? 0n) + inside, Number(4n * PAGE));
          expect(there.readBigUInt64LE(64)).toBe(at + 64n);
          const whole = await mem(hex(at), '--physical', '--bytes', String(there.length));
          expect(whole).toEqual({ address: hex(at), physical: hex(at), hex: there.toString('hex') });
          expect(await mem(hex(linear + 8n), '--bytes', '4088')).toEqual({
            address: hex(linear + 8n),
            physical: hex(at + 8n),
            hex: there.subarray(8, 4096).toString('hex'),
          });
          await mem(hex(linear + 5n), '--write', 'c0ffee');
          const written = Buffer.from(there);
          Buffer.from('c0ffee', 'hex').copy(written, 5);
          expect(vmm.read((vmm.hosts[index] ?? 0n) + inside, written.length).equals(written)).toBe(true);
          await mem(hex(at), '--physical', '--write', there.subarray(0, 16).toString('hex'));
          expect(vmm.read((vmm.hosts[index] ?? 0n) + inside, there.length).equals(there)).toBe(true);
          const refused = await tilescope('mem', '--pid', String(vmm.pid), hex(physical + bytes), '--physical');
          expect([refused.code, refused.out], hex(physical + bytes)).toEqual([1, '']);
        }
        expect(vmm.ended).toBe(false);
      } finally {
        await vmm.stop();
      }
    });
  }

  test('[GM2] beside a decoy that differs in one table the guest’s own is found, and where both say the same neither is shown', async () => {
    const regions: readonly Region[] = [
      [0n, 3n * GIB],
      [FOUR_GIB, GIB],
    ];
    const one = await LaidVmm.start(program, ['--one', '--decoy'], regions);
    try {
      const read = await tilescopeJson<Read>('mem', '--pid', String(one.pid), hex(2n << 39n), '--bytes', '16');
      const at = FOUR_GIB + GIB - 4n * PAGE;
      const there = one.read((one.hosts[1] ?? 0n) + GIB - 4n * PAGE, 16).toString('hex');
      expect(read).toEqual({ address: hex(2n << 39n), physical: hex(at), hex: there });
    } finally {
      await one.stop();
    }
    const apart = await LaidVmm.start(program, ['--decoy'], regions);
    try {
      const low = await tilescope('mem', '--pid', String(apart.pid), '0x1000', '--physical');
      expect([low.code, low.out]).toEqual([1, '']);
      expect(low.err).toContain('no memory is known at that physical address');
    } finally {
      await apart.stop();
    }
  });

  test.describe('the VMM’s own memory right behind the guest’s, one mapping to the kernel', () => {
    const LOW = 63n * MIB;
    const OWN = 8n * MIB;
    const regions: readonly Region[] = [[0n, LOW]];
    /** The page of the region, and a large one that the guest has used and of which the upper half is behind its memory. */
    const [PAGE_AT, LARGE_AT] = [1n << 39n, 2n << 39n];

    const withVmm = async (words: readonly string[], use: (vmm: LaidVmm, host: bigint) => Promise<void>) => {
      const vmm = await LaidVmm.start(program, words, regions);
      try {
        await use(vmm, vmm.hosts[0] ?? 0n);
        expect(vmm.ended).toBe(false);
      } finally {
        await vmm.stop();
      }
    };
    const ask = (vmm: LaidVmm, ...more: string[]) => tilescope('mem', '--pid', String(vmm.pid), ...more);
    const expectUnknown = async (vmm: LaidVmm, proved: bigint, ...more: string[]) => {
      const refused = await ask(vmm, ...more);
      expect([refused.code, refused.out], more.join(' ')).toEqual([1, '']);
      expect(refused.err).toContain('no memory is known at that physical address');
      expect(refused.err).toContain(`proved up to ${hex(proved)}`);
    };

    test('[GM7] [GW1] is not read and not written, by any address', async () => {
      await withVmm(['--neighbour', hex(OWN)], async (vmm, host) => {
        expect(vmm.isOneMapping(host, host + LOW + OWN)).toBe(true);
        for (const at of [LOW, LOW + 5n * MIB, LOW + OWN - 16n]) await expectUnknown(vmm, LOW, hex(at), '--physical');
        const across = await ask(vmm, hex(LOW - 8n), '--physical', '--bytes', '16');
        expect([across.code, across.out]).toEqual([1, '']);
        await expectUnknown(vmm, LOW, hex(LARGE_AT + MIB));
        for (const words of [[hex(LARGE_AT + MIB)], [hex(LOW), '--physical']]) {
          const refused = await ask(vmm, ...words, '--write', 'c0ffee');
          expect([refused.code, refused.out], words.join(' ')).toEqual([1, '']);
          expect(refused.err).toContain('no byte was written');
        }
        expect(vmm.read(host + LOW, Number(OWN)).every((byte) => byte === 0xee)).toBe(true);
        // What is the guest's in the same large page is read and written.
        const at = LARGE_AT + MIB - 16n;
        expect((await ask(vmm, hex(at), '--write', 'c0ffee')).code).toBe(0);
        const read = await tilescopeJson<Read>('mem', '--pid', String(vmm.pid), hex(at), '--bytes', '4');
        expect(read).toEqual({ address: hex(at), physical: hex(LOW - 16n), hex: 'c0ffee00' });
      });
    });

    test('[GM7] where the last table lies low no more is known than up to its MiB', async () => {
      await withVmm(['--low-tables', '--neighbour', hex(OWN)], async (vmm, host) => {
        expect(vmm.isOneMapping(host, host + LOW + OWN)).toBe(true);
        expect((await ask(vmm, '0x8000', '--physical')).code).toBe(0);
        await expectUnknown(vmm, MIB, hex(MIB), '--physical');
        await expectUnknown(vmm, MIB, hex(PAGE_AT));
        expect((await ask(vmm, hex(PAGE_AT), '--write', 'c0ffee')).code).toBe(1);
      });
    });

    for (const words of [['--memfd', '--neighbour', hex(OWN)], ['--apart']]) {
      test(`[GM7] memory that ${words[0] === '--memfd' ? 'is of a file' : 'is kept from forks and has a guard behind it'} is known whole`, async () => {
        await withVmm(['--low-tables', ...words], async (vmm, host) => {
          const at = LOW - 4n * PAGE;
          const read = await tilescopeJson<Read>('mem', '--pid', String(vmm.pid), hex(PAGE_AT), '--bytes', '16');
          expect(read).toEqual({
            address: hex(PAGE_AT),
            physical: hex(at),
            hex: vmm.read(host + at, 16).toString('hex'),
          });
          expect((await ask(vmm, hex(PAGE_AT + 8n), '--write', 'c0ffee')).code).toBe(0);
          const refused = await ask(vmm, hex(LOW), '--physical');
          expect([refused.code, refused.out]).toEqual([1, '']);
          expect(vmm.read(host + LOW, 16).every((byte) => byte === 0xee) || words[0] === '--apart').toBe(true);
        });
      });
    }
  });
});
