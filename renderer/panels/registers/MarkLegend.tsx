import type { ReactElement } from 'react';
import { useDebugger } from '../../store/context.ts';
import type { ShownMark } from '../../store/select/provenance.ts';
import { selectProvenance } from '../../store/select/selectors.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';

export const MARK_GLYPH: Readonly<Record<Exclude<ShownMark, 'none'>, GlyphName>> = {
  changed: 'delta',
  staged: 'pen',
  refused: 'stop',
  written: 'check2',
};

/** For accessible names: the state in words, as the colour and glyph say it. */
export const MARK_WORDS: Readonly<Record<ShownMark, string>> = {
  none: '',
  changed: ', changed by the guest',
  staged: ', staged',
  refused: ', staged, refused',
  written: ', written and read back',
};

export function MarkLegend(): ReactElement {
  const hasRefused = useDebugger((state) => (selectProvenance(state)?.refused ?? null) !== null);
  return (
    <div className="mark-legend small" aria-hidden="true">
      <span className="line tight is-changed">
        <Glyph name="delta" className="g12" />
        changed by the guest
      </span>
      <span className="line tight is-staged">
        <Glyph name="pen" className="g12" />
        edited, not yet written
      </span>
      {hasRefused ? (
        <span className="line tight is-refused">
          <Glyph name={MARK_GLYPH.refused} className="g12" />
          edited, refused
        </span>
      ) : null}
      <span className="line tight is-written">
        <Glyph name="check2" className="g12" />
        written and read back
      </span>
    </div>
  );
}
