import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { matrixStatistics, matrixValues, tileMatrix } from '../../../app/tile/matrix.ts';
import type { TileType } from '../../../app/tile/tile-type.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';
import { drawTile } from './draw-tile.ts';
import { fixedGeometry } from './tile-geometry.ts';

/** What is drawn, as places. No pixel is: fonts are the browser's. */

interface Place {
  readonly x: number;
  readonly y: number;
}

/** Of the project's monospaced font: a digit's advance and half its height, in parts of its size. */
const [ADVANCE_EM, HALF_DIGIT_EM] = [0.6, 0.365];
const STEP_PX = 0.5;
const MARKS = ['changed', 'staged', 'refused', 'written'] as const;
const COLOURS = ['state-changed', 'state-staged', 'state-refused', 'state-verified'];

/** Places along a line, half its width to each side. */
const along = (from: Place, to: Place, widthPx: number): Place[] => {
  const count = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / STEP_PX));
  const half = widthPx / 2;
  return Array.from({ length: count + 1 }, (_, at) => at / count).flatMap((share) => {
    const [x, y] = [from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share];
    return [-half, half].flatMap((dx) => [-half, half].map((dy) => ({ x: x + dx, y: y + dy })));
  });
};

const recorder = () => {
  const marked: Place[] = [];
  const texts: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number }[] = [];
  let path: Place[] = [];
  const context = {
    ...{ fillStyle: '', strokeStyle: '', lineWidth: 1, font: '', textAlign: '', textBaseline: '' },
    ...{ imageSmoothingEnabled: false, setTransform: () => undefined, createPattern: () => null },
    measureText: (text: string) => ({
      width: text.length * ADVANCE_EM * Number(/ ([\d.]+)px/.exec(context.font)?.[1]),
    }),
    beginPath: () => {
      path = [];
    },
    moveTo: (x: number, y: number) => path.push({ x, y }),
    lineTo: (x: number, y: number) => path.push({ x, y }),
    fill: () => lines([...path, ...path.slice(0, 1)], 0),
    stroke: () => lines(path, context.lineWidth),
    fillRect: (x: number, y: number, width: number, height: number) => {
      if (!COLOURS.includes(context.fillStyle)) return;
      for (let down = 0; down <= height; down += STEP_PX)
        marked.push(...along({ x, y: y + down }, { x: x + width, y: y + down }, 0));
    },
    strokeRect: (x: number, y: number, width: number, height: number) => {
      if (!COLOURS.includes(context.strokeStyle)) return;
      const corners = [
        { x, y },
        { x: x + width, y },
        { x: x + width, y: y + height },
        { x, y: y + height },
      ];
      lines([...corners, ...corners.slice(0, 1)], context.lineWidth);
    },
    fillText: (text: string, right: number, middle: number) => {
      const half = HALF_DIGIT_EM * Number(/ ([\d.]+)px/.exec(context.font)?.[1]);
      const { width } = context.measureText(text);
      texts.push({ left: right - width, right, top: middle - half, bottom: middle + half });
    },
  };
  const lines = (places: readonly Place[], widthPx: number): void => {
    for (const [at, to] of places.entries()) {
      const from = places[at - 1];
      if (from !== undefined) marked.push(...along(from, to, widthPx));
    }
  };
  return { context, marked, texts };
};

beforeAll(() => {
  vi.stubGlobal('document', { createElement: () => ({ getContext: () => null }), documentElement: {} });
  vi.stubGlobal('window', { devicePixelRatio: 1 });
});
afterAll(() => vi.unstubAllGlobals());

const sceneOf = (type: TileType, mark: (typeof MARKS)[number] | 'none'): TileScene => {
  const bytes = Uint8Array.from({ length: 1024 }, (_, at) => (at * 37) & 0xff);
  const extent = { rows: 2, colsb: 8 };
  const matrix = tileMatrix(bytes, extent, type, 'stored');
  return {
    ...{ tile: 0, reading: { type, interpretation: 'stored' }, extent, matrix, values: matrixValues(matrix) },
    ...{ statistics: matrixStatistics(matrix), outside: [] },
    marks: Array.from({ length: matrix.rows * matrix.columns }, () => mark),
  };
};

/** Every cell that a view may have: 20 to 27 px high, and as wide as from the least with numbers on. */
const SIZES = [20, 22, 27].flatMap((rowPx) => [26, 34, 39, 40, 44, 50, 60, 72].map((cellPx) => ({ cellPx, rowPx })));

