import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Target } from '../../../app/debug/target.ts';
import { fakeTarget } from '../../../app/debug/testing/fake-target.ts';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { captureText } from '../../../app/session/document.ts';
import type { Host } from '../../services/host.ts';
import { fakeHost, type Ran, runOn } from '../../testing/command-line.ts';
import { runBatch, wordsOf } from './batch.ts';

let folder: string;
let attached: number;
let host: Host;
let saved: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-show-'));
  attached = 0;
  host = fakeHost(folder, {
    openLive: async () => {
      attached += 1;
      return answer(fakeTarget(sampleCapture()));
    },
  });
  saved = join(folder, 'saved.json');
  writeFileSync(saved, captureText(sampleAmxCapture()));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Ran> => runOn(host, args);

describe('[C71] what show takes', () => {
  test('a path that is none does not keep the others from being shown', async () => {
    const shown = await run('show', '--pid', '4242', 'k1', 'zmm99', 'xmm0:f32[1]', '--json');
    expect(shown.code).toBe(2);
    expect(JSON.parse(shown.out)).toEqual({
      k1: '0x000000000000ffff',
      'xmm0:f32[1]': 2.5,
      zmm99: { error: expect.stringContaining('expected a register name') },
    });
    expect(shown.err).toContain('register path "zmm99"');
    const inWords = await run('show', '--pid', '4242', 'zmm99', 'k1');
    expect(inWords).toMatchObject({ code: 2, out: 'k1  0x000000000000ffff\n' });
  });

  test('paths that are all wrong cost no attach', async () => {
    expect(await run('show', '--pid', '4242', 'zmm99', 'xmm7..3')).toMatchObject({ code: 2, out: '' });
    expect(attached).toBe(0);
  });

  test('several paths in one word', async () => {
    const { out, code } = await run('show', '--pid', '4242', 'k*', 'xmm0..2:f32', '--json');
    expect(code).toBe(0);
    expect(Object.keys(JSON.parse(out))).toEqual([
      ...['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7'],
      ...['xmm0:f32', 'xmm1:f32', 'xmm2:f32'],
    ]);
  });

  test('tiles as the window reads them: every type, matrices, fields, what is not configured', async () => {
    const { out, code } = await run(
      'show',
      saved,
      'tilecfg',
      'tmm0:bf8[0][0]',
      'tmm0:hf8[0]',
      'tmm0:tf32',
      'tmm0:cfp16',
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^tilecfg +palette_id 1, start_row 0, tmm0 \d+ rows of \d+ bytes/);
    const [, rows = '', colsb = ''] = /tmm0 (\d+) rows of (\d+) bytes/.exec(out) ?? [];
    const vnni = JSON.parse((await run('show', saved, 'tmm0:i8:vnni', '--json')).out) as Record<string, number[][]>;
    const matrix = Object.values(vnni)[0] ?? [];
    expect([matrix.length, matrix[0]?.length]).toEqual([Number(rows) * 4, Number(colsb) / 4]);
  });

  test('segment registers and gdb’s names', async () => {
    const { out } = await run(
      'show',
      '--pid',
      '4242',
      'fs_base',
      'cs',
      '$ftag',
      '$ymm0h',
      '$zmm0.v16_float[3]',
      '--json',
    );
    expect(JSON.parse(out)).toMatchObject({ fs_base: '0x00007f2e4c3ff740', cs: '0x0010' });
    expect(Object.keys(JSON.parse(out))).toHaveLength(5);
  });
});

describe('letting go of a target that refuses it', () => {
  const left = refuse('target-gone', 'two mappings are left in it', { remedy: 'attach to it again' });
  const leaving = (target: Partial<Target>) => async () =>
    answer({ ...fakeTarget(sampleCapture()), detach: async () => left, ...target });

  test.each([
    ['the first capture was refused', { capture: async () => refuse('target-gone', 'it has ended') }, 'it has ended'],
    ['the work was refused', { memory: null }, 'memory'],
    ['all else went well', {}, null],
  ] as const)('is said where %s', async (_, target, first) => {
    host = fakeHost(folder, { openLive: leaving(target) });
    const words = first === 'memory' ? ['mem', '0x1000', '--pid', '4242'] : ['show', 'k1', '--pid', '4242'];
    const { code, err } = await run(...words);
    expect(code).not.toBe(0);
    if (first !== null) expect(err).toContain(first);
    expect(err).toContain('two mappings are left in it');
    expect(err).toContain('attach to it again');
  });
});

const batch = async (text: string, ...options: string[]): Promise<Ran> => {
  let [out, err] = ['', ''];
  const code = await runBatch(options, Readable.from([text]), async () => host, {
    out: (more) => {
      out += more;
    },
    err: (more) => {
      err += more;
    },
  });
  return { code, out, err };
};

describe('[C72] a batch', () => {
  test('answers every line, in order, whatever became of the others', async () => {
    const lines = ['# two questions', `show ${saved} xcr0`, 'frob', '', `show "${saved}" zmm99`, '--version'];
    const { out, code } = await batch(lines.join('\n'), '--json');
    expect(code).toBe(2);
    const answers = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers.map(({ line, code: one }) => [line, one])).toEqual([
      [2, 0],
      [3, 2],
      [5, 2],
      [6, 0],
    ]);
    expect(answers[0]).toMatchObject({ out: { xcr0: '0x00000000000602e7' }, err: '' });
    expect(answers[1]).toMatchObject({ out: null, err: expect.stringContaining('there is no command frob') });
  });

  test('without --json it prints what the commands print, and says to which line an error belongs', async () => {
    const { out, err, code } = await batch(`show ${saved} xcr0\nshow /nowhere/at/all\n`);
    expect({ out, code }).toEqual({ out: 'xcr0  0x00000000000602e7\n', code: 3 });
    expect(err).toMatch(/^line 2: tilescope: .+\n(line 2: .+\n)*$/);
  });

  test('a line that never ends is refused', async () => {
    const { code, err } = await batch('web\nbatch\n');
    expect(code).toBe(2);
    expect(err).toContain('web cannot stand in a batch');
  });

  test.each<[string, readonly string[] | null]>([
    ['show a b', ['show', 'a', 'b']],
    ['  show\t"a b" c\'d e\'f ', ['show', 'a b', 'cd ef']],
    ['a\\ b "c\\"d" \'e\\f\' "g\\h"', ['a b', 'c"d', 'e\\f', 'g\\h']],
    ['\'\' ""', ['', '']],
    ['a "b', null],
    ['a \\', null],
  ])('words of %s', (line, words) => {
    const found = wordsOf(line);
    expect(found.ok ? found.value : null).toEqual(words);
  });
});
