import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { concat, writeU16, writeU32, writeU64 } from '../../../app/bits/bytes.ts';
import type { Capture, GeneralRegisters } from '../../../app/capture/capture.ts';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { writeCore } from '../../../app/formats/elf-write.ts';
import { cloudHypervisorFile } from '../../../app/formats/testdata/cloud-hypervisor-file.ts';
import { firecrackerFile } from '../../../app/formats/testdata/firecracker-file.ts';
import { amxVcpuWith, zenVcpu } from '../../../app/formats/testdata/vcpus.ts';
import { fakeHost, type Ran, runOn } from '../../testing/command-line.ts';
import { sure } from '../../testing/cores.ts';

/*
 * Cores of a thread with memory behind its notes: an XSAVE area of another thread, and the code that is next. `e2e/live/disas.spec.ts` has a
 * dump of QEMU's.
 */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-memory-file-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Ran> => runOn(fakeHost(folder, {}), args);

const AREA = 0x7f00_0000_1000n;
const CODE = 0x40_1000n;
/** inc rax; tileloadd tmm1, [rdi+rsi]; ret */
const PROGRAM = '48ffc0c4e27b4b0c37c3';

const codePage = (): Uint8Array => {
  const page = new Uint8Array(4096);
  page.set(Buffer.from(PROGRAM, 'hex'));
  return page;
};

/** A core whose one segment, of notes, is followed by memory: a table of its own names both. */
const withMemory = (core: Uint8Array, parts: readonly (readonly [linear: bigint, bytes: Uint8Array])[]): Uint8Array => {
  const segmentBytes = 56;
  const [head, notes] = [core.slice(), core.slice(64, 64 + segmentBytes)];
  const table = core.length;
  writeU64(head, 32, BigInt(table));
  writeU16(head, 56, parts.length + 1);
  let at = table + segmentBytes * (parts.length + 1);
  const rows = parts.map(([linear, bytes]) => {
    const row = new Uint8Array(segmentBytes);
    writeU32(row, 0, 1);
    writeU64(row, 8, BigInt(at));
    writeU64(row, 16, linear);
    writeU64(row, 32, BigInt(bytes.length));
    at += bytes.length;
    return row;
  });
  return concat([head, notes, ...rows, ...parts.map(([, bytes]) => bytes)]);
};

const core = (thread: Capture, area: Uint8Array): string => {
  const general = { ...(thread.facts.general as GeneralRegisters), rip: CODE + 3n, rdi: 0x5000n, rsi: 64n };
  const bytes = sure(writeCore({ ...thread, facts: { ...thread.facts, general } }));
  const path = join(folder, 'core');
  writeFileSync(
    path,
    withMemory(bytes, [
      [AREA, area],
      [CODE, codePage()],
    ]),
  );
  return path;
};

const at = `0x${AREA.toString(16)}`;
const tiles = (): Uint8Array => sampleAmxCapture().image.bytes;
const raw = (bytes: Uint8Array): string => {
  const path = join(folder, 'area.raw');
  writeFileSync(path, bytes);
  return path;
};

describe('[TO3] an XSAVE area in a file that holds memory', () => {
  const PATHS = ['tilecfg', 'tmm0:i32', 'xstate_bv', '--json'];

  test('in the layout of the core’s own notes', async () => {
    const path = core(sampleAmxCapture(), tiles());
    const shown = await run('show', path, '--at', at, ...PATHS);
    expect(shown).toMatchObject({ code: 0, err: '' });
    const same = await run('show', raw(tiles()), '--from', 'sapphire-rapids', ...PATHS);
    expect(JSON.parse(shown.out)).toEqual(JSON.parse(same.out));
  });

  test('in that of the CPU that is named, whatever the core says', async () => {
    const path = core(sampleCapture(), tiles());
    const shown = await run('show', path, '--at', at, '--from', 'sapphire-rapids', ...PATHS);
    expect(shown).toMatchObject({ code: 0 });
    expect(JSON.parse(shown.out)).toMatchObject({ tilecfg: { palette_id: 1 } });
  });

  test('what is none, what is not there and an odd address are refused', async () => {
    const path = core(sampleAmxCapture(), new Uint8Array(16_384));
    for (const [where, why] of [
      [at, 'no XSAVE has written there'],
      [`${at}+8`, 'no address'],
      [`0x${(AREA + 8n).toString(16)}`, 'a multiple of 64'],
      ['0x1000', 'does not hold that memory'],
    ] as const) {
      const refused = await run('show', path, '--at', where);
      expect([refused.out, refused.code === 0]).toEqual(['', false]);
      expect(refused.err).toContain(why);
    }
  });
});

