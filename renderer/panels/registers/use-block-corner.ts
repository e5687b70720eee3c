import { useEffect, useRef, useState } from 'react';
import type { LaneType } from '../../store/state/view.ts';
import type { VectorPlace } from './vector-block.ts';

export interface BlockCorner {
  /** The other corner of a block; null: one element is selected. */
  readonly corner: VectorPlace | null;
  readonly setCorner: (corner: VectorPlace | null) => void;
  /** An element is chosen in this table, with the other corner of the block that it ends. */
  readonly choose: (place: VectorPlace, corner: VectorPlace | null) => void;
}

/** A block goes where the type does, whose elements are other places, and where something was chosen in another table. */
export const useBlockCorner = (chosen: VectorPlace | null, type: LaneType): BlockCorner => {
  const [corner, setCorner] = useState<VectorPlace | null>(null);
  const own = useRef<VectorPlace | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is set is about the type before.
  useEffect(() => setCorner(null), [type]);
  useEffect(() => {
    if (chosen?.index !== own.current?.index || chosen?.element !== own.current?.element) setCorner(null);
  }, [chosen]);
  const choose = (place: VectorPlace, next: VectorPlace | null): void => {
    own.current = place;
    setCorner(next);
  };
  return { corner, setCorner, choose };
};
