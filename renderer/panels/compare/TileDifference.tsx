import { type ReactElement, useLayoutEffect, useRef } from 'react';
import type { Capture } from '../../../app/capture/capture.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { TileReading } from '../../store/state/tiles.ts';
import { drawThumbnail, THUMB_ROW_PX } from '../tiles/draw-tile.ts';
import { tileColours } from '../tiles/heat.ts';
import { useShownTheme } from '../tiles/use-theme.ts';
import type { CompareLook } from './look.ts';
import { MarkOf } from './MarkOf.tsx';
import { drawTileDifference, type TilePair, tilePair } from './tile-pair.ts';

interface TileDifferenceProps {
  readonly before: Capture;
  readonly after: Capture;
  readonly tile: number;
  readonly look: CompareLook;
  /** Whose the difference is. */
  readonly mark: 'changed' | 'written' | 'none';
}

/** Each of the eight tiles has a reading; this is for none but a ninth. */
const PLAIN: TileReading = { type: 'u8', interpretation: 'stored' };

/** The cells of a tile's row: A and B on one scale, what differs on a scale of its own, and how many elements do. */
export function TileDifference({ before, after, tile, look, mark }: TileDifferenceProps): ReactElement {
  const store = useDebuggerStore();
  const reading = useDebugger((state) => state.readings[tile]) ?? PLAIN;
  const pair = tilePair(before, after, tile, reading);
  const words = `${pair.differing} of ${pair.elements} elements`;
  const [a, b] = [
    <TilePicture key="a" pair={pair} reading={reading} of="a" />,
    <TilePicture key="b" pair={pair} reading={reading} of="b" />,
  ];
  return (
    <>
      {look === 'inline' ? (
        <td colSpan={2}>
          <span className="line">
            {a} <MarkOf mark={mark} /> {b}
          </span>
        </td>
      ) : (
        <>
          <td>{a}</td>
          <td>
            <span className="line tight">
              <MarkOf mark={mark} /> {b}
            </span>
          </td>
        </>
      )}
      <td className="end">
        <span className="tile-by">
          <TilePicture pair={pair} reading={reading} of="difference" />
        </span>
      </td>
      <td className="end small text-2 tile-count" title={`as ${reading.type}`}>
        {words}
        <button
          type="button"
          className="link"
          tabIndex={-1}
          aria-label={`tmm${tile} full size`}
          onClick={(event) => {
            event.stopPropagation();
            const state = store.getState();
            state.select({ kind: 'tile', tile, row: 0, column: 0 });
            state.askWorkbench({ kind: 'show', pane: 'difference' });
          }}
        >
          full size
        </button>
      </td>
    </>
  );
}

const WORDS = { a: 'A', b: 'B', difference: 'B minus A' } as const;

function TilePicture(props: { pair: TilePair; reading: TileReading; of: keyof typeof WORDS }): ReactElement {
  const { pair, of } = props;
  const theme = useShownTheme();
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    if (canvas.current === null) return;
    const colours = tileColours(theme);
    if (of === 'difference') drawTileDifference(canvas.current, pair, colours);
    else drawThumbnail(canvas.current, { scene: pair[of], scaleEnd: pair.scaleEnd, colours });
  }, [pair, of, theme]);
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={WORDS[of]}
      className="tile-thumb"
      style={{ width: 64, height: 16 * THUMB_ROW_PX }}
    />
  );
}
