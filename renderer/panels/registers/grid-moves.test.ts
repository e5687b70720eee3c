import { expect, test } from 'vitest';
import { type GridShape, moveInGrid } from './grid-moves.ts';

const ROWS = ['..##..#.', '........', '########'];
const shape: GridShape = {
  rows: 3,
  columns: 8,
  hasValue: ({ row, column }) => ROWS[row]?.[column] === '#',
};

test.each([
  ['right', false, [0, 0], [0, 1]],
  ['right', false, [0, 7], [0, 7]],
  ['up', false, [0, 3], [0, 3]],
  ['down', false, [2, 3], [2, 3]],
  ['right', true, [0, 0], [0, 2]],
  ['right', true, [0, 2], [0, 3]],
  ['right', true, [0, 3], [0, 6]],
  ['right', true, [0, 6], [0, 7]],
  ['right', true, [1, 0], [1, 7]],
  ['left', true, [2, 7], [2, 0]],
  ['down', true, [0, 2], [2, 2]],
  ['row-first', false, [1, 5], [1, 0]],
  ['last', false, [0, 0], [2, 7]],
  ['page-down', false, [0, 4], [2, 4]],
] as const)('%s, to the edge %s, from %j', (command, toEdge, [row, column], to) => {
  expect(moveInGrid(command, toEdge, { row, column }, shape)).toEqual({ row: to[0], column: to[1] });
});

test('other commands do not move', () => {
  expect(moveInGrid('edit', false, { row: 0, column: 0 }, shape)).toBeNull();
});
