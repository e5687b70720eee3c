import { expect, test } from 'vitest';
import { type EntryPage, entryWords, keepSecret } from './web-entry.ts';

const TOKEN = 'a'.repeat(43);
const SECRET = 'b'.repeat(43);

const pageWith = (hash: string, kept: Record<string, string> = {}) => {
  const page = {
    hash,
    cleared: 0,
    kept,
    clearHash: () => {
      page.cleared += 1;
    },
    memory: {
      getItem: (name: string) => page.kept[name] ?? null,
      setItem: (name: string, value: string) => {
        page.kept[name] = value;
      },
    },
  };
  return page satisfies EntryPage;
};

test('[C10] the token is taken out of the address and offered once; the secret comes in from then on', () => {
  const page = pageWith(`#${TOKEN}`);
  expect(entryWords(page)).toEqual(['tilescope', `tilescope.token.${TOKEN}`]);
  expect(page.cleared).toBe(1);
  keepSecret(page, SECRET);
  expect(entryWords(pageWith('', page.kept))).toEqual(['tilescope', `tilescope.secret.${SECRET}`]);
  expect(entryWords(pageWith(`#${TOKEN}`, page.kept))).toHaveLength(3);
});

test('[C10] what is no token is not offered, and what is no secret is not kept', () => {
  const page = pageWith('#registers');
  expect(entryWords(page)).toEqual(['tilescope']);
  expect(page.cleared).toBe(0);
  keepSecret(page, 'two words, of which one');
  expect(page.kept).toEqual({});
});

test('[C10] a browser that keeps nothing lets the page work all the same', () => {
  const page: EntryPage = {
    hash: `#${TOKEN}`,
    clearHash: () => undefined,
    memory: {
      getItem: () => {
        throw new Error('SecurityError');
      },
      setItem: () => {
        throw new Error('QuotaExceededError');
      },
    },
  };
  expect(entryWords(page)).toEqual(['tilescope', `tilescope.token.${TOKEN}`]);
  expect(() => keepSecret(page, SECRET)).not.toThrow();
});