test.each(MARKS.flatMap((mark) => (['i8', 'bf16', 'i32', 'f32'] as const).map((type) => [mark, type] as const)))(
  '[U5] the mark “%s” covers no digit of %s, however wide and high its cell',
  (mark, type) => {
    let seen = 0;
    for (const { cellPx, rowPx } of SIZES) {
      const scene = sceneOf(type, mark);
      const { context, marked, texts } = recorder();
      const geometry = fixedGeometry(scene, 'numbers', cellPx, rowPx);
      const colours = {
        diverging: { fill: [], text: [] },
        sequential: { fill: [], text: [] },
        token: (name: string) => name,
      };
      drawTile({ getContext: () => context } as unknown as HTMLCanvasElement, {
        ...{ scene, geometry, look: 'numbers', scaleEnd: 1, differences: [], based: new Map(), colours },
      });
      // Heat alone has no marks of the guest's.
      if (geometry.notation === null) continue;
      expect(marked.length).toBeGreaterThan(0);
      expect(texts).toHaveLength(scene.matrix.rows * scene.matrix.columns);
      seen += texts.length;
      const covered = texts.filter(({ left, right, top, bottom }) =>
        marked.some(({ x, y }) => x > left && x < right && y > top && y < bottom),
      );
      expect(covered, `${type}, ${cellPx}×${rowPx} px`).toEqual([]);
    }
    expect(seen).toBeGreaterThan(0);
  },
);

test.each([
  ['i32', '0xfffffff4', 34, 2],
  ['i32', '0xfffffff4', 30, 2],
  // One line holds it, or two do not.
  ['i32', '0xfffffff4', 72, 1],
  ['i32', '0xfffffff4', 26, 0],
  ['i8', '0b1100_1000', 34, 2],
  ['i8', '0xc8', 34, 1],
] as const)('[U15] of %s, %s in a cell of %i px stands in so many lines: %i', (type, text, cellPx, count) => {
  for (const rowPx of [20, 27]) {
    const drawn = (based: ReadonlyMap<number, string>) => {
      const scene = sceneOf(type, 'none');
      const { context, texts } = recorder();
      const geometry = fixedGeometry(scene, 'both', cellPx, rowPx);
      const scale = { fill: [], text: [] };
      const colours = { diverging: scale, sequential: scale, token: (name: string) => name };
      drawTile({ getContext: () => context } as unknown as HTMLCanvasElement, {
        ...{ scene, geometry, look: 'both', scaleEnd: 1, differences: [], based, colours },
      });
      return texts;
    };
    const others = drawn(new Map()).length === 0 ? 0 : 1;
    const texts = drawn(new Map([[0, text]]));
    const lines = texts.filter(({ left, bottom }) => left < cellPx && bottom <= rowPx);
    expect(lines).toHaveLength(Math.max(count, others));
    for (const { left, right, top, bottom } of lines) {
      expect(left).toBeGreaterThanOrEqual(0);
      expect(right).toBeLessThan(cellPx);
      expect(top).toBeGreaterThanOrEqual(1);
      expect(bottom).toBeLessThan(rowPx - 1);
    }
    const [first, second] = lines;
    if (count === 2) expect(first?.bottom ?? 0).toBeLessThan(second?.top ?? 0);
  }
});

test('[U3] a matrix without room for the numbers that are asked for is drawn as heat', () => {
  const scene = sceneOf('i32', 'changed');
  const { context, marked } = recorder();
  const fills: string[] = [];
  const geometry = fixedGeometry(scene, 'numbers', 10, 10);
  const scale = { fill: Array.from({ length: 512 }, (_, step) => `heat-${step}`), text: [] };
  const fillRect = context.fillRect.bind(context);
  context.fillRect = (...place) => {
    fills.push(context.fillStyle);
    fillRect(...place);
  };
  drawTile({ getContext: () => context } as unknown as HTMLCanvasElement, {
    ...{ scene, geometry, look: 'numbers', scaleEnd: 1, differences: [], based: new Map() },
    colours: { diverging: scale, sequential: scale, token: (name: string) => name },
  });
  expect(geometry.notation).toBeNull();
  expect(fills.filter((fill) => fill.startsWith('heat-'))).toHaveLength(scene.matrix.rows * scene.matrix.columns);
  expect(marked).toEqual([]);
});
