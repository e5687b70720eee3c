import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** Every rule of app/SPEC.md is quoted by the test that proves it, and no test quotes one that is not there. */
const ROOT = join(import.meta.dirname, '..');
const SPEC = readFileSync(join(ROOT, 'app/SPEC.md'), 'utf8');

/** Rules that no test quotes, each with the reason; the list only shrinks. */
const NOT_PROVEN: Readonly<Record<string, string>> = {
  U5: 'that a mark covers no digit is looked at in the pictures: both are drawn on one canvas',
};

const filesBelow = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'results' || entry.name === 'obj' ? [] : filesBelow(path);
    return [path];
  });

const PROVES =
  /\.(test|spec)\.tsx?$|^native\/test\/.*\.[ch]$|^main\/(testing|attack|fuzz)\/.*\.(ts|mjs)$|^e2e\/(models|bench)\/.*\.ts$/;
const proofs = ['app', 'main', 'renderer', 'e2e', 'native']
  .flatMap(filesBelow)
  .filter((path) => PROVES.test(path) && path !== 'main/spec.test.ts')
  .map((path) => readFileSync(join(ROOT, path), 'utf8'));

const RULE = /\[([A-Z]{1,3}\d{1,3})\]/g;
const rules = new Set([...SPEC.matchAll(/(?:^|\s)`\[([A-Z]{1,3}\d{1,3})\]`/gm)].map(([, rule]) => rule ?? ''));
/** Where a rule begins: at the head of an item, or of a sentence in one. */
const begun = new Set([...SPEC.matchAll(/^- `\[([A-Z]{1,3}\d{1,3})\]`/gm)].map(([, rule]) => rule ?? ''));
const quoted = new Set(proofs.flatMap((text) => [...text.matchAll(RULE)].map(([, rule]) => rule ?? '')));

test('every rule is quoted by the test that proves it', () => {
  expect(begun.size).toBeGreaterThan(250);
  expect([...begun].filter((rule) => !quoted.has(rule)).sort()).toEqual(Object.keys(NOT_PROVEN).sort());
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
