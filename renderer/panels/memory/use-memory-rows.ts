import { useMemo } from 'react';
import { useDebugger } from '../../store/context.ts';
import {
  type MemoryRowShown,
  selectIsOurs,
  selectStagedMemory,
  selectWrittenMemory,
  shownRows,
} from '../../store/select/memory-edits.ts';
import { selectMemoryBefore, selectMemoryShown } from '../../store/vcpu/guest-slice.ts';

/** What was read of memory last, with what is staged over it; none: nothing was read. */
export const useMemoryRows = (): readonly MemoryRowShown[] => {
  const memory = useDebugger(selectMemoryShown);
  const before = useDebugger(selectMemoryBefore);
  const staged = useDebugger(selectStagedMemory);
  const written = useDebugger(selectWrittenMemory);
  const isOurs = useDebugger(selectIsOurs);
  return useMemo(
    () => (memory === null ? [] : shownRows(memory, before, staged, written, isOurs)),
    [memory, before, staged, written, isOurs],
  );
};
