import { type ReactElement, useState } from 'react';
import { hexByte } from '../../../app/bits/bytes.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import type { DifferentComponent } from '../../../app/diff/diff-elements.ts';
import { placeOf } from '../../../app/xsave/layout.ts';
import { componentBytesOrInit } from '../../../app/xsave/view.ts';
import { hueOf } from '../../store/select/components.ts';
import { count } from '../../wording.ts';

const ROW_BYTES = 16;
/** Enough to see which bytes; TILEDATA has 512 rows. */
const ROWS_FIRST = 12;

interface ByteDifferencesProps {
  readonly before: Capture;
  readonly after: Capture;
  readonly found: readonly DifferentComponent[];
}

/** Both in hex, in memory order, the rows that differ; init as its initial values. Offsets are those of B's image. */
export function ByteDifferences({ before, after, found }: ByteDifferencesProps): ReactElement {
  const inside = found.filter(({ bit, changedBytes }) => bit !== null && changedBytes > 0);
  return (
    <div className="byte-differences" data-testid="byte-differences">
      {inside.length === 0 ? <p className="text-3 byte-none">No byte of a component differs.</p> : null}
      {inside.map((component) => (
        <ComponentBytes key={component.label} before={before} after={after} component={component} />
      ))}
    </div>
  );
}

function ComponentBytes(props: { before: Capture; after: Capture; component: DifferentComponent }): ReactElement {
  const { before, after, component } = props;
  const [all, setAll] = useState(false);
  const bit = component.bit ?? 0;
  const [a, b] = [componentBytesOrInit(before.image, bit), componentBytesOrInit(after.image, bit)];
  const base = (placeOf(after.image.layout, bit) ?? placeOf(before.image.layout, bit))?.offsetBytes ?? 0;
  const starts: number[] = [];
  for (let start = 0; start < Math.max(a.length, b.length); start += ROW_BYTES) {
    for (let at = start; at < start + ROW_BYTES; at += 1) {
      if (a[at] === b[at]) continue;
      starts.push(start);
      break;
    }
  }
  const shown = all || starts.length <= ROWS_FIRST + 1 ? starts : starts.slice(0, ROWS_FIRST);
  return (
    <section aria-label={component.label} data-component={component.label}>
      <h3 className="byte-head">
        <span className={`swatch ${component.after === 'init' ? 'init' : ''}`} style={{ '--hue': hueOf(bit) }} />
        {component.label}
        <span className="text-3 small">
          {component.changedBytes} of {component.sizeBytes} bytes, {count(starts.length, 'row')}
        </span>
      </h3>
      <div className="byte-rows">
        {shown.map((start) => (
          <div key={start} className="byte-row val">
            <span className="text-3 number">{base + start}</span>
            <Bytes own={a} other={b} start={start} mark={false} />
            <Bytes own={b} other={a} start={start} mark />
          </div>
        ))}
        {shown.length === starts.length ? null : (
          <button type="button" className="link byte-more" onClick={() => setAll(true)}>
            {starts.length - shown.length} more
          </button>
        )}
      </div>
    </section>
  );
}

interface BytesProps {
  readonly own: Uint8Array;
  readonly other: Uint8Array;
  readonly start: number;
  readonly mark: boolean;
}

function Bytes({ own, other, start, mark }: BytesProps): ReactElement {
  return (
    <span className="byte-side">
      {Array.from({ length: ROW_BYTES }, (_, at) => {
        const [value, was] = [own[start + at], other[start + at]];
        const look = value === was ? (value === 0 ? 'is-init' : 'text-2') : mark ? 'digit-differs' : 'byte-was';
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a byte is its place.
          <span key={at} className={look}>
            {value === undefined ? '  ' : hexByte(value)}
          </span>
        );
      })}
    </span>
  );
}
