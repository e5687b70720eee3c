import type { ReactElement } from 'react';
import { useDebugger } from '../../store/context.ts';
import { memoryTypeBytes } from '../../store/select/memory-cells.ts';
import type { MemoryForm } from '../../store/state/guest.ts';
import { type ComparedRow, describeEffect, selectMeantMove } from '../../store/vcpu/memory-matrix.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { NextDifference } from '../tiles/NextDifference.tsx';

interface VerdictProps {
  readonly rows: readonly ComparedRow[];
  readonly form: MemoryForm;
}

/** How many elements differ from the tile, and the way to the next one. */
export function MatrixVerdict({ rows, form }: VerdictProps): ReactElement | null {
  if (form.tile === null) return null;
  const differ = rows.reduce((sum, { differing }) => sum + differing.length, 0);
  const all = rows.length * Math.floor(form.rowBytes / memoryTypeBytes(form.type));
  const isInit = rows.every(({ beside }) => beside === null);
  return (
    <span className="line tight nowrap small" data-testid="memory-verdict">
      {isInit ? (
        <span className="text-3">tile data is in init: there is nothing to compare with</span>
      ) : differ === 0 ? (
        <span className="pill is-written">
          <Glyph name="check" className="g12" />
          memory holds what tmm{form.tile} holds
        </span>
      ) : (
        <>
          <span className="pill refused-pill">
            <Glyph name="differs" className="g12" />
            {differ} of {all} differ from tmm{form.tile}
          </span>
          <NextDifference look="tiny" />
        </>
      )}
    </span>
  );
}

/** What the load or store does to what is shown, in one sentence. */
export function MatrixEffect({ rows, form }: VerdictProps): ReactElement | null {
  const move = useDebugger(selectMeantMove);
  if (form.tile === null || rows.every(({ beside }) => beside === null)) return null;
  const { isWarning, text } = describeEffect(rows, form.tile, move);
  return (
    <p className="memory-effect line tight" data-testid="memory-effect">
      <Glyph name={isWarning ? 'warn' : 'info'} className={isWarning ? 'g12 is-armed' : 'g12 text-2'} />
      {text}
    </p>
  );
}
