import { expect, test } from 'vitest';
import { type GridShape, moveInGrid } from './grid-moves.ts';

const ROWS = ['..##..#.', '........', '########'];
const shape: GridShape = {
  rows: 3,
  columns: 8,
  hasValue: ({ row, column }) => ROWS[row]?.[column] === '#',
};

test.each([
  ['ArrowRight', false, [0, 0], [0, 1]],
  ['ArrowRight', false, [0, 7], [0, 7]],
  ['ArrowUp', false, [0, 3], [0, 3]],
  ['ArrowDown', false, [2, 3], [2, 3]],
  ['ArrowRight', true, [0, 0], [0, 2]],
  ['ArrowRight', true, [0, 2], [0, 3]],
  ['ArrowRight', true, [0, 3], [0, 6]],
  ['ArrowRight', true, [0, 6], [0, 7]],
  ['ArrowRight', true, [1, 0], [1, 7]],
  ['ArrowLeft', true, [2, 7], [2, 0]],
  ['ArrowDown', true, [0, 2], [2, 2]],
  ['Home', false, [1, 5], [1, 0]],
  ['End', true, [0, 0], [2, 7]],
  ['PageDown', false, [0, 4], [2, 4]],
] as const)('%s, Ctrl %s, from %j', (key, ctrl, [row, column], to) => {
  expect(moveInGrid(key, ctrl, { row, column }, shape)).toEqual({ row: to[0], column: to[1] });
});

test('other keys do not move', () => {
  expect(moveInGrid('Enter', false, { row: 0, column: 0 }, shape)).toBeNull();
});
