import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GeneralRegisters } from '../../../app/capture/capture.ts';
import { type FakeMemory, fakeMemory, memoryCapture } from '../../../app/debug/testing/fake-memory.ts';
import { fakeTarget } from '../../../app/debug/testing/fake-target.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { fakeHost, type Ran, runOn } from '../../testing/command-line.ts';

let folder: string;
let fake: FakeMemory;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-cli-mem-'));
  fake = fakeMemory();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const on = (verb: string, ...args: string[]): Promise<Ran> => {
  const target = Object.assign(fakeTarget(memoryCapture()), { memory: fake.port });
  return runOn(fakeHost(folder, { openLive: async () => answer(target) }), [verb, '--pid', '4242', ...args]);
};
const run = (...args: string[]): Promise<Ran> => on('mem', ...args);

describe('[GW5] mem --write', () => {
  test('bytes in memory order, with what stood there', async () => {
    const ran = await run('0x401010', '--write', '90 90CC');
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.out).toBe('0x401010 → physical 0x201010: 3 bytes written and read back\nbefore 101112\nnow    9090cc\n');
    expect([...fake.bytes.subarray(0x20_1010, 0x20_1014)]).toEqual([0x90, 0x90, 0xcc, 0x13]);
    // It was written on purpose, and nothing died: nothing is left to be put back.
    expect(readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.json'))).toEqual([]);
  });

  test('elements of a type; --json', async () => {
    const ran = await run('0x401010:f32', '--write', '1.5,-2', '--json');
    expect(JSON.parse(ran.out)).toEqual({
      ...{
        address: '0x401010',
        physical: '0x201010',
        writtenBytes: 8,
        before: '1011121314151617',
        hex: '0000c03f000000c0',
      },
    });
    expect((await run('0x401010:f32×2')).out).toContain('0000401014  -2\n'.slice(4));
  });

  test('by a physical address', async () => {
    expect((await run('0x201010', '--physical', '--write', '07')).out).toContain('0x201010 physical: 1 bytes written');
    expect(fake.bytes[0x20_1010]).toBe(7);
  });

  test('refused whole where a page of it is not proved', async () => {
    const ran = await run('0x404fff', '--write', '0102');
    expect(ran).toMatchObject({ code: 1, out: '' });
    expect(ran.err).toContain('no CPU of the guest has used that page yet');
    expect(fake.log).toEqual([]);
  });

  test.each([
    ['0x401010', '--write', 'abc'],
    ['0x401010', '--write', ''],
    ['0x401010:u8', '--write', '256'],
    ['0x401010×4', '--write', '00'],
    ['0x401010', '--write', '00', '--bytes', '1'],
    ['0x401010', '--write', '00', '--out', 'x'],
    ['0x401010', '--write', '00'.repeat(65_537)],
  ])('%s %s %s is wrong usage', async (...args) => {
    expect((await run(...args)).code).toBe(2);
    expect(fake.log).toEqual([]);
  });

  test('a file is not written', async () => {
    const host = fakeHost(folder, {});
    expect((await runOn(host, ['mem', 'core.1', '0x1000', '--write', '00'])).code).toBe(2);
  });
});

describe('[LT4] who', () => {
  const CALLER = 0x40_1200;
  beforeEach(() => {
    // The frame that RBP names: 0, and a return behind a call.
    fake.bytes.set([0xe8, 0, 0, 0, 0], CALLER - 5 - 0x20_0000);
    fake.bytes.fill(0, 0x20_3000, 0x20_3010);
    fake.bytes.set([0x00, 0x12, 0x40], 0x20_3008);
  });
  const who = async (...args: string[]): Promise<Ran> => {
    const capture = memoryCapture();
    const general = { ...(capture.facts.general as GeneralRegisters), rsp: 0x40_3000n, rbp: 0x40_3000n };
    const target = Object.assign(fakeTarget({ ...capture, facts: { ...capture.facts, general } }), {
      memory: fake.port,
    });
    return runOn(fakeHost(folder, { openLive: async () => answer(target) }), ['who', '--pid', '4242', ...args]);
  };

  test('mode, address space and calls, with the symbols of a program', async () => {
    const map = join(folder, 'program.map');
    writeFileSync(map, '0000000000401000 T multiply\n0000000000401100 T main\n');
    const ran = await who('--symbols', map);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.out).toBe(
      '64-bit code, CPL 3 (user), page tables at 0x1000\n=> 0x401000  multiply\n   0x401200  main+0x100\n   (a frame pointer of 0 ends the chain; by frame pointers)\n',
    );
    expect(JSON.parse((await who('--symbols', map, '--json')).out)).toMatchObject({
      ...{ mode: '64-bit', cpl: 3, rip: '0x401000', task: null, callsEnd: 'a frame pointer of 0 ends the chain' },
      calls: [
        { address: '0x401000', symbol: { name: 'multiply', offset: '0x0' }, framePointer: '0x403000' },
        { address: '0x401200', symbol: { name: 'main', offset: '0x100' }, framePointer: '0x0' },
      ],
    });
  });

  test('BTF that is none, and --btf without symbols, are refused', async () => {
    const map = join(folder, 'program.map');
    writeFileSync(map, '0000000000401000 T multiply\n');
    expect(await who('--symbols', map, '--btf', map)).toMatchObject({
      code: 3,
      err: expect.stringContaining('gives no BTF'),
    });
    expect((await who('--btf', map)).code).toBe(2);
    expect((await who('--count', '0')).code).toBe(2);
  });
});
