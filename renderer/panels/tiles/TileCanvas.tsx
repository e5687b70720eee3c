import { type ReactElement, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { equalBytes } from '../../../app/bits/bytes.ts';
import type { ProductDifference } from '../../../app/tile/product-compare.ts';
import { useDebugger } from '../../store/context.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';
import type { BasedElements } from '../../store/view/based-elements.ts';
import { deviceRatio } from '../../zoom.ts';
import { drawTile, type TilePicture } from './draw-tile.ts';
import { tileColours } from './heat.ts';
import type { TileGeometry } from './tile-geometry.ts';
import { useShownTheme } from './use-theme.ts';

interface TileCanvasProps {
  readonly scene: TileScene;
  readonly geometry: TileGeometry;
  readonly scaleEnd: number;
  readonly differences: readonly ProductDifference[];
  readonly based: BasedElements;
}

/** The same drawing: nothing to do, also when the stop is another one. */
const samePicture = (a: TilePicture, b: TilePicture): boolean =>
  a.look === b.look &&
  a.scaleEnd === b.scaleEnd &&
  a.differences === b.differences &&
  a.colours === b.colours &&
  a.based === b.based &&
  a.geometry.cellPx === b.geometry.cellPx &&
  a.geometry.rowPx === b.geometry.rowPx &&
  a.geometry.rows === b.geometry.rows &&
  a.geometry.columns === b.geometry.columns &&
  a.geometry.notation === b.geometry.notation &&
  a.scene.reading.type === b.scene.reading.type &&
  a.scene.reading.interpretation === b.scene.reading.interpretation &&
  a.scene.extent.rows === b.scene.extent.rows &&
  a.scene.extent.colsb === b.scene.extent.colsb &&
  equalBytes(a.scene.matrix.bytes, b.scene.matrix.bytes) &&
  (a.scene.marks === b.scene.marks || a.scene.marks.every((mark, at) => mark === b.scene.marks[at]));

/** Device pixels a CSS px: another screen, or another zoom, needs another backing store. */
const useDeviceRatio = (): number => {
  const [ratio, setRatio] = useState(deviceRatio);
  useEffect(() => {
    const query = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    const changed = (): void => setRatio(deviceRatio());
    query.addEventListener('change', changed);
    window.addEventListener('resize', changed);
    return () => {
      query.removeEventListener('change', changed);
      window.removeEventListener('resize', changed);
    };
  });
  return ratio;
};

/** Text drawn before its font has come would stay in another font. */
const useFonts = (): boolean => {
  const [ready, setReady] = useState(() => document.fonts.check('450 11px "JetBrains Mono"'));
  useEffect(() => {
    if (ready) return;
    const both = ['450 11px "JetBrains Mono"', '700 11px "JetBrains Mono"'].map((font) => document.fonts.load(font));
    void Promise.all(both).then(() => setReady(true));
  }, [ready]);
  return ready;
};

export function TileCanvas({ scene, geometry, scaleEnd, differences, based }: TileCanvasProps): ReactElement {
  const theme = useShownTheme();
  const look = useDebugger((state) => state.tileLook);
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawn = useRef<{ picture: TilePicture; ratio: number; fonts: boolean } | null>(null);
  const ratio = useDeviceRatio();
  const fonts = useFonts();
  // After every render: whether the picture differs is decided here, not by the identity of its parts.
  useLayoutEffect(() => {
    const picture = { scene, geometry, look, scaleEnd, differences, based, colours: tileColours(theme) };
    const last = drawn.current;
    if (last !== null && last.ratio === ratio && last.fonts === fonts && samePicture(last.picture, picture)) return;
    if (canvas.current !== null) drawTile(canvas.current, picture);
    drawn.current = { picture, ratio, fonts };
  });
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a canvas without a tab stop takes no focus.
    <canvas
      ref={canvas}
      aria-hidden="true"
      className="tile-canvas"
      style={{ width: geometry.widthPx + 1, height: geometry.heightPx + 1 }}
    />
  );
}
