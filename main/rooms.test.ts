import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/**
 * The walls between the rooms: every import of every file is read, and one that is not on its room's row fails. Patterns are
 * used instead of a parser, for imports stand at the head of a line here, as the formatter leaves them.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ROOMS = ['app', 'main', 'renderer', 'e2e'] as const;
const MAX_LINES = 400;

/** Files above MAX_LINES that are to shrink; nothing is ever added. */
const LONG_FILES: readonly string[] = [];

type Room = (typeof ROOMS)[number];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const filesBelow = (folder: string, wanted: RegExp): string[] =>
  !existsSync(join(ROOT, folder))
    ? []
    : readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
        const path = `${folder}/${entry.name}`;
        if (entry.isDirectory())
          return entry.name === 'results' || entry.name === 'obj' ? [] : filesBelow(path, wanted);
        return wanted.test(entry.name) ? [path] : [];
      });

const isTest = (path: string): boolean => /\.(test|spec|bench)\.tsx?$|\/(testing|testdata)\//.test(path);

/** `import`, `export … from`, `import()`, vi.mock() aside; and stylesheets, which are files of the room as well. */
const IMPORT =
  /^\s*(?:import|export)\s+(type\s+)?(?:[^'"();]*?\s+from\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;

const importsOf = (path: string): Import[] =>
  [...readFileSync(join(ROOT, path), 'utf8').matchAll(IMPORT)].map((match) => {
    const text = match[2] ?? match[3] ?? '';
    const to = text.startsWith('.') ? normalize(join(dirname(path), text)) : text;
    return { from: path, to, typeOnly: match[1] !== undefined };
  });

const sources = ROOMS.flatMap((room) => filesBelow(room, /\.(ts|tsx|mjs)$/)).filter((path) => !path.endsWith('.d.ts'));
const imports = sources.flatMap(importsOf);
const roomOf = (path: string): string => path.split('/')[0] ?? '';
const isLocal = ({ to }: Import): boolean => ROOMS.some((room) => to.startsWith(`${room}/`)) || to.startsWith('..');

const NODE = /^node:/;
const TESTING = /^(vitest|fast-check)$/;
const BUILDING = /^(vite|vitest\/config|@vitejs\/plugin-react)$/;

/** What each room may import from outside of it, besides itself. */
const MAY: Readonly<
  Record<Room, { rooms: readonly string[]; packages: readonly RegExp[]; inTests: readonly RegExp[] }>
> = {
  app: { rooms: [], packages: [], inTests: [TESTING, NODE] },
  main: {
    rooms: ['app'],
    packages: [NODE, /^electron$/, /^ws$/, /^xz-decompress$/, /^zstddec$/, /^iced-x86$/],
    inTests: [TESTING, BUILDING, /^@electron\/asar$/],
  },
  renderer: {
    rooms: ['app'],
    packages: [/^react(-dom|-resizable-panels)?(\/.*)?$/, /^zustand(\/.*)?$/],
    inTests: [TESTING, NODE],
  },
  e2e: { rooms: ['app'], packages: [NODE, /^playwright(\/test)?$/, /^@electron\/asar$/], inTests: [] },
};

const isTooling = (path: string): boolean =>
  isTest(path) || /\.config\.ts$/.test(path) || /\/testing\//.test(path) || path.startsWith('main/pack/');

const forbidden = (one: Import): boolean => {
  const room = roomOf(one.from) as Room;
  const { rooms, packages, inTests } = MAY[room];
  if (isLocal(one)) return roomOf(one.to) !== room && !rooms.includes(roomOf(one.to));
  const allowed = isTooling(one.from) ? [...packages, ...inTests] : packages;
  return !allowed.some((pattern) => pattern.test(one.to));
};

/**
 * Inside app/, a folder sees what stands to its left. `formats` are files of others, read into captures and written from
 * them.
 */
const SEES: Readonly<Record<string, readonly string[]>> = {
  bits: [],
  value: ['bits'],
  cpu: ['bits'],
  // What travels: an image with its layout, a capture with its facts. Types alone.
  capture: ['cpu'],
  xsave: ['bits', 'cpu', 'capture'],
  tile: ['bits', 'value', 'cpu', 'capture', 'xsave'],
  register: ['bits', 'value', 'cpu', 'capture', 'xsave', 'tile'],
  edit: ['bits', 'value', 'cpu', 'capture', 'xsave', 'tile', 'register'],
  diff: ['bits', 'value', 'cpu', 'capture', 'xsave', 'tile', 'register'],
  session: ['bits', 'value', 'cpu', 'capture', 'xsave', 'tile', 'register', 'edit'],
  wire: ['bits', 'cpu', 'capture', 'xsave', 'session'],
  refusals: ['bits', 'xsave', 'wire'],
  memory: ['bits', 'capture', 'refusals'],
  // Machine code and the names of its addresses.
  disas: ['bits', 'cpu'],
  // The model guest: a CPU and KVM's rules around it, in front of the bytes that the others read.
  model: ['bits', 'value', 'cpu', 'capture', 'xsave', 'tile', 'register', 'session', 'refusals'],
  compat: ['bits', 'cpu', 'capture', 'xsave'],
  formats: ['bits', 'value', 'cpu', 'capture', 'xsave', 'tile', 'register', 'edit', 'session'],
  debug: [
    'bits',
    'value',
    'cpu',
    'capture',
    'xsave',
    'tile',
    'register',
    'edit',
    'diff',
    'session',
    'wire',
    'refusals',
    'memory',
    'disas',
    'model',
  ],
};

const folderOf = (path: string): string => (path.split('/').length > 2 ? (path.split('/')[1] ?? '') : '');

const againstTheArrows = ({ from, to }: Import): boolean => {
  const [here, there] = [folderOf(from), folderOf(to)];
  if (here === '' || here === there || here === 'fixtures') return false;
  // Tests draw their input with fixtures, which stand above everything.
  if (isTest(from)) return false;
  return !(SEES[here] ?? []).includes(there);
};

/** Files of which each reaches the other by imports, a circle a list; types are no way out. */
const circlesOf = (files: readonly string[], edges: readonly Import[]): string[][] => {
  const to = new Map<string, string[]>(files.map((path) => [path, []]));
  for (const edge of edges) if (to.has(edge.to)) to.get(edge.from)?.push(edge.to);
  // Tarjan, "Depth-first search and linear graph algorithms", 1972.
  const order = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (path: string): number => {
    const at = order.size;
    order.set(path, at);
    stack.push(path);
    let low = at;
    for (const next of to.get(path) ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (stack.includes(next)) low = Math.min(low, order.get(next) ?? low);
    }
    if (low === at) {
      const circle = stack.splice(stack.indexOf(path));
      if (circle.length > 1 || (to.get(path) ?? []).includes(path)) found.push(circle.sort());
    }
    return low;
  };
  for (const path of files) if (!order.has(path)) visit(path);
  return found;
};

/** What each folder of the helper includes besides its own headers; its tests and the demo VMM see all of it. */
const HELPER_SEES: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  host: ['wire'],
  proc: ['wire', 'host'],
  inject: ['wire', 'host', 'proc'],
  vcpu: ['wire', 'host', 'proc', 'inject'],
};

const headers = filesBelow('native', /\.h$/);

/** The file that `#include "name"` means in this one: one beside it, or the one header of that name. */
const included = (from: string, name: string): string | null => {
  const beside = normalize(join(dirname(from), name));
  if (headers.includes(beside)) return beside;
  const called = headers.filter((path) => path.endsWith(`/${name}`) && !name.includes('/'));
  return called.length === 1 ? (called[0] ?? null) : null;
};

/** What runs without being imported: entries, tests, tools' configuration. */
const ENTRIES = [
  'main/bootstrap.mjs',
  'main/tilescope.mjs',
  'main/hosts/electron/electron.ts',
  'main/hosts/web/web.ts',
  'main/hosts/cli/cli.ts',
  'main/hosts/electron/preload.ts',
  'main/services/decode-worker.ts',
  'main/attack/run.ts',
  'main/fuzz/run.ts',
  'main/testing/fake-helper.mjs',
  'main/pack/electron-builder.mjs',
  'renderer/main.tsx',
  'e2e/electron/launch.ts',
  'e2e/electron/electron.ts',
  'e2e/electron/hooks.ts',
];

const say = (one: Import): string => `${one.from} → ${one.to}`;

describe('[C30] the walls between the rooms', () => {
  test('there is something to read', () => {
    for (const room of ['app', 'main', 'renderer'])
      expect(sources.filter((path) => roomOf(path) === room).length).toBeGreaterThan(10);
    expect(imports.length).toBeGreaterThan(sources.length);
  });

  test('no import leaves its room but by its row', () => {
    expect(imports.filter(forbidden).map(say)).toEqual([]);
  });

  test('inside app/ imports follow the arrows', () => {
    const inside = imports.filter((one) => roomOf(one.from) === 'app' && roomOf(one.to) === 'app');
    expect(inside.filter(againstTheArrows).map(say)).toEqual([]);
    const known = new Set([...Object.keys(SEES), 'fixtures', '']);
    expect(inside.map((one) => folderOf(one.from)).filter((folder) => !known.has(folder))).toEqual([]);
  });

  test('the arrows inside app/ form no circle', () => {
    const edges = Object.entries(SEES).flatMap(([from, seen]) => seen.map((to) => ({ from, to, typeOnly: true })));
    expect(circlesOf(Object.keys(SEES), edges)).toEqual([]);
  });

  test('relative imports name a file that is there', () => {
    const lost = imports.filter((one) => isLocal(one) && !/\?/.test(one.to) && !existsSync(join(ROOT, one.to)));
    expect(lost.filter((one) => !one.to.startsWith('dist/')).map(say)).toEqual([]);
  });

  test('no file is an orphan', () => {
    const wanted = new Set(imports.map((one) => one.to));
    const orphans = sources.filter(
      (path) => !wanted.has(path) && !ENTRIES.includes(path) && !isTest(path) && !/\.config\.ts$/.test(path),
    );
    expect(orphans).toEqual([]);
    expect(ENTRIES.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('no circle of files, types included', () => {
    expect(circlesOf(sources, imports)).toEqual([]);
  });

  /** Folders by their depth: in each, what stands in it (a folder of it, or a file of its own) reaches itself by no import. */
  const places = [
    ...new Set(sources.flatMap((path) => path.split('/').map((_, at, parts) => parts.slice(0, at).join('/')))),
  ];

  test('no circle of folders, nor of a folder and the files beside it, at any depth, types included', () => {
    const circles = places
      .filter((place) => place !== '')
      .flatMap((place) => {
        const depth = place.split('/').length + 1;
        const part = (path: string): string => path.split('/').slice(0, depth).join('/');
        const edges = imports
          .filter(({ from, to }) => [from, to].every((path) => path.startsWith(`${place}/`)) && !isTest(from))
          .map(({ from, to }) => ({ from: part(from), to: part(to), typeOnly: true }))
          .filter(({ from, to }) => from !== to);
        return circlesOf([...new Set(edges.flatMap(({ from, to }) => [from, to]))], edges);
      });
    expect(places).toContain('renderer/store');
    expect(circles).toEqual([]);
  });

  test('the rule itself: circles', () => {
    const edge = (from: string, to: string): Import => ({ from, to, typeOnly: true });
    const files = ['a', 'b', 'c', 'd', 'e'];
    expect(circlesOf(files, [edge('a', 'b'), edge('b', 'c'), edge('c', 'd'), edge('a', 'd')])).toEqual([]);
    expect(circlesOf(files, [edge('a', 'b'), edge('b', 'c'), edge('c', 'a'), edge('c', 'd'), edge('e', 'e')])).toEqual([
      ['a', 'b', 'c'],
      ['e'],
    ]);
  });

  test(`no file has more than ${MAX_LINES} lines`, () => {
    const linesOf = (path: string): number => readFileSync(join(ROOT, path), 'utf8').split('\n').length - 1;
    const all = [...sources, ...filesBelow('native', /\.[ch]$/), ...filesBelow('renderer', /\.css$/)];
    const long = all.filter((path) => linesOf(path) > MAX_LINES && path !== 'renderer/theme/tokens.css');
    // An entry that is no longer needed fails as well: the list only shrinks.
    expect(long.sort()).toEqual([...LONG_FILES].sort());
  });

  test('native/ includes its own files, libc and the kernel, and nothing else', () => {
    const wrong = filesBelow('native', /\.[ch]$/).flatMap((path) =>
      [...readFileSync(join(ROOT, path), 'utf8').matchAll(/^\s*#\s*include\s*([<"])([^>"]+)[>"]/gm)]
        .filter(([, mark, name]) => {
          if (mark === '"') {
            return included(path, name ?? '') === null;
          }
          return !/^(linux|asm|asm-generic|sys|x86_64-linux-gnu)\/|^[a-z0-9_]+\.h$/.test(name ?? '');
        })
        .map(([line]) => `${path}: ${line}`),
    );
    expect(wrong).toEqual([]);
  });

  test('inside native/ includes follow the arrows, and the arrows form no circle', () => {
    const against = Object.entries(HELPER_SEES).flatMap(([folder, seen]) =>
      filesBelow(`native/${folder}`, /\.[ch]$/).flatMap((path) =>
        [...readFileSync(join(ROOT, path), 'utf8').matchAll(/^\s*#\s*include\s*"([^"]+)"/gm)]
          .map(([, name]) => included(path, name ?? '')?.split('/')[1] ?? '')
          .filter((there) => there !== folder && !seen.includes(there))
          .map((there) => `${path} → ${there}`),
      ),
    );
    expect(against).toEqual([]);
    const edges = Object.entries(HELPER_SEES).flatMap(([from, seen]) =>
      seen.map((to) => ({ from, to, typeOnly: true })),
    );
    expect(circlesOf(Object.keys(HELPER_SEES), edges)).toEqual([]);
    expect(filesBelow('native', /\.c$/).filter((path) => path.split('/').length === 2)).toEqual(['native/main.c']);
  });

  test.each([
    ['app/bits/mask.ts', 'app/xsave/layout.ts', true],
    ['app/xsave/facts.ts', 'app/capture/capture.ts', false],
    ['app/capture/capture.ts', 'app/xsave/facts.ts', true],
    ['app/xsave/facts.ts', 'app/bridge.ts', true],
    ['app/tile/config.ts', 'app/value/print.ts', false],
    ['app/wire/messages.ts', 'app/edit/patch.ts', true],
  ])('the rule itself: %s → %s', (from, to, fails) => {
    expect(againstTheArrows({ from, to, typeOnly: true })).toBe(fails);
  });

  test.each([
    ['renderer/store/x.ts', 'node:fs', true],
    ['renderer/store/x.ts', 'main/helper/helper.ts', true],
    ['renderer/store/x.ts', 'app/bridge.ts', false],
    ['app/bits/x.ts', 'node:fs', true],
    ['app/bits/x.test.ts', 'fast-check', false],
    ['main/x.ts', 'renderer/main.tsx', true],
    ['main/x.ts', 'react', true],
    ['e2e/x.spec.ts', 'main/helper/helper.ts', true],
  ])('the rule itself: %s → %s', (from, to, fails) => {
    expect(forbidden({ from, to, typeOnly: false })).toBe(fails);
  });
});
