import type { ReactElement } from 'react';
import { Glyph } from '../../theme/Glyph.tsx';
import { MARK_GLYPH, MARK_WORDS } from '../registers/MarkLegend.tsx';

/** Whose the difference is, as a glyph with its words. */
export function MarkOf({ mark }: { mark: 'changed' | 'written' | 'none' }): ReactElement | null {
  if (mark === 'none') return null;
  const words = MARK_WORDS[mark].slice(2);
  return (
    <span title={words}>
      <Glyph name={MARK_GLYPH[mark]} className={`g12 is-${mark}`} />
      <span className="visually-hidden">{words}</span>{' '}
    </span>
  );
}
