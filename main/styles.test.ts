import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The stylesheets are read as text: what stands in them once is what keeps one look in one place. */
const THEME = join(import.meta.dirname, '../renderer/theme');
const SHEETS = readdirSync(THEME).filter((name) => name.endsWith('.css'));
const textOf = (name: string): string => readFileSync(join(THEME, name), 'utf8').replaceAll(/\/\*.*?\*\//gs, '');

interface Rule {
  readonly sheet: string;
  /** The container or media query around it. */
  readonly within: string;
  readonly selector: string;
  readonly declarations: readonly string[];
}

/** Rules of a sheet; frames of an animation are none. A query holds rules, and no query holds another. */
const rulesOf = (sheet: string, text = textOf(sheet), within = ''): Rule[] =>
  [...text.matchAll(/([^{};]+)\{((?:[^{}]|\{[^{}]*\})*)\}/g)].flatMap(([, head = '', body = '']) => {
    const selector = head.trim().replaceAll(/\s+/g, ' ');
    if (selector.startsWith('@keyframes') || selector === '@font-face') return [];
    if (selector.startsWith('@')) return rulesOf(sheet, body, selector);
    const declarations = body.split(';').map((one) => one.trim().replaceAll(/\s+/g, ' '));
    return [{ sheet, within, selector, declarations: declarations.filter((one) => one !== '') }];
  });

const RULES = SHEETS.filter((sheet) => sheet !== 'tokens.css').flatMap((sheet) => rulesOf(sheet));
const say = ({ sheet, selector }: Rule): string => `${sheet}: ${selector}`;

/** Rules of one body, in whatever order its declarations stand. */
const twins = (rules: readonly Rule[], keyOf: (rule: Rule) => string): string[][] => {
  const groups = new Map<string, Rule[]>();
  for (const rule of rules) {
    const key = [keyOf(rule), rule.within, ...[...rule.declarations].sort()].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), rule]);
  }
  return [...groups.values()].filter((group) => group.length > 1).map((group) => group.map(say));
};

/** Tokens of one kind by their size: '8px' is '--s-2'. */
const sizes = (name: string): ReadonlyMap<string, string> =>
  new Map(
    [...textOf('tokens.css').matchAll(new RegExp(`(--${name}-\\w+): (\\d+px)`, 'g'))].map((m) => [
      m[2] ?? '',
      m[1] ?? '',
    ]),
  );

const rawSizes = (rules: readonly Rule[], property: RegExp, tokens: ReadonlyMap<string, string>): string[] =>
  rules.flatMap((rule) =>
    rule.declarations
      .filter((one) => property.test(one))
      .flatMap((one) => [...one.matchAll(/(?<![\w.-])\d+px\b/g)].map(([size]) => ({ one, token: tokens.get(size) })))
      .filter(({ token }) => token !== undefined)
      .map(({ one, token }) => `${say(rule)} { ${one} }: ${token}`),
  );

const SPACE = /^(padding|margin|gap|row-gap|column-gap)\b/;
const RADIUS = /^border-([a-z]+-)*radius:/;

describe('[C30] stylesheets', () => {
  test('there are rules to look at', () => {
    expect(RULES.length).toBeGreaterThan(500);
    expect(sizes('s').get('8px')).toBe('--s-2');
    expect(sizes('r').get('4px')).toBe('--r-ctl');
    expect(sizes('fs').get('11px')).toBe('--fs-small');
  });

  // One declaration is a word, which may be said again in another sheet; two make a look, which has one place.
  test('no body of several declarations stands twice', () => {
    expect(
      twins(
        RULES.filter(({ declarations }) => declarations.length > 1),
        () => '',
      ),
    ).toEqual([]);
  });

  test('in one sheet no body stands twice', () => {
    expect(twins(RULES, ({ sheet }) => sheet)).toEqual([]);
  });

  test('a size that a token has is said by the token', () => {
    expect(rawSizes(RULES, SPACE, sizes('s'))).toEqual([]);
    expect(rawSizes(RULES, RADIUS, sizes('r'))).toEqual([]);
    expect(
      RULES.filter(({ declarations }) => declarations.some((one) => /^font(-size)?: [^/]*\dpx/.test(one))).map(say),
    ).toEqual([]);
  });

  test('what a mark looks like stands in marks.css alone', () => {
    const MARK = /\.(is-)?(changed|staged|written|refused|attention)(?![\w-])/;
    const coloured = RULES.filter(
      ({ sheet, selector, declarations }) =>
        sheet !== 'marks.css' && MARK.test(selector) && declarations.some((one) => one.includes('var(--state-')),
    );
    expect(coloured.map(say)).toEqual([]);
  });

  test('the rules themselves', () => {
    const rule = (selector: string, ...declarations: string[]): Rule => ({
      sheet: 'a.css',
      within: '',
      selector,
      declarations,
    });
    expect(twins([rule('.a', 'b: c', 'd: e'), rule('.f', 'd: e', 'b: c')], () => '')).toEqual([
      ['a.css: .a', 'a.css: .f'],
    ]);
    expect(rawSizes([rule('.a', 'padding: 0 8px'), rule('.b', 'margin: -8px 7px')], SPACE, sizes('s'))).toEqual([
      'a.css: .a { padding: 0 8px }: --s-2',
    ]);
    expect(
      rulesOf('a.css', '@media (x) {\n  .a {\n    b: c;\n  }\n  .d {\n    e: f;\n  }\n}\n.g {\n  h: i;\n}').map(say),
    ).toEqual(['a.css: .a', 'a.css: .d', 'a.css: .g']);
  });
});
