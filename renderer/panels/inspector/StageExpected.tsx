import type { ReactElement } from 'react';
import { readU32 } from '../../../app/bits/bytes.ts';
import { Button } from '../../controls/Button.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectEditRefusal } from '../../store/select/selectors.ts';
import { selectProductCheck } from '../../store/tiles/product-check.ts';

/** Stages what the checked product would have left, in every element that differs, as one gesture; nothing where none does. */
export function StageExpected(): ReactElement | null {
  const store = useDebuggerStore();
  const choice = useDebugger((state) => state.product);
  const check = useDebugger(selectProductCheck);
  const refused = useDebugger(selectEditRefusal);
  if (choice === null || check?.kind !== 'compared' || check.comparison.differences.length === 0) return null;
  const stage = (): void => {
    const assignments = check.comparison.differences.map((one) => ({
      path: `tmm${choice.operands.c}:u32[${one.row}][${one.column}]`,
      value: `0x${readU32(check.expected, one.offsetBytes).toString(16)}`,
    }));
    store.getState().stageAll(assignments);
  };
  return (
    <Button label="Stage expected" look="tiny" glyph="pen" glyphClass="g12" refused={refused} onPress={stage}>
      Stage expected
    </Button>
  );
}
