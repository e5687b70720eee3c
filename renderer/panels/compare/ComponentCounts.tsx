import type { ReactElement } from 'react';
import type { DifferentComponent } from '../../../app/diff/diff-elements.ts';
import { hueOf } from '../../store/select/components.ts';
import type { EqualComponent } from './rows.ts';

interface ComponentCountsProps {
  readonly found: readonly DifferentComponent[];
  readonly equal: readonly EqualComponent[];
  readonly imageBytes: number;
  readonly onChoose: (label: string) => void;
}

const bitOf = ({ bit }: DifferentComponent | EqualComponent): number => bit ?? Number.POSITIVE_INFINITY;

const swatchOf = (one: DifferentComponent | EqualComponent): string =>
  'words' in one ? one.state : one.after === 'inUse' || one.after === null ? '' : one.after;

/** How many bytes of each component differ, of how many. */
export function ComponentCounts({ found, equal, imageBytes, onChoose }: ComponentCountsProps): ReactElement {
  const inside = [...found.filter(({ bit }) => bit !== null), ...equal].sort((a, b) => bitOf(a) - bitOf(b));
  const differing = found.reduce((sum, { changedBytes }) => sum + changedBytes, 0);
  return (
    <section className="compare-counts" aria-label="Bytes that differ">
      <div className="line small">
        <h3>Bytes that differ</h3>
        <span className="push" />
        <span className="val text-3">
          {differing} of {imageBytes}
        </span>
      </div>
      <ul>
        {inside.map((one) => (
          <li key={one.label} className={'words' in one ? 'text-3' : ''}>
            <span
              className={`swatch ${swatchOf(one)}`}
              style={{ '--hue': one.bit === null ? 'var(--line-2)' : hueOf(one.bit) }}
            />
            {'words' in one ? (
              <>
                <span className="ellipsis">{one.label}</span>
                <span className="small">{one.words}</span>
                <span />
              </>
            ) : (
              <>
                <button type="button" className="link ellipsis" onClick={() => onChoose(one.label)}>
                  {one.label}
                </button>
                <span className="count-bar" aria-hidden="true">
                  <span
                    style={{
                      width: `${(one.changedBytes / Math.max(1, one.sizeBytes)) * 100}%`,
                      background: one.bit === null ? 'var(--line-2)' : hueOf(one.bit),
                    }}
                  />
                </span>
                <span className="val small end">
                  {one.changedBytes} <span className="text-3">/ {one.sizeBytes}</span>
                </span>
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
