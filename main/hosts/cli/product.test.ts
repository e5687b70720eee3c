import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeCapture, makeImage, presetLayout } from '../../../app/fixtures/preset-captures.ts';
import { PRODUCT_CODE, tracedLoop } from '../../../app/fixtures/traced-loop.ts';
import { captureText } from '../../../app/session/document.ts';
import { sessionText } from '../../../app/session/session-document.ts';
import { encodeTileConfig, INIT_TILE_CONFIG } from '../../../app/tile/config.ts';
import { fakeHost, type Ran, runOn } from '../../testing/command-line.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-product-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Ran> => runOn(fakeHost(folder, {}), args);

const layout = presetLayout('sapphire-rapids');
const shape = { rows: 2, colsb: 8 };
const config = encodeTileConfig({
  paletteId: 1,
  startRow: 0,
  tiles: [shape, shape, shape, ...INIT_TILE_CONFIG.tiles.slice(3)],
});

/** Three tiles of two rows and two dwords: C of numbers, A and B of bytes. */
const state = (name: string, c: readonly number[], a: readonly number[], b: readonly number[]): string => {
  const data = new Uint8Array(8192);
  const view = new DataView(data.buffer);
  for (const [at, value] of c.entries()) view.setInt32(Math.floor(at / 2) * 64 + (at % 2) * 4, value, true);
  for (const [tile, bytes] of [a, b].entries()) {
    for (const [at, value] of bytes.entries())
      view.setInt8(1024 * (tile + 1) + Math.floor(at / 8) * 64 + (at % 8), value);
  }
  const path = join(folder, name);
  const contents = new Map([
    [17, config],
    [18, data],
  ]);
  writeFileSync(path, captureText(makeCapture('sapphire-rapids', makeImage(layout, contents))));
  return path;
};

const A = [1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, 1, 1, 1, 1];
const B = [1, 1, 1, 1, 2, 2, 2, 2, 1, 0, 0, 0, 0, 1, 0, 0];
// Row 0: (1+2+3+4) + 5 = 15; 2·(1+2+3+4) + 6 = 26. Row 1: −10 + 1 = −9; −20 + 1 = −19.
const PRODUCT = [15, 26, -9, -19];

describe('[C73] the product check', () => {
  test('what the instruction leaves: exit code 0', async () => {
    const file = state('after.json', PRODUCT, A, B);
    const ran = await run('product', file, 'tmm0', 'tmm1', 'tmm2', '--instruction', 'TDPBSSD');
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).toBe('TDPBSSD: tmm0 += tmm1 · tmm2, C before: zero\nall 4 cells are what the instruction leaves\n');
  });

  test('C before is taken from another state', async () => {
    const before = state('before.json', [100, 200, 300, 400], A, B);
    const after = state('after.json', [115, 226, 291, 381], A, B);
    const words = ['product', after, 'tmm0', 'tmm1', 'tmm2', '--instruction', 'tdpbssd'];
    expect((await run(...words, '--before', before)).code).toBe(0);
    expect((await run(...words)).code).toBe(1);
  });

  test('a cell that differs: exit code 1, and where', async () => {
    const file = state('after.json', [15, 26, -9, -18], A, B);
    const ran = await run('product', file, 'tmm0', 'tmm1', 'tmm2', '--instruction', 'TDPBSSD');
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(/1 of 4 cells differ\n.*\n +\[1\]\[1\] +-19 +-18 +0xffffffed +0xffffffee +1\n/);
    const json = await run('product', file, 'tmm0', 'tmm1', 'tmm2', '--instruction', 'TDPBSSD', '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      ...{
        instruction: 'TDPBSSD',
        c: 'tmm0',
        a: 'tmm1',
        b: 'tmm2',
        before: null,
        restsOn: null,
        equal: false,
        cells: 4,
      },
      differences: [{ row: 1, column: 1, expected: '-19', found: '-18', distance: 1 }],
    });
  });

  test('FP8 products say on which text they rest', async () => {
    const file = state('after.json', [0, 0, 0, 0], [], []);
    const ran = await run('product', file, 'tmm0', 'tmm1', 'tmm2', '--instruction', 'TDPHF8PS');
    expect(ran.out).toContain('rests on Intel’s ISE 319433-057: all products of a cell in one exact sum');
  });

  test.each<[string, number, string[], string]>([
    ['the same tile twice', 1, ['tmm0', 'tmm0', 'tmm2', '--instruction', 'TDPBSSD'], 'raises #UD'],
    ['a tile that is not configured', 1, ['tmm0', 'tmm1', 'tmm5', '--instruction', 'TDPBSSD'], 'B is not configured'],
    ['two tiles', 2, ['tmm0', 'tmm1', '--instruction', 'TDPBSSD'], 'three tiles, C A B'],
    ['a tile that is none', 2, ['tmm0', 'tmm1', 'tmm8', '--instruction', 'TDPBSSD'], 'tmm0 to tmm7'],
    ['no instruction', 2, ['tmm0', 'tmm1', 'tmm2'], '--instruction is one of TDPBSSD'],
    ['another instruction', 2, ['tmm0', 'tmm1', 'tmm2', '--instruction', 'FMA'], 'not FMA'],
  ])('%s is refused', async (_what, code, words, why) => {
    const ran = await run('product', state('x.json', PRODUCT, A, B), ...words);
    expect({ code: ran.code, out: ran.out }).toEqual({ code, out: '' });
    expect(ran.err).toContain(why);
  });
});

