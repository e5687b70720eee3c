import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** Every rule of app/SPEC.md is quoted by the test that proves it, and no test quotes one that is not there. */
const ROOT = join(import.meta.dirname, '..');
const SPEC = readFileSync(join(ROOT, 'app/SPEC.md'), 'utf8');

const filesBelow = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'results' || entry.name === 'obj' ? [] : filesBelow(path);
    return [path];
  });

const PROVES =
  /\.(test|spec)\.tsx?$|^native\/test\/.*\.[ch]$|^main\/(testing|attack|fuzz)\/.*\.(ts|mjs)$|^e2e\/(models|bench)\/.*\.ts$/;

/** What of a file can prove: names and texts. A comment proves nothing, but for the head of a test program in C, which is its name. */
const proofOf = (path: string, text: string): string => {
  const head = path.endsWith('.c') ? (/^\/\*[\s\S]*?\*\//.exec(text)?.[0] ?? '') : '';
  return head + text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[^:'"`])\/\/.*$/gm, '$1');
};
const proofs = ['app', 'main', 'renderer', 'e2e', 'native']
  .flatMap(filesBelow)
  .filter((path) => PROVES.test(path) && path !== 'main/spec.test.ts')
  .map((path) => proofOf(path, readFileSync(join(ROOT, path), 'utf8')));

const RULE = /\[([A-Z]{1,3}\d{1,3})\]/g;
/** Where a rule begins, at the head of an item or of a sentence in one, or is named from another place. */
const rules = new Set([...SPEC.matchAll(/`\[([A-Z]{1,3}\d{1,3})\]`/g)].map(([, rule]) => rule ?? ''));
const quoted = new Set(proofs.flatMap((text) => [...text.matchAll(RULE)].map(([, rule]) => rule ?? '')));

test('every rule is quoted by the test that proves it', () => {
  expect(rules.size).toBeGreaterThan(250);
  expect([...rules].filter((rule) => !quoted.has(rule)).sort()).toEqual([]);
});

test('no test quotes a rule that is not there', () => {
  const families = new Set([...rules].map((rule) => rule.replace(/\d+/, '')));
  const isOne = (rule: string): boolean => families.has(rule.replace(/\d+/, ''));
  expect([...quoted].filter((rule) => isOne(rule) && !rules.has(rule)).sort()).toEqual([]);
});

test('no rule stands twice', () => {
  const heads = [...SPEC.matchAll(/^- `\[([A-Z]{1,3}\d{1,3})\]`/gm)].map(([, rule]) => rule ?? '');
  expect(heads.filter((rule, at) => heads.indexOf(rule) !== at)).toEqual([]);
});

test('the rule itself: what a comment says is no proof', () => {
  expect(proofOf('a.test.ts', "// [A1]\n/** [A2] */\ntest('[A3] x', 'http://[A4]');")).toBe(
    "\n\ntest('[A3] x', 'http://[A4]');",
  );
  expect(proofOf('a.c', '/* [A1] */\n/* [A2] */ rule("[A3]");')).toBe('/* [A1] */\n rule("[A3]");');
});
