import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/**
 * Every export says what it is: units, limits, when it is null, when it refuses. Patterns are used instead of a parser, for
 * the formatter lays every declaration out alike.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));

const filesBelow = (folder: string, wanted: RegExp, unwanted: RegExp): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name}`)
    .filter((path) => wanted.test(path) && !unwanted.test(path));

interface Declaration {
  readonly kind: string;
  readonly name: string;
  /** From its first line to its last. */
  readonly text: string;
}

/** What needs no words of its own, each with the reason. */
const SAYS_ITSELF: readonly ((one: Declaration) => boolean)[] = [
  // An expression of one line, or of two, is shorter than what could be said of it.
  ({ kind, text }) => kind === 'const' && /^export const \w+ = (async )?(<[^>]*>)?\(/.test(text) && isShort(text),
  ({ kind, text }) => kind === 'type' && !text.includes('\n'),
  // A text or a table of one line is there to be read; a bare number is not.
  ({ kind, text }) => kind === 'const' && !text.includes('\n') && !/= -?[\d(]/.test(text),
  // A number whose name ends in its unit.
  ({ kind, name }) => kind === 'const' && /_(BYTES|MS|PX|OFFSET|HZ|BIT)$/.test(name),
  // Its type is named, and says what all of its kind are.
  ({ kind, text }) =>
    kind === 'const' && /^export const \w+: (?!number\b)[^=]+ = /.test(text) && !/^.*=> \{?\n/.test(text),
  // The interface says it field by field.
  ({ kind, text }) => kind === 'interface' && /\n\s+(\/\*\*|\/\/)/.test(text),
  // A maker: what it makes is said at the interface of the same name.
  ({ kind, name }) => kind === 'const' && /^create[A-Z]/.test(name),
  ({ name }) => /Slice$/.test(name),
  // A struct of the wire, which native/wire/protocol.h describes.
  ({ kind, text }) => kind === 'const' && /^export const \w+ = struct\('/.test(text),
];

const isShort = (text: string): boolean => text.split('\n').length <= 2 && !/=> \{/.test(text);

const DECLARATION =
  /^export (?:declare )?(?:abstract )?(?:async )?(?<kind>const|function\*?|type|interface|class|enum) (?<name>\w+)/;

/** Exports without a docstring, as "path:line name". */
const withoutWords = (path: string, source: string): string[] => {
  const lines = source.split('\n');
  return lines.flatMap((line, at) => {
    const { kind = '', name = '' } = DECLARATION.exec(line)?.groups ?? {};
    if (name === '') return [];
    let above = at - 1;
    while (lines[above]?.startsWith('// biome-ignore') === true) above -= 1;
    if (lines[above]?.endsWith('*/') === true) return [];
    let last = at;
    while (last + 1 < lines.length && /^(?:\s|[})\]])/.test(lines[last + 1] ?? '')) last += 1;
    const one = { kind, name, text: lines.slice(at, last + 1).join('\n') };
    return SAYS_ITSELF.some((says) => says(one)) ? [] : [`${path}:${at + 1} ${name}`];
  });
};

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Declarations of functions in a header, each in a paragraph without a comment before it. */
const withoutComment = (path: string): string[] =>
  read(path)
    .split(/\n\s*\n/)
    .flatMap((paragraph) =>
      [...paragraph.matchAll(/^[a-z][\w *]*?\b(\w+)\([^;{]*\);(.*)$/gm)].flatMap(({ index, 1: name, 2: rest }) =>
        paragraph.slice(0, index).includes('/*') || rest?.includes('/*') === true ? [] : [`${path} ${name}`],
      ),
    );

describe('[C30] what is exported says what it is', () => {
  const NOT_PRODUCT = /\.(test|bench)\.|\.config\.|\/(testing|testdata|fixtures)\/|^main\/(fuzz|attack|pack)\//;

  test.each(['app', 'main', 'renderer/store'])('every export of %s', (room) => {
    const files = filesBelow(room, /\.(ts|tsx|mjs)$/, NOT_PRODUCT);
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap((path) => withoutWords(path, read(path)))).toEqual([]);
  });

  test('every function that a header of the helper declares', () => {
    const headers = filesBelow('native', /\.h$/, /\/test\//);
    expect(headers.length).toBeGreaterThan(10);
    expect(headers.flatMap(withoutComment)).toEqual([]);
  });

  test('an export without words is found, and one that says itself is not', () => {
    const source = [
      'export const MOST = 4;',
      'export const MOST_BYTES = 4;',
      'export const half = (n: number): number => n / 2;',
      '/** Said. */',
      'export const said = () => {',
      '};',
      'export const silent = (n: number): number => {',
      '  return n;',
      '};',
      'export interface Bare {',
      '  readonly n: number;',
      '}',
    ].join('\n');
    expect(withoutWords('x.ts', source)).toEqual(['x.ts:1 MOST', 'x.ts:7 silent', 'x.ts:10 Bare']);
  });
});
