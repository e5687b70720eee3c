import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { deviceRatio, pageSize } from '../../zoom.ts';

/** Below this the window is low: one lane has to do. history.css says the same. */
const LOW_PX = 800;

/** The width of a node in whole CSS px, and whether the window is low. */
export const useTrackSize = (
  box: RefObject<HTMLElement | null>,
): { widthPx: number; oneLane: boolean; ratio: number } => {
  const [size, setSize] = useState({ widthPx: 0, oneLane: false, ratio: 1 });
  useLayoutEffect(() => {
    const node = box.current;
    if (node === null) return;
    const measure = (): void =>
      setSize((previous) => {
        const oneLane = pageSize().heightPx < LOW_PX;
        const next = { widthPx: Math.round(node.clientWidth), oneLane, ratio: deviceRatio() };
        const same =
          next.widthPx === previous.widthPx && next.oneLane === previous.oneLane && next.ratio === previous.ratio;
        return same ? previous : next;
      });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
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
