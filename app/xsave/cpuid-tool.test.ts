import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Cpuid, CpuidEntry } from '../cpu/cpuid.ts';
import { compactedLayout, enumeratedSupervisor, enumeratedUser, layoutFromCpuid, supervisorPlaces } from './layout.ts';
import { PRESETS } from './presets.ts';

/*
 * The cpuid tool as the stranger who reads leaf 0xD too: of this machine's CPU, and of every preset written as a raw dump.
 * Its words are parsed here and nowhere else.
 */
const runCpuid = (...args: string[]): string => spawnSync('cpuid', args, { encoding: 'utf8' }).stdout ?? '';
const missing = spawnSync('cpuid', ['--version']).status === 0 ? null : 'cpuid is not installed (package cpuid)';
if (missing !== null) console.log(`Layouts against cpuid: skipped, ${missing}`);

const folder = mkdtempSync(join(tmpdir(), 'tilescope-cpuid-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Decoding {
  readonly xcr0: string;
  readonly xss: string;
  readonly standardBytes: number;
  readonly compactedBytes: number;
  readonly xfd: boolean;
  /** Bit → [size, offset, supervisor, aligned, XFD]. */
  readonly components: Readonly<Record<number, readonly [number, number, boolean, boolean, boolean]>>;
}

const decodeText = (text: string): Decoding => {
  const one = (pattern: RegExp): string => {
    const found = pattern.exec(text)?.[1];
    if (found === undefined) throw new Error(`cpuid prints no ${pattern}: ${text.slice(0, 2000)}`);
    return found;
  };
  const components: Record<number, [number, number, boolean, boolean, boolean]> = {};
  const blocks = text.matchAll(
    /features \(0xd\/0?x?([0-9a-f]+)\):\n.*byte size += 0x([0-9a-f]+).*\n.*byte offset += 0x([0-9a-f]+).*\n.*= (XCR0|IA32_XSS) .*\n.*compacted XSAVE += (true|false)\n.*faulting supported += (true|false)/g,
  );
  for (const [, bit = '', size = '', offset = '', where, aligned, faults] of blocks) {
    components[Number.parseInt(bit, 16)] = [
      Number.parseInt(size, 16),
      Number.parseInt(offset, 16),
      where === 'IA32_XSS',
      aligned === 'true',
      faults === 'true',
    ];
  }
  return {
    xcr0: one(/XCR0 valid bit field mask += (0x[0-9a-f]+)/),
    xss: one(/IA32_XSS valid bit field mask += (0x[0-9a-f]+)/),
    standardBytes: Number.parseInt(one(/required by XSAVE\/XRSTOR area += 0x([0-9a-f]+)/), 16),
    compactedBytes: Number.parseInt(one(/SAVE area size in bytes += 0x([0-9a-f]+)/), 16),
    xfd: one(/XFD: extended feature disable supported += (true|false)/) === 'true',
    components,
  };
};

/** What this program says of the same table, in the same shape. */
const ourDecoding = (cpuid: Cpuid): Omit<Decoding, 'compactedBytes'> => {
  const layout = layoutFromCpuid(cpuid, 'cpuid');
  if (!layout.ok) throw new Error(JSON.stringify(layout.problem));
  const extended = layout.value.components.filter((place) => place.bit >= 2);
  const hex = (mask: bigint | null): string => `0x${(mask ?? 0n).toString(16).padStart(16, '0')}`;
  const features = cpuid.find(({ leaf, subleaf }) => leaf === 0xd && subleaf === 1);
  return {
    xcr0: hex(enumeratedUser(cpuid)),
    xss: hex(enumeratedSupervisor(cpuid)),
    standardBytes: layout.value.totalBytes,
    xfd: ((features?.eax ?? 0) & 0x10) !== 0,
    components: Object.fromEntries(
      [...extended, ...supervisorPlaces(cpuid)].map((place) => [
        place.bit,
        [place.sizeBytes, place.offsetBytes, place.supervisor, place.aligned64, place.xfdCapable],
      ]),
    ),
  };
};

const HEX_FIELDS = ['eax', 'ebx', 'ecx', 'edx'] as const;
const hex = (value: number, digits: number): string => `0x${(value >>> 0).toString(16).padStart(digits, '0')}`;

/** A table as `cpuid -r` prints it. */
const rawDump = (cpuid: Cpuid): string =>
  `CPU:\n${cpuid
    .map(
      (entry) =>
        `   ${hex(entry.leaf, 8)} ${hex(entry.subleaf, 2)}: ${HEX_FIELDS.map((name) => `${name}=${hex(entry[name], 8)}`).join(' ')}`,
    )
    .join('\n')}\n`;

const parseDump = (text: string): CpuidEntry[] =>
  [...text.matchAll(/0x([0-9a-f]{8}) 0x([0-9a-f]+): eax=0x(\w+) ebx=0x(\w+) ecx=0x(\w+) edx=0x(\w+)/g)].map((match) => {
    const [leaf = 0, subleaf = 0, eax = 0, ebx = 0, ecx = 0, edx = 0] = match
      .slice(1)
      .map((word) => Number.parseInt(word, 16));
    return { leaf, subleaf, eax, ebx, ecx, edx };
  });

describe.skipIf(missing !== null)('[X21] layouts against the cpuid tool', () => {
  test("this machine's CPU, and its compacted total for some set of enabled components", () => {
    const cpuid = parseDump(runCpuid('-1', '-r'));
    const { compactedBytes, ...theirs } = decodeText(runCpuid('-1'));
    expect(ourDecoding(cpuid)).toEqual(theirs);
    // 0xD.1.EBX is for XCR0 | IA32_XSS as they are now, which no instruction of ours can read: one of the sets must give it.
    const layout = layoutFromCpuid(cpuid, 'cpuid');
    if (!layout.ok) throw new Error('no layout');
    const supervisors = supervisorPlaces(cpuid);
    const totals = Array.from({ length: 2 ** supervisors.length }, (_, choice) => {
      const xss = supervisors.reduce(
        (mask, { bit }, at) => mask | (((choice >> at) & 1) === 1 ? 1n << BigInt(bit) : 0n),
        0n,
      );
      const packed = compactedLayout(layout.value, (1n << 63n) | (enumeratedUser(cpuid) ?? 0n) | xss, supervisors);
      return packed.ok ? packed.value.totalBytes : 0;
    });
    expect(totals).toContain(compactedBytes);
  });

  const vendor = { Intel: [0x756e6547, 0x6c65746e, 0x49656e69], AMD: [0x68747541, 0x444d4163, 0x69746e65] } as const;
  test.each(PRESETS.map((preset) => [preset.name, preset] as const))('preset %s', (name, preset) => {
    const [ebx, ecx, edx] = vendor[preset.vendor];
    const dump: Cpuid = [
      { leaf: 0, subleaf: 0, eax: 0x20, ebx, ecx, edx },
      { leaf: 1, subleaf: 0, eax: preset.vendor === 'Intel' ? 0x000806f8 : 0x00a10f11, ebx: 0, ecx: 3 << 26, edx: 0 },
      ...preset.cpuid,
    ];
    const file = join(folder, `${name}.txt`);
    writeFileSync(file, rawDump(dump));
    const { compactedBytes, ...theirs } = decodeText(runCpuid('-f', file));
    expect(ourDecoding(preset.cpuid)).toEqual(theirs);
    expect(compactedBytes).toBe(preset.cpuid.find(({ leaf, subleaf }) => leaf === 0xd && subleaf === 1)?.ebx);
  });
});
