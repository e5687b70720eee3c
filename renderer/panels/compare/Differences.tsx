import type { ReactElement } from 'react';
import { type DifferentComponent, type DifferentValue, differences } from '../../../app/edit/diff-elements.ts';
import type { Capture } from '../../../app/session/capture.ts';
import { hueOf } from '../../store/components.ts';
import { useDebugger } from '../../store/context.ts';
import { memoizePair } from '../../store/memoize.ts';
import type { LaneType } from '../../store/view-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count, minus } from '../../wording.ts';
import { ExpandableRows } from './ExpandableRows.tsx';

const byType = memoizePair((before: Capture, after: Capture) => {
  const known = new Map<LaneType, readonly DifferentComponent[]>();
  return (type: LaneType): readonly DifferentComponent[] => {
    const made = known.get(type) ?? differences(before, after, type);
    known.set(type, made);
    return made;
  };
});

/** What differs between two captures, by component, in the lane type chosen in Registers. */
export const differencesOf = (before: Capture, after: Capture, type: LaneType): readonly DifferentComponent[] =>
  byType(before, after)(type);

interface DifferencesProps {
  readonly before: Capture;
  readonly after: Capture;
  readonly titles: readonly [string, string];
  /** Goes to a register; null where there is no stop to show it in. */
  readonly onJump: ((path: string) => void) | null;
}

/** Two captures side by side, only what differs. */
export function Differences({ before, after, titles, onJump }: DifferencesProps): ReactElement {
  const type = useDebugger((state) => state.laneType);
  const found = differencesOf(before, after, type);
  if (found.length === 0) {
    return (
      <div className="targets-empty" data-testid="no-differences">
        <Glyph name="check" className="text-3" />
        <p className="title">Equal</p>
        <p>Every component and every register holds the same in both.</p>
      </div>
    );
  }
  return (
    <table className="differences" data-testid="differences">
      <thead>
        <tr>
          <th scope="col">register, element</th>
          <th scope="col">
            <span className="compare-letter">A</span> {titles[0]}
          </th>
          <th scope="col">
            <span className="compare-letter">B</span> {titles[1]}
          </th>
          <th scope="col" className="end">
            B minus A
          </th>
          <th scope="col" className="end">
            bits differ
          </th>
        </tr>
      </thead>
      {found.map((component) => (
        <Section key={component.bit ?? 'outside'} component={component} onJump={onJump} />
      ))}
    </table>
  );
}

const STATE_WORDS = { absent: 'absent', init: 'init', inUse: 'in use' } as const;

const summary = ({ before, after, values, changedBytes, sizeBytes, bit }: DifferentComponent): string => {
  const parts = [count(values.length, 'value')];
  if (bit !== null) parts.push(`${changedBytes} of ${sizeBytes} bytes`);
  if (before !== null && after !== null && before !== after) {
    parts.push(`${STATE_WORDS[before]} in A, ${STATE_WORDS[after]} in B`);
  }
  return parts.join(', ');
};

function Section({
  component,
  onJump,
}: {
  component: DifferentComponent;
  onJump: DifferencesProps['onJump'];
}): ReactElement {
  const { bit, label, values } = component;
  const swatch = component.after === 'inUse' || component.after === null ? '' : component.after;
  return (
    <tbody data-testid={`differs-${label}`}>
      <tr className="differences-head">
        <th scope="rowgroup" colSpan={5}>
          <span className={`swatch ${swatch}`} style={{ '--hue': bit === null ? 'var(--line-2)' : hueOf(bit) }} />
          <span className="strong">{label}</span> <span className="text-3 small">{summary(component)}</span>
        </th>
      </tr>
      <ExpandableRows values={values} row={(value) => <Row key={value.path} value={value} onJump={onJump} />} />
    </tbody>
  );
}

function Row({ value, onJump }: { value: DifferentValue; onJump: DifferencesProps['onJump'] }): ReactElement {
  const { path, before, after, bits } = value;
  return (
    <tr>
      <th scope="row" className="val">
        {onJump === null ? (
          path
        ) : (
          <button type="button" className="link" onClick={() => onJump(path)}>
            {path}
          </button>
        )}
      </th>
      <td className="val">{minus(before)}</td>
      <td className="val">
        <Glyph name="delta" className="g12 is-changed" /> {minus(after)}
      </td>
      <td className="val end">{value.minus === null ? '' : minus(value.minus)}</td>
      <td className="val end text-3">{bits ?? ''}</td>
    </tr>
  );
}
