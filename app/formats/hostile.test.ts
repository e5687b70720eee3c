import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, writeU32, writeU64 } from '../bits/bytes.ts';
import type { Decoded } from '../bits/decoded.ts';
import { textFromUtf8, utf8FromText } from '../bits/text.ts';
import { KVM_TILES_XSAVE } from '../fixtures/kvm-tiles-xsave.ts';
import { openBytes } from './detect.ts';
import type { OpenedFile } from './opened.ts';
import { cloudHypervisorFile } from './testdata/cloud-hypervisor-file.ts';
import { exerciseWith } from './testdata/exercise.ts';
import { firecrackerFile, type VcpuSample, withChecksum } from './testdata/firecracker-file.ts';
import { minidumpFile } from './testdata/minidump-file.ts';
import { core, SAMPLES } from './testdata/samples.ts';
import { signalFrame } from './testdata/signal-frame-file.ts';
import { amxVcpuWith, imageFromBase64, zenVcpu } from './testdata/vcpus.ts';

// A counterexample is its seed and path: thousands of bytes are not made smaller, which takes without end.
const tilesImage = (): Uint8Array => imageFromBase64(KVM_TILES_XSAVE);
const amxVcpu = (): VcpuSample => amxVcpuWith(tilesImage());

const exercise = (opened: Decoded<OpenedFile>): void =>
  expect(() => exerciseWith(opened, isDeepStrictEqual)).not.toThrow();

/** Every length of a short sample, and of a longer one as many as fit in the time, the first and last of them all. */
const lengthsOf = (sizeBytes: number, most: number): number[] => {
  const edge = Math.min(200, sizeBytes);
  const step = Math.max(1, Math.ceil(sizeBytes / most));
  const lengths = new Set<number>();
  for (let length = 0; length < edge; length += 1) lengths.add(length).add(sizeBytes - 1 - length);
  for (let length = 0; length < sizeBytes; length += step) lengths.add(length);
  return [...lengths].filter((length) => length >= 0);
};

const caseFile = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`testdata/cases/${name}`, import.meta.url)));

const MORE: typeof SAMPLES = [
  ['minidump', () => minidumpFile([tilesImage().slice(0, 2696), tilesImage().slice(0, 2696)])],
  ['64-bit signal frame', () => signalFrame(64)],
  ['32-bit signal frame', () => signalFrame(32)],
  ['i386 core', () => caseFile('i386-real.core')],
  ['FreeBSD core', () => caseFile('freebsd-zen3.core')],
  ['core of an old gdb', () => caseFile('gdb13-gcore-on-amd.core')],
];

describe.each([...SAMPLES, ...MORE])('[F13] %s', (_name, sample) => {
  test('opens', () => {
    expect(openBytes('sample', sample()).ok).toBe(true);
  });

  test('cut short, at whatever length', () => {
    const whole = sample();
    for (const length of lengthsOf(whole.length, 600)) {
      exercise(openBytes('cut', whole.slice(0, length)));
      // The checksum stands in front of everything else: with it made good the cut reaches the decoder.
      if (_name.startsWith('Firecracker')) exercise(openBytes('cut', withChecksum(whole.slice(0, length))));
    }
  });

  test('with bits flipped', () => {
    const whole = sample();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(7)), { minLength: 1, maxLength: 8 }), (flips) => {
        const bytes = Uint8Array.from(whole);
        for (const [at, bit] of flips) bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        exercise(openBytes('flipped', _name.startsWith('Firecracker') ? withChecksum(bytes) : bytes));
      }),
      { numRuns: 250, seed: 464, endOnFailure: true },
    );
  });

  test('with a number made huge', () => {
    const whole = sample();
    const numbers = [0xffffffffffffffffn, 0x7fffffffffffffffn, 0x100000000n, 0xffffffffn, 0x80000000n, 0n, 1n];
    fc.assert(
      fc.property(fc.nat(whole.length - 9), fc.constantFrom(...numbers), (at, value) => {
        const bytes = Uint8Array.from(whole);
        writeU64(bytes, at, value);
        exercise(openBytes('huge', _name.startsWith('Firecracker') ? withChecksum(bytes) : bytes));
      }),
      { numRuns: 250, seed: 520, endOnFailure: true },
    );
  });

  test('with a piece put in twice or left out', () => {
    const whole = sample();
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(whole.length), fc.boolean(), (a, b, twice) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const pieces = twice
          ? [whole.subarray(0, to), whole.subarray(from)]
          : [whole.subarray(0, from), whole.subarray(to)];
        const bytes = concat(pieces);
        exercise(openBytes('spliced', _name.startsWith('Firecracker') ? withChecksum(bytes) : bytes));
      }),
      { numRuns: 100, seed: 528, endOnFailure: true },
    );
  });
});

test('[F13] random bytes, with and without a preset', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 5000, size: 'max' }),
      fc.constantFrom(undefined, 'zen5', 'spr', 'nothing'),
      (bytes, preset) => {
        exercise(openBytes('random', bytes, preset === undefined ? {} : { preset }));
      },
    ),
    { numRuns: 300, seed: 1, endOnFailure: true },
  );
});

test('[F13] any header of any size, in both formats', () => {
  const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
  fc.assert(
    fc.property(
      fc.integer({ min: 576, max: 13000 }),
      u64,
      u64,
      u64,
      fc.constantFrom(undefined, 'apx', 'zen2'),
      (size, bv, comp, mask, preset) => {
        const bytes = new Uint8Array(size);
        writeU64(bytes, 464, mask);
        writeU64(bytes, 512, bv);
        writeU64(bytes, 520, comp);
        exercise(openBytes('header', bytes, preset === undefined ? {} : { preset }));
      },
    ),
    { numRuns: 500, seed: 2, endOnFailure: true },
  );
});

