import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { deviceRatio } from '../../zoom.ts';
import { LANES } from './lanes.ts';

/** Above the lanes: glyphs and numbers; below them the overview of a stretch. */
const ABOVE_PX = 18;
const BELOW_PX = 10;
const LANE_PX = 16;
/** Lanes use the room of a pane that is made higher, up to this. */
const HIGHEST_LANE_PX = 40;

/** The width of the strip in whole CSS px, how high its lanes are, and whether there is but one for all. */
export const useTrackSize = (
  box: RefObject<HTMLElement | null>,
): { widthPx: number; lanePx: number; oneLane: boolean; ratio: number } => {
  const [size, setSize] = useState({ widthPx: 0, lanePx: LANE_PX, oneLane: false, ratio: 1 });
  useLayoutEffect(() => {
    const node = box.current;
    // The strip may be higher than what it stands in; that is as high as its pane leaves.
    const around = node?.parentElement ?? null;
    if (node === null || around === null) return;
    const measure = (): void =>
      setSize((previous) => {
        const heightPx = around.clientHeight - ABOVE_PX;
        const oneLane = heightPx < LANES.length * LANE_PX;
        const each = Math.floor((heightPx - BELOW_PX) / (oneLane ? 1 : LANES.length));
        const lanePx = Math.max(LANE_PX, Math.min(HIGHEST_LANE_PX, each));
        const next = { widthPx: Math.round(node.clientWidth), lanePx, oneLane, ratio: deviceRatio() };
        const same = Object.entries(next).every(([key, value]) => previous[key as keyof typeof next] === value);
        return same ? previous : next;
      });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    observer.observe(around);
    window.addEventListener('resize', measure);
    return () => {
      observer.disconnect();
      window.removeEventListener('resize', measure);
    };
  }, [box]);
  return size;
};

/** Runs the last work asked for, once in a frame: a mouse tells more often than the screen can show. */
export const useEachFrame = (): ((work: () => void) => void) => {
  const asked = useRef<{ frame: number; work: () => void } | null>(null);
  useEffect(
    () => () => {
      if (asked.current !== null) cancelAnimationFrame(asked.current.frame);
      asked.current = null;
    },
    [],
  );
  return useCallback((work) => {
    if (asked.current !== null) {
      asked.current.work = work;
      return;
    }
    const frame = requestAnimationFrame(() => {
      const due = asked.current;
      asked.current = null;
      due?.work();
    });
    asked.current = { frame, work };
  }, []);
};
