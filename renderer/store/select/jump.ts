import { describeProblem } from '../../../app/bits/decoded.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { parsePath, printPath, type RegisterPath } from '../../../app/register/path.ts';
import { type RegisterSource, registerRow } from '../../../app/register/registers.ts';
import { TILE_TYPES } from '../../../app/tile/tile-type.ts';
import { isElementType } from '../../../app/value/element-type.ts';
import { BIT, componentRow, type RegisterGroup } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import type { State } from '../state/state.ts';
import type { LaneType } from '../state/view.ts';
import { vectorFile } from './vector.ts';

/** The group of the Registers tab that shows a component's registers; null: none does, or the Tiles tab does. */
export const groupOfComponent = (bit: number): RegisterGroup | null => {
  const panel = componentRow(bit)?.panel ?? null;
  return panel === 'tiles' ? null : panel;
};

const groupOfSource = (source: RegisterSource): RegisterGroup | null => {
  switch (source.kind) {
    case 'fragments':
      return source.parts[0] === undefined ? null : groupOfComponent(source.parts[0].bit);
    case 'mxcsr':
      return 'vector';
    case 'mm':
    case 'mxcsr-mask':
      return null;
    case 'derived':
      return groupOfSource(source.from);
    default:
      return 'general';
  }
};

/** The group of the Registers tab that shows a register; null: none does. */
export const groupOfRegister = (register: string): RegisterGroup | null => {
  const row = registerRow(register);
  return row === undefined ? null : groupOfSource(row.source);
};

export interface Jump {
  readonly title: string;
  /** Why there is nothing to show there; null: go. */
  readonly refused: string | null;
  readonly go: (state: State) => void;
}

/** A tile in the type that the path names, at the element it names. */
const tileJump = ({ image }: Capture, path: RegisterPath): Jump => {
  const tile = Number(path.register.slice(3));
  const type = TILE_TYPES.find(({ name }) => name === path.type)?.name ?? null;
  const [row = 0, column = 0] = path.indexes;
  return {
    title: `Show ${printPath(path)}`,
    refused:
      viewComponent(image, BIT.XTILEDATA).state === 'absent'
        ? 'this image has no tiles'
        : path.type !== null && type === null
          ? `tiles are not shown as ${path.type}`
          : null,
    go: (state) => {
      state.setTab('tiles');
      state.showTile(tile);
      if (type !== null) {
        state.setTileType(tile, type);
        // Indexes mean another element in each of the two.
        state.setInterpretation(tile, path.vnni === true ? 'vnni' : 'stored');
      }
      state.selectElement(tile, { row, column }, false);
    },
  };
};

/** What a typed path leads to; null: the text is no path. */
export const jumpOf = (capture: Capture, text: string): Jump | null => {
  const parsed = parsePath(text.trim());
  if (!parsed.ok) {
    // A register followed by a wrong type or index: say what is wrong; other words are no path at all.
    const name = /^([a-z]+\d*)[:.[]/i.exec(text.trim())?.[1];
    if (name === undefined || registerRow(name) === undefined) return null;
    return { title: `Show ${text.trim()}`, refused: describeProblem(parsed.problem), go: () => undefined };
  }
  const path = parsed.value;
  const group = groupOfRegister(path.register);
  if (/^tmm\d$/.test(path.register)) return tileJump(capture, path);
  if (group === null)
    return { title: `Show ${printPath(path)}`, refused: 'no view shows this register', go: () => undefined };
  if (group !== 'vector' || path.register === 'mxcsr') {
    return {
      title: `Show ${printPath(path)}`,
      refused: null,
      go: (state) => {
        state.showRegister(group, path.register);
        if (path.field !== null) state.select({ kind: 'register', path: path.register, field: path.field });
      },
    };
  }
  const file = vectorFile(capture.image);
  const index = Number.parseInt(path.register.slice(3), 10);
  const type: LaneType | null =
    path.type === null || path.type === 'f80' || !isElementType(path.type) ? null : path.type;
  const missing = index >= file.count;
  return {
    title: `Show ${printPath(path)}`,
    refused: missing ? `this image has ${file.kind}0 to ${file.kind}${file.count - 1}` : null,
    go: (state) => state.showVector(index, type, path.indexes[0] ?? 0),
  };
};
