import { type RefObject, useLayoutEffect, useState } from 'react';
import { pageBox } from '../../zoom.ts';

/** Fewer rows are shown whole, however low the window is. */
const LEAST_ROWS = 16;
/** Twelve rows of 20 px with their heads: less would be no table. */
const LEAST_PX = 280;
/** The line about what is selected, RFLAGS and the first bits of MXCSR stand below the table without scrolling. */
const BELOW_PX = 226;

/** How high the table may be, so that what is decoded below it is seen; null: as high as it is. */
export const mostHigh = (rows: number, viewPx: number, abovePx: number): number | null =>
  rows <= LEAST_ROWS ? null : Math.max(LEAST_PX, viewPx - abovePx - BELOW_PX);

export interface GridFit {
  readonly boxPx: number;
  readonly mostPx: number | null;
}

/** The width that the table has, and the height that it may have: one of 32 registers scrolls in itself. */
export const useGridFit = (grid: RefObject<HTMLDivElement | null>, rows: number): GridFit => {
  const [fit, setFit] = useState<GridFit>({ boxPx: 760, mostPx: null });
  useLayoutEffect(() => {
    const node = grid.current;
    if (node === null) return;
    const view = node.parentElement?.closest<HTMLElement>('.scroll') ?? null;
    const measure = (): void => {
      const own = pageBox(node);
      const above = view === null ? 0 : own.top - pageBox(view).top + view.scrollTop;
      // clientWidth is rounded: of half a pixel more than there is the last cell would take another line.
      const boxPx = Math.min(node.clientWidth, Math.floor(own.width));
      const mostPx = view === null ? null : mostHigh(rows, view.clientHeight, Math.round(above));
      setFit((was) => (was.boxPx === boxPx && was.mostPx === mostPx ? was : { boxPx, mostPx }));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    if (view !== null) observer.observe(view);
    measure();
    return () => observer.disconnect();
  }, [grid, rows]);
  return fit;
};
