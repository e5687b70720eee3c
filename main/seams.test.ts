import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** What is opened to add one more of a thing: README's table, held to what it says. */
const ROOT = join(import.meta.dirname, '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const TABLE = README.slice(README.indexOf('To add one, open:'), README.indexOf('Who may import what'));

/** Source files that a row names, by the thing; what the row says is written by a command is not opened. */
const opened = new Map(
  [...TABLE.matchAll(/^\| ([a-z ]+) \| (.*) \|$/gm)].map(([, thing = '', text = '']) => {
    const byHand = text.replaceAll(/`[^`]+` is written from.*/g, '');
    const named = [...byHand.matchAll(/`((?:app|main|native|renderer)\/[\w./-]+)`/g)].map(([, path = '']) => path);
    const folder = named.find((path) => !/\.\w+$/.test(path));
    const beside = [...byHand.matchAll(/`([a-z-]+\.ts)`/g)].map(([, name]) => `${folder}/${name}`);
    return [thing, [...named, ...beside]];
  }),
);

describe('[C30] what is opened to add one more', () => {
  test.each([
    ['component', 4],
    ['injected call', 2],
    ['key', 1],
    ['refusal', 3],
    ['file format', 3],
  ])('%s: at most %d files, each of them there', (thing, most) => {
    const files = opened.get(thing) ?? [];
    expect(files.length).toBeGreaterThan(0);
    expect(files.length).toBeLessThanOrEqual(most);
    expect(files.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('a component with registers is one row and its register file, and is then named, found, read and edited', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-component-'));
    try {
      cpSync(join(ROOT, 'app'), join(folder, 'app'), { recursive: true, filter: (path) => !path.endsWith('.test.ts') });
      cpSync(join(ROOT, 'tsconfig.json'), join(folder, 'tsconfig.json'));
      const table = join(folder, 'app/xsave/components.ts');
      const lines = readFileSync(table, 'utf8').split('\n');
      const insert = (before: RegExp, row: string): void => {
        lines.splice(
          lines.findIndex((line) => before.test(line)),
          0,
          row,
        );
      };
      insert(
        /^\} as const satisfies Readonly<Record<string, FileRow>>;/,
        "probe: { panel: null, views: views(['probe', 64]), numbers: { first: 2, count: 2 } },",
      );
      insert(
        /^ {2}user\(62, /,
        "user(40, 'PROBE', 16, 'legacy-other', 'probe2 and probe3', file('probe', 2, 2, 8, 64)),",
      );
      writeFileSync(table, lines.join('\n'));
      const load = async (path: string): Promise<Record<string, CallableFunction>> => import(join(folder, 'app', path));
      const { componentLabel } = await load('xsave/components.ts');
      const { drawImage } = await load('fixtures/draw.ts');
      const { sampleCapture } = await load('fixtures/samples.ts');
      const { parsePath } = await load('register/path.ts');
      const { showText } = await load('register/read.ts');
      const { stageAssignments, captureAfter } = await load('edit/assign.ts');
      expect(componentLabel?.(40)).toBe('PROBE');
      const image = drawImage?.('standard  bv: x87 sse probe\nprobe @576  01 00 00 00 00 00 00 00  02 00 …');
      const capture = { ...sampleCapture?.(), image };
      const path = parsePath?.('probe3').value;
      expect(showText?.(capture, path)).toBe('0x0000000000000002');
      const write = stageAssignments?.(capture, [{ path: 'probe3', value: '0x77' }]);
      expect(showText?.(captureAfter?.(capture, write.value), path)).toBe('0x0000000000000077');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test('why an act cannot be done is said in one place: no other has the words', () => {
  const owner = 'renderer/store/base/availability.ts';
  const sentences = [...readFileSync(join(ROOT, owner), 'utf8').matchAll(/^export const [A-Z_]+ = '(.+)';$/gm)];
  expect(sentences.length).toBeGreaterThan(5);
  const others = readdirSync(join(ROOT, 'renderer'), { recursive: true, encoding: 'utf8' })
    .map((name) => join('renderer', name))
    .filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name) && name !== owner)
    .flatMap((name) => {
      const text = readFileSync(join(ROOT, name), 'utf8');
      return sentences.filter(([, words]) => text.includes(`'${words}'`)).map(([, words]) => `${name}: ${words}`);
    });
  expect(others).toEqual([]);
});
