import { parsePath } from '../../../app/register/path.ts';
import { printTileElement } from '../../../app/tile/tile-type-text.ts';
import { elementOffset } from '../../../app/tile/vnni.ts';
import { memoizePair } from '../base/memoize.ts';
import type { State } from '../state/state.ts';
import type { Base } from '../state/view.ts';
import { shownElement } from '../tiles/tile-edits.ts';
import { selectTileScene, type TileScene } from '../tiles/tile-scenes.ts';
import { inBase } from './bases.ts';

/** Texts by place, row after row. */
export type BasedElements = ReadonlyMap<number, string>;

const NONE: BasedElements = new Map();

/** The elements of a matrix that are written in another base than their own, with 0x or 0b. */
export const basedElements = memoizePair((scene: TileScene, bases: ReadonlyMap<string, Base>): BasedElements => {
  const { tile, reading, matrix } = scene;
  const texts = [...bases].flatMap(([path, base]) => {
    const parsed = parsePath(path);
    if (!parsed.ok || parsed.value.register !== `tmm${tile}`) return [];
    const [row = 0, column = 0] = parsed.value.indexes;
    const isShown =
      row < matrix.rows && column < matrix.columns && path === shownElement(tile, reading, { row, column });
    if (!isShown) return [];
    const offset = elementOffset(matrix.type, matrix.interpretation, { row, column });
    const text = inBase(path, printTileElement(matrix.type, matrix.bytes, offset), base);
    return [[row * matrix.columns + column, text] as const];
  });
  return texts.length === 0 ? NONE : new Map(texts);
});

/** Those of one tile of the stop on screen. */
export const selectBasedElements =
  (tile: number) =>
  (state: State): BasedElements => {
    const scene = selectTileScene(tile)(state);
    return scene === null ? NONE : basedElements(scene, state.bases);
  };
