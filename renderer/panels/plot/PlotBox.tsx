import { type ReactElement, type ReactNode, useLayoutEffect, useRef, useState } from 'react';
import { download } from '../../actions/export-file.ts';
import { Button } from '../../controls/Button.tsx';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { LanesPicture } from './LanesPicture.tsx';
import { MatrixPicture } from './MatrixPicture.tsx';
import { PlotPicture } from './PlotPicture.tsx';
import { type Shown, shownCsv } from './plot-data.ts';
import { pngOf, svgOf } from './plot-export.ts';

const encoder = new TextEncoder();
const fileName = ({ title }: Shown, ending: string): string =>
  `${title.replaceAll(/[^A-Za-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')}.${ending}`;

const isEmpty = (data: Shown): boolean =>
  data.look === 'lanes'
    ? data.lanes.length === 0
    : data.values.length === 0 || (data.look !== 'matrix' && data.values.every((value) => value === null));

/** Differences of f32 are made in doubles: more digits than these were in neither. */
const shortNumber = (value: number): string => String(Number(value.toPrecision(9)));

/** What stands beside the title: the place that the window is about, and its value. */
const placeOf = (data: Shown): readonly [string, string] => {
  const { here } = data;
  if (data.look === 'lanes') return [here === null ? '' : `stop ${data.labels[here] ?? ''}`, ''];
  if (data.look === 'matrix') {
    const value = here === null ? null : (data.values[here] ?? null);
    const at = here === null ? '' : `[${Math.floor(here / data.columns)}][${here % data.columns}] `;
    return [
      `${data.differing} of ${data.values.length} elements differ, by ${shortNumber(data.end)} at most${at === '' ? '' : `; ${at}`}`,
      value === null ? '' : shortNumber(value),
    ];
  }
  const value = here === null ? null : (data.values[here] ?? null);
  return [here === null ? '' : `${data.along} ${data.labels[here] ?? ''}: `, value === null ? '' : String(value)];
};

interface PlotBoxProps {
  readonly data: Shown | null;
  /** Said where there is nothing to draw. */
  readonly empty: string;
  /** A press on a place; null: there is nowhere to go. */
  readonly onGo: ((place: number) => void) | null;
  /** What is drawn is chosen by it. */
  readonly children: ReactNode;
}

/** Choice, title, picture, and the ways to save it as picture or data. */
export function PlotBox({ data, empty, onGo, children }: PlotBoxProps): ReactElement {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ widthPx: 260, heightPx: 160 });
  useLayoutEffect(() => {
    const node = box.current;
    if (node === null) return;
    const measure = (): void => setSize({ widthPx: node.clientWidth, heightPx: Math.max(96, node.clientHeight) });
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    measure();
    return () => observer.disconnect();
  }, []);
  const shown = data === null || isEmpty(data) ? null : data;
  const save = async (as: 'svg' | 'png' | 'csv'): Promise<void> => {
    const svg = box.current?.querySelector('svg') ?? null;
    if (shown === null || svg === null) return;
    const bytes =
      as === 'csv' ? encoder.encode(shownCsv(shown)) : as === 'svg' ? encoder.encode(svgOf(svg)) : await pngOf(svg);
    if (bytes !== null) download(fileName(shown, as), bytes);
  };
  const [where, value] = shown === null ? ['', ''] : placeOf(shown);
  return (
    <>
      <div className="plot-head">{children}</div>
      {shown === null ? null : (
        <p className="small plot-title">
          <span className="val strong">{shown.title}</span>{' '}
          <span className="text-3">
            {minus(where)}
            <span className="val">{minus(value)}</span>
          </span>
        </p>
      )}
      {/* A matrix may be larger than its pane: the keyboard scrolls it. */}
      <div
        ref={box}
        className="plot-box"
        {...(shown?.look === 'matrix' ? { tabIndex: 0, role: 'group', 'aria-label': 'Matrix' } : {})}
      >
        {shown === null ? (
          <div className="pane-empty">
            <Glyph name="delta" className="text-3" />
            <p className="text-2">{empty}</p>
          </div>
        ) : shown.look === 'lanes' ? (
          <LanesPicture data={shown} {...size} onGo={onGo} />
        ) : shown.look === 'matrix' ? (
          <MatrixPicture data={shown} {...size} onGo={onGo} />
        ) : (
          <PlotPicture data={shown} {...size} onGo={onGo} />
        )}
      </div>
      <div className="plot-foot">
        {(['svg', 'png', 'csv'] as const).map((as) => (
          <Button
            key={as}
            label={`Save ${as.toUpperCase()}`}
            look="tiny"
            refused={shown === null ? 'nothing is plotted' : null}
            onPress={() => void save(as)}
          >
            Save {as.toUpperCase()}
          </Button>
        ))}
      </div>
    </>
  );
}
