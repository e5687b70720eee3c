// biome-ignore-all lint/a11y/useSemanticElements: a fieldset cannot be drawn as a segment.
import type { ReactElement } from 'react';
import { perDword, type TileType, tileTypeRow } from '../../../app/tile/tile-type.ts';
import { Segment } from '../../controls/Segment.tsx';
import { TypeChooser } from '../../controls/TypeChooser.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { TileLook } from '../../store/state/tiles.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';

/** Each by its short name; the full one is that of its row. */
const SHORT: Readonly<Record<TileType, string>> = {
  ...{ i8: 'int8', u8: 'uint8', i32: 'int32', u32: 'uint32', bf16: 'bf16', f16: 'fp16', cf16: 'cfp16' },
  ...{ tf32: 'tf32', f32: 'fp32', hf8: 'E4M3', bf8: 'E5M2' },
};

export const shortType = (type: TileType): string => SHORT[type];

const labelled = (value: TileType) => ({ value, label: tileTypeRow(value).label });
/** What a product multiplies and sums most; the others are behind More. */
const QUICK = (['i8', 'i32', 'bf16', 'f32'] as const).map(labelled);
const MORE = (['u8', 'u32', 'f16', 'cf16', 'tf32', 'hf8', 'bf8'] as const).map(labelled);

const LOOKS: readonly { readonly value: TileLook; readonly label: string }[] = [
  { value: 'both', label: 'Numbers on heat' },
  { value: 'numbers', label: 'Numbers' },
  { value: 'heat', label: 'Heat' },
];

export function TypeChips({ tile, type }: { tile: number; type: TileType }): ReactElement {
  const store = useDebuggerStore();
  return (
    <TypeChooser<TileType>
      name={`Read tmm${tile} as`}
      quick={QUICK}
      more={MORE}
      value={type}
      onChoose={(next) => store.getState().setTileType(tile, next)}
    />
  );
}

export function LookChips(): ReactElement {
  const store = useDebuggerStore();
  const look = useDebugger((state) => state.tileLook);
  return (
    <Segment
      name="Numbers or heat map (H)"
      look="tiny"
      value={look}
      choices={LOOKS}
      onChoose={(next) => store.getState().setTileLook(next)}
    />
  );
}

const PER_DWORD: Readonly<Record<number, string>> = { 2: 'pairs', 4: 'quads' };

/** Refused where the type is not interleaved; the tooltip says why. */
export function VnniToggle({ tile, scene }: { tile: number; scene: TileScene }): ReactElement {
  const store = useDebuggerStore();
  const { type, interpretation } = scene.reading;
  const v = perDword(type);
  const why = v > 1 ? null : `${tileTypeRow(type).label} fills a dword: a product does not interleave it`;
  const set = (next: 'stored' | 'vnni'): void => {
    if (why === null) store.getState().setInterpretation(tile, next);
  };
  return (
    <span className="segment tiny" role="group" aria-label={`Order of tmm${tile}`} title={why ?? undefined}>
      <button
        type="button"
        aria-pressed={interpretation === 'stored'}
        aria-disabled={why === null ? undefined : true}
        onClick={() => set('stored')}
      >
        VNNI off
      </button>
      <button
        type="button"
        aria-pressed={interpretation === 'vnni'}
        aria-disabled={why === null ? undefined : true}
        title={why ?? `Rows of the matrix that B holds in ${PER_DWORD[v]} of a dword`}
        onClick={() => set('vnni')}
      >
        {PER_DWORD[v] ?? 'pairs'}
      </button>
    </span>
  );
}

export function ScaleToggle(): ReactElement {
  const store = useDebuggerStore();
  const scale = useDebugger((state) => state.tileScale);
  return (
    <Segment
      name="Scale"
      look="tiny"
      value={scale}
      choices={[
        { value: 'own', label: 'Own scale' },
        { value: 'shared', label: 'Shared scale' },
      ]}
      onChoose={(next) => store.getState().setTileScale(next)}
    />
  );
}
