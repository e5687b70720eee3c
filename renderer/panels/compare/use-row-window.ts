import { type RefObject, useCallback, useLayoutEffect, useState } from 'react';
import { pageBox } from '../../zoom.ts';
import { type RowWindow, windowOf } from './rows.ts';

const scrollerOf = (node: HTMLElement | null): HTMLElement | null => node?.closest<HTMLElement>('.scroll') ?? null;

/** Which rows of a long list are near the screen, as the panel around it is scrolled; and how to bring one there. */
export const useRowWindow = (
  list: RefObject<HTMLElement | null>,
  offsets: readonly number[],
): { window: RowWindow; bring: (row: number) => void; pageRows: () => number } => {
  const [range, setRange] = useState<RowWindow>(() => windowOf(offsets, 0, 1200));
  const measure = useCallback((): void => {
    const scroller = scrollerOf(list.current);
    if (scroller === null || list.current === null) return;
    const top = pageBox(scroller).top - pageBox(list.current).top;
    const next = windowOf(offsets, top, top + scroller.clientHeight);
    setRange((previous) => (previous.first === next.first && previous.end === next.end ? previous : next));
  }, [list, offsets]);
  useLayoutEffect(() => {
    const scroller = scrollerOf(list.current);
    measure();
    if (scroller === null) return;
    scroller.addEventListener('scroll', measure, { passive: true });
    window.addEventListener('resize', measure);
    return () => {
      scroller.removeEventListener('scroll', measure);
      window.removeEventListener('resize', measure);
    };
  }, [list, measure]);
  const bring = (row: number): void => {
    const scroller = scrollerOf(list.current);
    if (scroller === null || list.current === null) return;
    const listTop = pageBox(list.current).top - pageBox(scroller).top;
    const [top, bottom] = [listTop + (offsets[row] ?? 0), listTop + (offsets[row + 1] ?? 0)];
    // The heads of the columns stay above the rows.
    const head = 32;
    if (top < head) scroller.scrollTop += top - head;
    else if (bottom > scroller.clientHeight) scroller.scrollTop += bottom - scroller.clientHeight;
    measure();
  };
  const pageRows = (): number => Math.max(1, Math.floor((scrollerOf(list.current)?.clientHeight ?? 480) / 24) - 3);
  // Rows may have become fewer since the last look.
  const count = offsets.length - 1;
  return { window: { first: Math.min(range.first, count), end: Math.min(range.end, count) }, bring, pageRows };
};
