import { describeProblem } from '../../../app/bits/decoded.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { parsePath, printPath, type RegisterPath } from '../../../app/register/path.ts';
import { registerRow } from '../../../app/register/registers.ts';
import { TILE_TYPES } from '../../../app/tile/tile-type.ts';
import { isElementType } from '../../../app/value/element-type.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import type { State } from '../state/state.ts';
import type { LaneType, RegisterGroup } from '../state/view.ts';
import { vectorFile } from './vector.ts';

const X87 = new Set(['fcw', 'fsw', 'ftw', 'fop', 'fip', 'fdp']);

/** The group of the Registers tab that shows a register; null: none does. */
export const groupOfRegister = (register: string): RegisterGroup | null => {
  const row = registerRow(register);
  if (row === undefined) return null;
  if (/^[xyz]mm\d/.test(row.name)) return 'vector';
  if (/^k\d/.test(row.name)) return 'opmask';
  if (/^st\d/.test(row.name) || X87.has(row.name)) return 'x87';
  if (row.name === 'mxcsr' || row.name === 'pkru') return row.name;
  return row.source.kind === 'fragments' || row.source.kind === 'mm' || row.source.kind === 'mxcsr-mask'
    ? null
    : 'general';
};

/** Where the components' registers are shown. */
export const groupOfComponent = (bit: number): RegisterGroup | null => {
  const groups: Readonly<Record<number, RegisterGroup>> = {
    [BIT.x87]: 'x87',
    [BIT.SSE]: 'vector',
    [BIT.AVX]: 'vector',
    [BIT.opmask]: 'opmask',
    [BIT.ZMM_Hi256]: 'vector',
    [BIT.Hi16_ZMM]: 'vector',
    [BIT.PKRU]: 'pkru',
  };
  return groups[bit] ?? null;
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
  if (group !== 'vector') {
    return {
      title: `Show ${printPath(path)}`,
      refused: null,
      go: (state) => state.showRegister(group, path.register),
    };
  }
  const file = vectorFile(capture.image);
  const index = Number(path.register.slice(3));
  const type: LaneType | null =
    path.type === null || path.type === 'f80' || !isElementType(path.type) ? null : path.type;
  const missing = index >= file.count;
  return {
    title: `Show ${printPath(path)}`,
    refused: missing ? `this image has ${file.kind}0 to ${file.kind}${file.count - 1}` : null,
    go: (state) => state.showVector(index, type, path.indexes[0] ?? 0),
  };
};
