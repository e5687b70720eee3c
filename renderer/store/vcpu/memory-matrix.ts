import type { Capture } from '../../../app/capture/capture.ts';
import type { TileMove } from '../../../app/debug/tile-words.ts';
import { tileConfigOf } from '../../../app/tile/config.ts';
import { ROW_STRIDE_BYTES, TILE_STRIDE_BYTES } from '../../../app/tile/geometry.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { count } from '../../wording.ts';
import { memoizeByIdentity } from '../base/memoize.ts';
import { differingElements } from '../select/memory-cells.ts';
import {
  type MemoryRowShown,
  selectIsOurs,
  selectStagedMemory,
  selectWrittenMemory,
  shownRows,
} from '../select/memory-edits.ts';
import { selectCapture } from '../select/selectors.ts';
import type { MemoryForm, MemoryPlace } from '../state/guest.ts';
import type { State } from '../state/state.ts';
import { current, selectMemoryBefore, selectMemoryShown } from './guest-slice.ts';

/** Memory in rows beside the rows of a tile. */

export interface ComparedRow {
  readonly row: MemoryRowShown;
  /** As much of the tile's row as memory has; null: no tile stands beside, or tile data is in init. */
  readonly beside: Uint8Array | null;
  /** Columns of what differs; what was not read differs. */
  readonly differing: readonly number[];
}

/** The bytes of all tiles; null: they are in init. */
const tileBytes = memoizeByIdentity(({ image }: Capture): Uint8Array | null => {
  const view = viewComponent(image, BIT.XTILEDATA);
  return view.state === 'inUse' ? view.bytes : null;
});

/** Each row of memory beside the tile's row of the same number; of no tile, or where tile data is in init, there is nothing beside. */
export const compareRows = (
  rows: readonly MemoryRowShown[],
  { tile, rowBytes, type }: Pick<MemoryForm, 'tile' | 'rowBytes' | 'type'>,
  capture: Capture | null,
): readonly ComparedRow[] => {
  const tiles = tile === null || capture === null ? null : tileBytes(capture);
  return rows.map((row, index) => {
    const from = (tile ?? 0) * TILE_STRIDE_BYTES + index * ROW_STRIDE_BYTES;
    const beside = tiles === null ? null : tiles.subarray(from, from + rowBytes);
    return { row, beside, differing: beside === null ? [] : differingElements(row.bytes, beside, type) };
  });
};

/** Elements that differ, row by row. */
export const selectMemoryDifferences = (state: State): readonly MemoryPlace[] => {
  const { memoryForm: form, tab } = state;
  const view = tab === 'memory' && form.look === 'matrix' && form.tile !== null ? selectMemoryShown(state) : null;
  if (view === null) return [];
  const [before, staged, written] = [selectMemoryBefore(state), selectStagedMemory(state), selectWrittenMemory(state)];
  const rows = shownRows(view, before, staged, written, selectIsOurs(state));
  return compareRows(rows, form, selectCapture(state)).flatMap(({ differing }, row) =>
    differing.map((column) => ({ row, column })),
  );
};

/** The tile instruction that comes next, where it means the very rows that are shown; null: it means others, or none. */
export const selectMeantMove = (state: State): TileMove | null => {
  const move = current(state, state.code)?.tile ?? null;
  const view = selectMemoryShown(state);
  const { tile, look } = state.memoryForm;
  if (move === null || view === null || look !== 'matrix' || move.tile !== tile) return null;
  return BigInt(move.base) === BigInt(view.address) && move.stride === view.stride ? move : null;
};

/** Where an interrupted load or store of tiles goes on: TILECFG.start_row. */
export const startRowOf = memoizeByIdentity(({ image }: Capture): number => {
  const config = tileConfigOf(image);
  return config.ok ? config.value.startRow : 0;
});

/** Which rows touch a page of 4 KiB, and with how many bytes. */
export const rowsOnPage = (
  rows: readonly { readonly address: bigint }[],
  rowBytes: number,
  page: bigint,
): { readonly first: number; readonly last: number; readonly count: number; readonly bytes: number } | null => {
  const touching = rows.flatMap(({ address }, index) => {
    const from = address > page ? address : page;
    const [end, pageEnd] = [address + BigInt(rowBytes), page + 4096n];
    const bytes = Number((end < pageEnd ? end : pageEnd) - from);
    return bytes > 0 ? [{ index, bytes }] : [];
  });
  const [first, last] = [touching[0], touching.at(-1)];
  return first === undefined || last === undefined
    ? null
    : {
        ...{ first: first.index, last: last.index, count: touching.length },
        bytes: touching.reduce((sum, { bytes }) => sum + bytes, 0),
      };
};

/** One sentence on what the load or store does to what is shown. */
export const describeEffect = (
  compared: readonly ComparedRow[],
  tile: number,
  move: TileMove | null,
): { readonly isWarning: boolean; readonly text: string } => {
  if (move?.why != null) return { isWarning: true, text: `${move.why}.` };
  const start = move?.startRow ?? 0;
  const faultRow = move === null ? compared.findIndex(({ row }) => row.why !== null) : (move.faultRow ?? -1);
  const changed = compared
    .slice(start, faultRow === -1 ? compared.length : faultRow)
    .reduce((sum, { differing }) => sum + differing.length, 0);
  const where = move?.stores === true ? 'memory' : `tmm${tile}`;
  const what = changed === 0 ? 'nothing' : `${count(changed, 'element')} of ${where}`;
  const rows = start === 1 ? 'Row 0 is' : `Rows 0 to ${start - 1} are`;
  const kind = move?.stores === true ? 'store' : 'load';
  const text =
    move === null
      ? `A load from here would change ${what}`
      : start === 0
        ? `This ${kind} changes ${what}`
        : `${rows} done; this ${kind} goes on at row ${start} and changes ${what}`;
  if (faultRow === -1) return { isWarning: false, text: `${text}.` };
  const page = move?.pages.find((one) => one.why !== null && one.lastRow >= faultRow);
  const why = page?.why ?? compared[faultRow]?.row.why ?? 'no page is mapped there';
  return { isWarning: true, text: `${text}, then faults at row ${faultRow}: ${why}.` };
};
