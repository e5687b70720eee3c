import { expect, test } from 'vitest';
import type { CodeView } from '../../../app/bridge.ts';
import type { State } from '../state/state.ts';
import { selectNextUse } from './next-use.ts';

const code = (reads: readonly string[], writes: readonly string[]) =>
  ({
    lines: [
      { next: false, reads: ['rdi'], writes: ['rdi'] },
      { next: true, reads, writes },
    ],
  }) as unknown as CodeView;
const state = (view: CodeView, at = 0): State =>
  ({
    at,
    stops: [{ number: 1 }, { number: 2 }].slice(0, 1 + (at === 0 ? 0 : 1)),
    session: { id: 's' },
    code: { session: 's', stop: at + 1, view },
  }) as unknown as State;

test.each([
  [['ecx'], [], 'rcx', 'reads'],
  [['r10'], ['r10d'], 'r10', 'reads and writes'],
  [['dil', 'ah'], [], 'rdi', 'reads'],
  [['dil', 'ah'], [], 'rax', 'reads'],
  [['zmm3'], ['xmm16'], 'ymm3', 'reads'],
  [['zmm3'], ['xmm16'], 'zmm16', 'writes'],
  [['k1'], ['tmm4'], 'tmm4', 'writes'],
  [['k1'], ['tmm4'], 'k1', 'reads'],
  [['k1'], ['tmm4'], 'tmm1', null],
  // What another instruction does is not the next one's.
  [['rax'], [], 'rdi', null],
] as const)('[DA5] of an instruction that reads %j and writes %j, %s: %s', (reads, writes, register, use) => {
  expect(selectNextUse(register)(state(code(reads, writes)))).toBe(use);
});

test('[DA5] at an earlier stop nothing is next', () => {
  const now = state(code(['rax'], []), 1);
  expect(selectNextUse('rax')(now)).toBe('reads');
  expect(selectNextUse('rax')({ ...now, at: 0 })).toBeNull();
});
