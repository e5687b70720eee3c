import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { tilescope, tilescopeJson } from '../models/tilescope.ts';

interface Code {
  readonly address: string;
  readonly who: { readonly mode: string; readonly codeBits: number; readonly cpl: number };
  readonly instructions: readonly {
    readonly address: string;
    readonly bytes: string;
    readonly text: string;
    readonly next: boolean;
    readonly symbol: { readonly name: string; readonly offset: string } | null;
    readonly target: string | null;
    readonly targetSymbol: { readonly name: string } | null;
    readonly reads: readonly string[];
    readonly writes: readonly string[];
    readonly memory: readonly { readonly address: string | null }[];
  }[];
}

test.describe('the code of a real QEMU guest, from the command line', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');

  let guest: Guest;
  let folder: string;
  test.beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tilescope-disas-'));
    guest = await Guest.start({ name: 'disas', inMemory: true });
  });
  test.afterAll(async () => {
    await guest?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const disas = (...words: string[]): Promise<Code> =>
    tilescopeJson<Code>('disas', '--pid', String(guest.pid), ...words);

  test('[DA4] the next instructions are those that QEMU’s monitor reads there, and nothing is left in QEMU', async () => {
    const footprint = guest.footprint();
    const code = await disas('--count', '6');
    expect(code.who).toMatchObject({ mode: '64-bit', codeBits: 64, cpl: 0 });
    const [first] = code.instructions;
    expect(first).toMatchObject({ address: code.address, next: true });
    // Of the first alone it is known where its operands lie.
    expect(code.instructions.slice(1).flatMap(({ memory }) => memory.map(({ address }) => address ?? 'none'))).toEqual(
      expect.not.arrayContaining([expect.stringMatching(/^0x/)]),
    );
    for (const { address, bytes } of code.instructions) {
      const words = await guest.monitor(`xp /${bytes.length / 2}bx ${address}`);
      const seen = [...words.matchAll(/0x([0-9a-f]{2})\b/g)].map(([, byte]) => byte).join('');
      expect(seen).toBe(bytes);
    }
    expect(guest.footprint()).toEqual(footprint);
  });

  test('[DA4] by symbol, with symbol and offset, in both syntaxes', async () => {
    const { address, instructions } = await disas('--count', '3');
    const [start, third] = [BigInt(address), instructions[2]?.address];
    const map = join(folder, 'System.map');
    writeFileSync(map, `${start.toString(16).padStart(16, '0')} T loop\n`);
    const named = await disas('loop', '--symbols', map, '--count', '3', '--syntax', 'att');
    expect(named.instructions.map(({ bytes }) => bytes)).toEqual(instructions.map(({ bytes }) => bytes));
    expect(named.instructions[2]?.symbol).toEqual({
      name: 'loop',
      offset: `0x${(BigInt(third ?? 0) - start).toString(16)}`,
    });
    const moved = await disas(
      'loop+1',
      '--symbols',
      map,
      '--load-address',
      `0x${(start - 1n).toString(16)}`,
      '--count',
      '1',
    );
    expect(moved.address).toBe(address);
    const text = await tilescope('disas', '--pid', String(guest.pid), 'loop', '--symbols', map, '--count', '2');
    expect(text.out).toMatch(/^64-bit code, CPL 0 \(kernel\), page tables at 0x[0-9a-f]+\nloop:\n/);
    const memory = await tilescopeJson<{ hex: string }>(
      'mem',
      '--pid',
      String(guest.pid),
      'loop:u8x4',
      '--symbols',
      map,
    );
    expect(instructions.map(({ bytes }) => bytes).join('')).toContain(memory.hex);
  });

  test('[DA4] what cannot be is refused before anything is attached to, or in a sentence', async () => {
    const map = join(folder, 'broken.map');
    writeFileSync(map, 'nothing\n');
    for (const [words, code, why] of [
      [['--count', '0'], 2, '--count is a number'],
      [['--syntax', 'masm'], 2, 'intel or att'],
      [['schedule'], 2, 'a symbol needs --symbols FILE'],
      [['--load-address', '0x1000'], 2, 'goes with --symbols'],
      [['--symbols', map], 3, 'line 1'],
      [['--symbols', join(folder, 'absent')], 3, 'cannot be read'],
      [['0x40000000'], 1, 'cannot read that linear address'],
    ] as const) {
      const refused = await tilescope('disas', '--pid', String(guest.pid), ...words);
      expect([refused.code, refused.out]).toEqual([code, '']);
      expect(refused.err).toContain(why);
    }
  });

  test('[TO3] an XSAVE area in guest memory is opened as the image that it is', async () => {
    const [capture, raw] = [join(folder, 'state.json'), join(folder, 'state.raw')];
    const first = String(guest.pid);
    expect((await tilescope('capture', '--pid', first, '--out', capture)).code).toBe(0);
    expect((await tilescope('convert', capture, '--to', 'raw', '--out', raw)).code).toBe(0);
    const loader = ['-device', `loader,file=${raw},addr=0x100000,force-raw=on`];
    const other = await Guest.start({ name: 'area', more: loader });
    try {
      const pid = String(other.pid);
      const paths = ['xstate_bv', 'mxcsr', 'fcw', 'xmm3:u32[1]'];
      const inFile = await tilescopeJson('show', raw, ...paths);
      expect(await tilescopeJson('show', '--pid', pid, '--at', '0x100000', ...paths)).toEqual(inFile);
      for (const [at, why] of [
        ['0x100008', 'a multiple of 64'],
        ['0x1000', 'no XSAVE has written there'],
        ['0x40000000', 'cannot read that linear address'],
      ] as const) {
        const refused = await tilescope('show', '--pid', pid, '--at', at);
        expect([refused.code, refused.out]).toEqual([1, '']);
        expect(refused.err).toContain(why);
      }
      // The same of a dump of it, which does not say of which CPU it is.
      const dump = join(folder, 'dump');
      await other.monitor(`dump-guest-memory ${dump}`);
      const cpu = (await tilescope('show', raw, '--from', 'zen3', ...paths)).code === 0 ? ['--from', 'zen3'] : [];
      expect(await tilescopeJson('show', dump, '--at', '0x100000', ...cpu, ...paths)).toEqual(inFile);
      expect((await tilescope('show', dump, '--at', '0x1000')).err).toContain('no XSAVE has written there');
      const here = await tilescopeJson<Code>('disas', dump, '--count', '4');
      for (const { address, bytes } of here.instructions) {
        const words = await other.monitor(`xp /${bytes.length / 2}bx ${address}`);
        expect([...words.matchAll(/0x([0-9a-f]{2})\b/g)].map(([, byte]) => byte).join('')).toBe(bytes);
      }
      expect(here.instructions[0]).toMatchObject({ next: true });
      expect((await tilescope('disas', dump, '--thread', '7')).code).toBe(2);
    } finally {
      await other.stop();
    }
  });

  test('the guest runs on', async () => {
    const before = await guest.counter();
    await expect.poll(() => guest.counter()).not.toBe(before);
  });
});