test('[F13] small masks, which are the plausible ones', () => {
  const small = fc.bigInt({ min: 0n, max: 0xfffffn });
  fc.assert(
    fc.property(
      fc.constantFrom(576, 832, 1088, 2432, 2440, 2696, 4096, 11008, 12288),
      small,
      small,
      fc.boolean(),
      (size, bv, comp, compacts) => {
        const bytes = new Uint8Array(size);
        writeU64(bytes, 464, bv | 1n);
        writeU64(bytes, 512, compacts ? bv & comp : bv);
        writeU64(bytes, 520, compacts ? comp | (1n << 63n) : 0n);
        exercise(openBytes('header', bytes));
      },
    ),
    { numRuns: 500, seed: 3, endOnFailure: true },
  );
});

test('[F13] JSON of any shape in the place of a snapshot or a capture', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const vcpu = {
        snapshots: {},
        snapshot_data: { state: JSON.stringify({ Kvm: { xsave: value, cpuid: value, msrs: value } }) },
      };
      const tree = {
        snapshots: { 'cpu-manager': { snapshots: { 0: vcpu, 1: value }, snapshot_data: value } },
        snapshot_data: value,
      };
      exercise(openBytes('json', utf8FromText(JSON.stringify(tree))));
      exercise(openBytes('json', utf8FromText(JSON.stringify({ format: 'tilescope-capture', ...Object(value) }))));
    }),
    { numRuns: 300, seed: 4, endOnFailure: true },
  );
});

/** Where one phrase of a file stands, so that a test may change what follows it. */
const offsetOfBytes = (file: Uint8Array, wanted: Uint8Array): number => {
  for (let at = 0; at + wanted.length <= file.length; at += 1) {
    if (wanted.every((byte, index) => file[at + index] === byte)) return at;
  }
  throw new Error('not found');
};

describe('[F14] what is made to cost much', () => {
  /** In time of the CPU: how long a test waits for one says nothing of what it costs. */
  const within = (cpuMs: number, run: () => void): void => {
    const start = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(cpuMs);
  };

  test('program headers that all point at the same notes', () => {
    const count = 60_000;
    const notes = core().subarray(120);
    const head = core().slice(0, 64);
    writeU64(head, 32, 64n);
    head[56] = count & 0xff;
    head[57] = count >> 8;
    const table = new Uint8Array(56 * count);
    for (let index = 0; index < count; index += 1) {
      writeU32(table, 56 * index, 4);
      writeU64(table, 56 * index + 8, BigInt(64 + table.length));
      writeU64(table, 56 * index + 32, BigInt(notes.length));
    }
    within(2000, () => expect(openBytes('overlap', concat([head, table, notes])).ok).toBe(false));
  });

  test('a million empty notes', () => {
    const head = core().slice(0, 120);
    const notes = new Uint8Array(12 << 20);
    writeU64(head, 64 + 32, BigInt(notes.length));
    within(4000, () => expect(openBytes('notes', concat([head, notes])).ok).toBe(false));
  });

  test('a layout note that names places beyond any image', () => {
    const file = core();
    // Component 9's record: number, size 8, offset 2432.
    const record = new Uint8Array(12);
    writeU32(record, 0, 9);
    writeU32(record, 4, 8);
    writeU32(record, 8, 2432);
    writeU32(file, offsetOfBytes(file, record) + 8, 0xfffffff0);
    const opened = openBytes('far', file);
    expect(opened.ok).toBe(false);
    expect(JSON.stringify(opened)).toContain('4294967280');
  });

  test('a CPUID table that names components of gigabytes', () => {
    const cpuid = amxVcpu().cpuid.map((entry) =>
      entry.leaf === 0xd && entry.subleaf === 18 ? { ...entry, eax: 0x80000000 } : entry,
    );
    for (const file of [
      firecrackerFile('8.0.0', [{ ...amxVcpu(), cpuid }]),
      cloudHypervisorFile([{ ...amxVcpu(), cpuid }]),
    ]) {
      expect(openBytes('wide', file).ok).toBe(false);
    }
  });

  test('a Firecracker file full of false beginnings', () => {
    // Each 48 bytes look like the head of a list of vCPUs and like an entry of the table of the one before.
    const body = new Uint8Array(9 << 20);
    const prefix = firecrackerFile('8.0.0', []).subarray(0, 21);
    body.set(prefix);
    for (let at = prefix.length; at + 48 <= body.length; at += 48) {
      writeU64(body, at, 1n);
      writeU64(body, at + 8, 8n);
      writeU32(body, at + 16, 255);
      writeU64(body, at + 24, 255n);
      writeU64(body, at + 32, 40n);
      writeU64(body, at + 40, 40n);
    }
    within(8000, () => expect(openBytes('false', withChecksum(body)).ok).toBe(false));
  });

  test('brackets nested by the hundred thousand', () => {
    for (const text of [`{"a":${'['.repeat(200_000)}`, '{"a":'.repeat(200_000)]) {
      within(2000, () => expect(openBytes('deep', utf8FromText(text)).ok).toBe(false));
    }
  });

  test('a number of a million digits', () => {
    const text = `{"snapshots":{},"snapshot_data":${'9'.repeat(1_000_000)}}`;
    within(2000, () => expect(openBytes('digits', utf8FromText(text)).ok).toBe(false));
  });

  test('a name that is a member of every object', () => {
    const text = textFromUtf8(cloudHypervisorFile([zenVcpu()])).replace('"cpu-manager"', '"__proto__"');
    expect(openBytes('proto', utf8FromText(text)).ok).toBe(false);
    expect(({} as Record<string, unknown>).snapshots).toBeUndefined();
  });
});
