import { type ReactElement, useLayoutEffect, useRef } from 'react';
import { equalBytes } from '../../../app/bits/bytes.ts';
import { useDebugger } from '../../store/context.ts';
import { selectScaleEnd, selectTileScene } from '../../store/tiles/tile-scenes.ts';
import { deviceRatio } from '../../zoom.ts';
import { drawThumbnail, THUMB_ROW_PX } from './draw-tile.ts';
import { tileColours } from './heat.ts';
import { useShownTheme } from './use-theme.ts';

/** A tile in 64 × 48 px; the picture of a value, not the value, and so hidden from screen readers. */
export function TileThumbnail(props: { tile: number; rowPx?: number; widthPx?: number }): ReactElement {
  const { tile, rowPx = THUMB_ROW_PX, widthPx = 64 } = props;
  const theme = useShownTheme();
  const scene = useDebugger(selectTileScene(tile));
  const scaleEnd = useDebugger(selectScaleEnd(tile));
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawn = useRef<{ bytes: Uint8Array; key: string } | null>(null);
  useLayoutEffect(() => {
    if (canvas.current === null || scene === null) return;
    const { rows, colsb } = scene.extent;
    const key = [scene.reading.type, rows, colsb, scaleEnd, theme, rowPx, deviceRatio()].join(' ');
    const last = drawn.current;
    if (last !== null && last.key === key && equalBytes(last.bytes, scene.matrix.bytes)) return;
    drawThumbnail(canvas.current, { scene, scaleEnd, colours: tileColours(theme) }, rowPx);
    drawn.current = { bytes: scene.matrix.bytes, key };
  });
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a canvas without a tab stop takes no focus.
    <canvas
      ref={canvas}
      aria-hidden="true"
      className="tile-thumb"
      data-tile={tile}
      style={{ width: widthPx, height: 16 * rowPx }}
    />
  );
}