/** A trace of three rounds, in the second of which a wrong CPU has left `wrong` in [0][1]. */
const trace = (name: string, wrong: number | null, hasCode = true): string => {
  const stops = tracedLoop('TDPBSSD', 3, (tiles, round) => {
    if (wrong !== null && round === 1) tiles.set([wrong], 4);
  }).map(({ code, ...stop }) => ({ ...stop, label: null, write: null, ...(hasCode ? { code } : {}) }));
  const path = join(folder, name);
  writeFileSync(path, sessionText({ product: 'x', savedAtMs: 1, pinned: null, stops }));
  return path;
};

describe('[TP4] product over a whole trace', () => {
  test('all as they should be: exit code 0', async () => {
    const ran = await run('product', trace('right.json', null));
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).toBe('3 tile products checked against the reference, none differs\n');
  });

  test('one that differs: exit code 1, with stop, RIP, instruction and cells', async () => {
    const path = trace('wrong.json', 0x77);
    const ran = await run('product', path);
    expect(ran.code).toBe(1);
    expect(ran.out).toContain('3 tile products checked against the reference, 1 differ\n');
    expect(ran.out).toContain('wrong.json@4, rip 0x401000: TDPBSSD tmm0, tmm1, tmm2: 1 of 16 cells differ\n');
    const json = JSON.parse((await run('product', path, '--json')).out);
    expect(json).toMatchObject({ stops: 10, checked: 3, unknownSteps: 0, unchecked: [] });
    expect(json.differing).toMatchObject([
      { stop: 4, rip: '0x401000', instruction: 'TDPBSSD', c: 'tmm0', a: 'tmm1', b: 'tmm2', cells: 16 },
    ]);
    expect(json.differing[0].differences).toMatchObject([{ row: 0, column: 1 }]);
  });

  test('the code of a trace without is taken from a file', async () => {
    const path = trace('bare.json', 0x77, false);
    expect(await run('product', path)).toMatchObject({
      code: 1,
      err: expect.stringContaining('no instruction of this session is known'),
    });
    const code = join(folder, 'loop.bin');
    writeFileSync(code, Uint8Array.of(...PRODUCT_CODE.TDPBSSD, 0x90, 0xeb, 0xf8));
    expect((await run('product', path, '--code', `${code}@0x401000`)).out).toContain('1 of 16 cells differ');
    expect(await run('product', path, '--code', code)).toMatchObject({
      code: 2,
      err: expect.stringContaining('FILE@ADDR'),
    });
  });

  test.each<[string, string[]]>([
    ['--before without tiles', ['--before', 'x.json']],
    ['tiles with --code', ['tmm0', 'tmm1', 'tmm2', '--instruction', 'TDPBSSD', '--code', 'x']],
    ['an address that is none', ['--code', 'x@y']],
  ])('%s is wrong usage', async (_what, words) => {
    expect((await run('product', trace('x.json', null), ...words)).code).toBe(2);
  });

  test('a capture is no session', async () => {
    const ran = await run('product', state('one.json', PRODUCT, A, B));
    expect(ran).toMatchObject({ code: 3, err: expect.stringContaining('product takes a session file') });
  });
});