describe('[TO3] [GM5] an XSAVE area in the memory beside a snapshot', () => {
  const USED = 0x63n;
  const LOAD = 0x5000;
  /** PAE and long mode; four levels of tables at 0x1000 map linear 0x400000 on to 0x5000 on. */
  const vcpu = { ...zenVcpu(), rip: 0x40_0000n, cr3: 0x1000n, cr4: 0x20n };
  const memory = (area: Uint8Array): string => {
    const bytes = new Uint8Array(1 << 20);
    for (const [at, value] of [
      [0x1000, 0x2000n],
      [0x2000, 0x3000n],
      [0x3010, 0x4000n],
    ] as const) {
      writeU64(bytes, at, value | USED);
    }
    for (let page = 0; page < 16; page += 1) writeU64(bytes, 0x4000 + page * 8, BigInt(LOAD + page * 4096) | USED);
    bytes.set(area, LOAD + 0x1000);
    const path = join(folder, 'memory');
    writeFileSync(path, bytes);
    return path;
  };
  const PATHS = ['zmm16:u8[3]', 'mxcsr', 'xstate_bv'];
  const AT = ['--at', '0x401000', '--thread', '1'];

  test.each([
    ['Firecracker', () => firecrackerFile('8.0.0', [amxVcpuWith(tiles()), vcpu])],
    ['Cloud Hypervisor', () => cloudHypervisorFile([amxVcpuWith(tiles()), vcpu])],
  ])('%s: in the layout of the CPUID of that vCPU', async (_vmm, made) => {
    const state = join(folder, 'state');
    writeFileSync(state, made());
    // Component 7 lies at 1408 on that CPU, and elsewhere on the other.
    const area = vcpu.image.slice(0, 2432);
    const file = memory(area);
    const shown = await run('show', file, '--snapshot', state, ...AT, ...PATHS, '--json');
    expect(shown).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(shown.out)).toMatchObject({ 'zmm16:u8[3]': 3, xstate_bv: '0x0000000000000080' });
    const same = await run('show', raw(area), '--from', 'zen5', ...PATHS, '--json');
    expect(JSON.parse(shown.out)).toEqual(JSON.parse(same.out));

    for (const [at, thread, why] of [
      ['0x402000', '1', 'no XSAVE has written there'],
      ['0x401008', '1', 'a multiple of 64'],
      ['0x500000', '1', 'cannot read that linear address'],
      ['0x401000', '0', 'do not belong together'],
      ['0x401000', '2', 'the snapshot has no vCPU 2'],
    ] as const) {
      const refused = await run('show', file, '--snapshot', state, '--at', at, '--thread', thread);
      expect([refused.out, refused.code === 0]).toEqual(['', false]);
      expect(refused.err).toContain(why);
    }
    expect((await run('show', file, '--at', '0x401000')).err).toContain(
      'the memory of a snapshot with --snapshot STATE',
    );
  });
});

describe('[DA4] code in a file that holds memory', () => {
  test('the next instruction of the thread of a core, and what it reads', async () => {
    const path = core(sampleAmxCapture(), tiles());
    const shown = JSON.parse((await run('disas', path, '--count', '2', '--json')).out);
    expect(shown).toMatchObject({
      address: '0x401003',
      who: { mode: '64-bit', codeBits: 64, cpl: 3, pageTables: null },
      instructions: [{ text: expect.stringContaining('tileloadd'), next: true }, { text: 'ret' }],
    });
    expect((await run('disas', path, '0x401000', '--count', '1')).out).toMatch(
      /^64-bit code, CPL 3 \(user\)\n {3}0x401000 {2}48 ff c0\s+inc rax\n$/,
    );
    expect(await run('disas', path, '0x9000')).toMatchObject({ code: 1, out: '' });
    expect(await run('disas', path, '--thread', '77')).toMatchObject({ code: 3, out: '' });
  });
});
