import type { ReactElement } from 'react';
import type { MemoryPage } from '../../../app/bridge.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { grouped } from './page-text.ts';
import { sizeText } from './size-text.ts';

/** Where a page begins: linear → physical and its size, or why nothing is there. */
export function PageWords({ page }: { page: MemoryPage | null }): ReactElement | null {
  if (page === null) return null;
  const { linear, physical, pageBytes, why } = page;
  return (
    <span className="line tight nowrap">
      <span className="text-3">page</span>
      <span className="val">{linear.slice(2)}</span>
      {physical === null ? (
        <span className="line tight is-armed">
          <Glyph name="warn" className="g12" />
          {why}
        </span>
      ) : (
        <>
          <Glyph name="arrow" className="g12 text-3" />
          <span className="val">{grouped(physical)}</span>
          <span className="text-3">{sizeText(pageBytes)}</span>
        </>
      )}
    </span>
  );
}
