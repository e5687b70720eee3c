import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fakeHost, type Ran, runOn } from '../testing/command-line.ts';

/** Files that people have asked about in public, and what a command line has to say of each. */
const of = (name: string): string =>
  fileURLToPath(new URL(`../../app/formats/testdata/cases/${name}`, import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tilescope-cases-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Ran> => runOn(fakeHost(folder, {}), args);

describe('[C31] a layout in doubt', () => {
  const IN_DOUBT = 'gdb13-gcore-on-amd.core';

  test('each row of show has a word, and standard error names the candidates', async () => {
    const shown = await run('show', of(IN_DOUBT), 'xmm3', 'zmm17:u32', 'k1');
    expect(shown.code).toBe(0);
    const rows = shown.out.trimEnd().split('\n');
    expect(rows.map((row) => row.split(/\s+/)[1])).toEqual(['certain', 'doubtful', 'doubtful']);
    expect(rows[1]).toContain('2684358912');
    expect(rows[2]).toContain('lost: gdb up to 13');
    expect(shown.err).toMatch(/in doubt.*possible too: .*--from CPU/);
    const all = await run('show', of(IN_DOUBT));
    expect(all.out).toMatch(/taken --from zen5/);
    expect(all.out).toMatch(/or --from granite-rapids/);
    expect(all.out).toMatch(/zmm17 +doubtful/);
  });

  test('JSON has it as a field', async () => {
    const { out } = await run('show', of(IN_DOUBT), 'xmm3', 'k1', '--json');
    expect(JSON.parse(out)).toMatchObject({
      k1: { state: 'not-known' },
      '#layout': {
        guessed: true,
        doubt: true,
        doubtful: ['k1'],
        candidates: [{ cpu: 'zen5' }, { cpu: 'granite-rapids' }],
      },
    });
    const all = JSON.parse((await run('show', of(IN_DOUBT), '--json')).out);
    expect(all).toMatchObject({ layout: { doubt: true, doubtful: ['opmask', 'ZMM_Hi256', 'Hi16_ZMM'] } });
  });

  test('--strict refuses it with an exit code of its own, whichever verb; naming the CPU ends it', async () => {
    for (const words of [['show'], ['layout'], ['check'], ['convert', '--to', 'raw', '--out', join(folder, 'x')]]) {
      const [verb = '', ...options] = words;
      const refused = await run(verb, of(IN_DOUBT), '--strict', ...options);
      expect(refused).toMatchObject({ code: 6, out: '' });
      expect(refused.err).toContain('--from zen5 or --from granite-rapids');
    }
    expect(await run('show', of(IN_DOUBT), '--strict', '--from', 'zen4', 'zmm9')).toMatchObject({ code: 0 });
    expect(await run('show', of('rr3573-zen4.bin'), '--strict', 'zmm9')).toMatchObject({ code: 0 });
  });

  test('size and MXCSR_MASK disagree: both are said', async () => {
    const { out } = await run('show', of('asterinas3920-intel-cut2440.bin'));
    expect(out).toContain("for: MXCSR_MASK 0xffff is that of Intel's CPUs");
    expect(out).toContain("for: its components end at the image's 2440 bytes");
    expect(out).toMatch(/9 +PKRU +cut .*in use, ends at 2696, the file at 2440/);
  });
});

test('[D9] a component that was cut off keeps its row', async () => {
  const { out } = await run('show', of('ch7534-truncated.json'));
  expect(out).toMatch(/18 +XTILEDATA +cut +2816 +8192 +cut off: in use, ends at 11008, the file at 4096/);
});
