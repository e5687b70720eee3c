import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Capture, ControlRegisters, Facts } from '../capture/capture.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { firstUse } from './first-use.ts';

const having = (facts: Partial<Facts>): Capture => {
  const capture = sampleAmxCapture();
  return { ...capture, facts: { ...capture.facts, ...facts } };
};

const withXfd = (value: bigint | null): Capture =>
  having({ msrs: [{ index: MSR_INDEX.IA32_XFD, value, errno: value === null ? 22 : 0 }] });

/** Paging, long mode, OSXSAVE, unless said otherwise. */
const withControl = (control: Partial<ControlRegisters>): Facts['control'] => ({
  ...{ cr0: 0x80050033n, cr2: 0n, cr3: 0x1000n, cr4: 0x406a0n, cr8: 0n, efer: 0xd01n },
  ...control,
});

const words = (capture: Capture): Record<string, string> =>
  Object.fromEntries(Object.entries(firstUse(capture).outcomes).map(([name, { word }]) => [name, word]));

describe('[XF1] what the next first use of TILEDATA meets', () => {
  test('disarmed with tiles configured: everything executes', () => {
    const kinds = Object.values(firstUse(sampleAmxCapture()).outcomes).map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['executes']));
  });

  test('armed: what needs tile data raises #NM, a save leaves it out, and the configuration is not stopped', () => {
    expect(firstUse(withXfd(0x40000n)).armed).toBe(true);
    expect(words(withXfd(0x40000n))).toEqual({
      ...{ TILELOADD: 'raises #NM', TDPBSSD: 'raises #NM', XRSTOR: 'raises #NM' },
      ...{ LDTILECFG: 'executes', STTILECFG: 'executes', XSAVEC: 'skips bit 18' },
    });
  });

  test('without AMX in CPUID tile instructions raise #UD, and XFD is not asked', () => {
    const { outcomes } = firstUse(sampleCapture());
    for (const name of ['TILELOADD', 'TDPBSSD', 'LDTILECFG', 'STTILECFG'] as const) {
      expect(outcomes[name]).toMatchObject({ kind: 'fault', word: 'raises #UD' });
    }
  });

  test('XCR0 without bit 18: nothing is saved of it, and XRSTOR of it raises #GP', () => {
    expect(words(having({ xcr0: 0xe7n }))).toMatchObject({
      ...{ TILELOADD: 'raises #UD', XSAVEC: 'leaves out bit 18', XRSTOR: 'raises #GP' },
    });
    expect(firstUse(having({ xcr0: 0xe7n })).outcomes.XRSTOR.kind).toBe('fault');
  });

  test('CR4.OSXSAVE clear: no instruction of XSAVE’s or AMX’s is there', () => {
    const capture = having({ control: withControl({ cr4: 0x6a0n }) });
    for (const outcome of Object.values(firstUse(capture).outcomes)) {
      expect(outcome).toEqual({ kind: 'fault', word: 'raises #UD', why: 'CR4.OSXSAVE is clear' });
    }
    expect(firstUse(capture).stations[2]).toMatchObject({ outcome: 'stop', says: 'CR4.OSXSAVE is clear' });
  });

  test('CR0.TS set: XSAVE’s instructions raise #NM, tile instructions do not', () => {
    expect(words(having({ control: withControl({ cr0: 0x8005003bn }) }))).toMatchObject({
      ...{ XSAVEC: 'raises #NM', XRSTOR: 'raises #NM', TILELOADD: 'executes' },
    });
  });

  test('outside of 64-bit code a tile instruction raises #UD', () => {
    const descriptors = { cs_base: 0n, cs_l: 0n, cs_d: 1n, cpl: 0n };
    const tables = { gdt_base: 0n, gdt_limit: 0n, idt_base: 0n, idt_limit: 0n };
    const compatibility = having({ control: withControl({}), descriptors: { ...descriptors, ...tables } });
    expect(words(compatibility)).toMatchObject({ TILELOADD: 'raises #UD', XSAVEC: 'saves TILEDATA' });
    const long = having({ control: withControl({}), descriptors: { ...descriptors, ...tables, cs_l: 1n } });
    expect(words(long)).toMatchObject({ TILELOADD: 'executes' });
  });

  test('[G7] armed, the CPU itself does what is said, where it has tiles', ({ skip }) => {
    const isLinux = process.platform === 'linux' && process.arch === 'x64';
    skip(
      !isLinux || !/\bamx_int8\b/.test(readFileSync('/proc/cpuinfo', 'utf8')),
      'this CPU has no AMX, or this is not Linux',
    );
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-under-xfd-'));
    try {
      const program = join(folder, 'under_xfd');
      const source = fileURLToPath(new URL('testdata/under_xfd.c', import.meta.url));
      const built = spawnSync('cc', ['-O1', '-mamx-tile', '-mamx-int8', '-mxsavec', '-o', program, source]);
      skip(built.status !== 0, 'cc is not installed, or knows no AMX');
      const { status, stdout } = spawnSync(program, { encoding: 'utf8' });
      expect(status).toBe(0);
      const cpu = Object.fromEntries(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.split(' ')),
      );
      const { TILEZERO, TILERELEASE, ...rest } = cpu;
      const said = Object.entries(words(withXfd(0x40000n)));
      const names: Readonly<Record<string, string>> = { 'raises #NM': 'faults', 'skips bit 18': 'skips' };
      expect(rest).toEqual(Object.fromEntries(said.map(([name, word]) => [name, names[word] ?? word])));
      expect([TILEZERO, TILERELEASE]).toEqual([rest.TILELOADD, rest.LDTILECFG]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('an IA32_XFD or XCR0 that was not read is not guessed', () => {
    const story = firstUse(withXfd(null));
    expect(story.armed).toBeNull();
    expect([story.outcomes.TILELOADD.kind, story.outcomes.XSAVEC.kind]).toEqual(['not-known', 'not-known']);
    expect(story.stations.find(({ id }) => id === 'xfd')).toMatchObject({ value: null, says: 'not read' });
    for (const { kind } of Object.values(firstUse(having({ xcr0: null })).outcomes)) expect(kind).toBe('not-known');
  });
});
