import { describe, expect, test } from 'vitest';
import { ACTIONS } from '../../actions/registry.ts';
import { fieldsCalled } from './field-items.ts';
import { matchScore, SYNONYMS } from './match.ts';

describe('[U12] what is typed into the palette', () => {
  test('is found whole, by words in any order, and by letters in order; the nearer comes first', () => {
    const best = (wanted: string): string | undefined =>
      ACTIONS.map(({ title }) => ({ title, score: matchScore(title, wanted) }))
        .filter(({ score }) => score !== null)
        .sort((a, b) => (b.score ?? 0) - (a.score ?? 0))[0]?.title;
    expect([best('reset'), best('end run'), best('rstlay')]).toEqual(['Reset layout', 'Run to end', 'Reset layout']);
    expect(matchScore('Reset layout', 'qqq')).toBeNull();
    // Two letters say too little to be taken apart.
    expect(matchScore('Open file…', 'oe')).toBeNull();
  });

  test('synonyms are those of acts that there are', () => {
    const ids = ACTIONS.map(({ id }) => id);
    expect(Object.keys(SYNONYMS).filter((id) => !ids.includes(id))).toEqual([]);
  });

  test('"rounding" leads to the fields that are about it', () => {
    expect(fieldsCalled('rounding').map(({ path }) => path)).toEqual(['mxcsr.RC', 'fcw.RC']);
    expect(fieldsCalled('paging').map(({ path }) => path)).toContain('cr0.PG');
    expect(fieldsCalled('zz')).toEqual([]);
  });
});
