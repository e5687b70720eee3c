import type { ReactElement, ReactNode } from 'react';
import type { Capture } from '../../../app/capture/capture.ts';
import type { DifferentComponent, DifferentValue } from '../../../app/diff/diff-elements.ts';
import { componentMark, differenceMark } from '../../store/compare/compare-difference.ts';
import { useDebugger } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import type { CompareLook } from './look.ts';
import { MarkOf } from './MarkOf.tsx';
import { type CompareRow, differingDigits, isTile, summaryOf } from './rows.ts';
import { shownName, shownValue } from './shown-value.ts';
import { TileDifference } from './TileDifference.tsx';

interface DifferenceRowProps {
  readonly row: CompareRow;
  readonly index: number;
  /** It is the one that Tab leads to. */
  readonly isCurrent: boolean;
  readonly isClosed: boolean;
  /** The inspector is about it. */
  readonly isChosen: boolean;
  readonly before: Capture;
  readonly after: Capture;
  readonly look: CompareLook;
  readonly canJump: boolean;
  readonly onPress: () => void;
  readonly onChoose: () => void;
  readonly onFocus: () => void;
}

/** One row of a comparison: a component's head, a value, what is not shown, or a component that is equal. */
export function DifferenceRow(props: DifferenceRowProps): ReactElement {
  const { row, index, isCurrent, onFocus } = props;
  return (
    <tr
      className={row.kind === 'head' ? 'differences-head' : props.isChosen ? 'is-chosen' : ''}
      aria-current={props.isChosen || undefined}
      data-component={row.kind === 'head' || row.kind === 'equal' ? row.label : undefined}
      onClick={props.onChoose}
      data-row={index}
      data-path={row.kind === 'value' && !isTile(row.value) ? row.value.path : undefined}
      aria-rowindex={index + 1}
      tabIndex={isCurrent ? 0 : -1}
      onFocus={onFocus}
    >
      {row.kind === 'head' ? (
        <Head component={row.component} isClosed={props.isClosed} onPress={props.onPress} />
      ) : row.kind === 'equal' ? (
        <th scope="rowgroup" colSpan={5} className="is-equal">
          <span className="line">
            <span className={`swatch ${row.equal.state}`} style={{ '--hue': hueOf(row.equal.bit) }} />
            <span className="text-2">{row.label}</span>
            <span className="text-3 small">{row.equal.words}</span>
          </span>
        </th>
      ) : row.kind === 'more' ? (
        <>
          <td />
          <td colSpan={4}>
            <button type="button" className="link" tabIndex={-1} onClick={props.onPress}>
              {row.hidden} more
            </button>
          </td>
        </>
      ) : (
        <Value {...props} value={row.value} onPress={props.canJump ? props.onPress : null} />
      )}
    </tr>
  );
}

const STATE_WORDS = { absent: 'absent', init: 'init', inUse: 'in use' } as const;

const stateChange = ({ before, after }: DifferentComponent): string =>
  before === null || after === null || before === after
    ? ''
    : `, ${STATE_WORDS[before]} in A, ${STATE_WORDS[after]} in B`;

function Head(props: { component: DifferentComponent; isClosed: boolean; onPress: () => void }): ReactElement {
  const { component, isClosed, onPress } = props;
  const { bit, label } = component;
  const mark = useDebugger((state) => componentMark(state, component));
  const swatch = component.after === 'inUse' || component.after === null ? '' : component.after;
  return (
    <th scope="rowgroup" colSpan={5}>
      <button type="button" className="differences-toggle" tabIndex={-1} aria-expanded={!isClosed} onClick={onPress}>
        <Glyph name={isClosed ? 'chevronRight' : 'chevron'} className="g12 text-3" />
        <span className={`swatch ${swatch}`} style={{ '--hue': bit === null ? 'var(--line-2)' : hueOf(bit) }} />
        <span className="strong">{label}</span> <MarkOf mark={mark} />
        <span className="text-3 small">
          {summaryOf(component)}
          {stateChange(component)}
        </span>
      </button>
    </th>
  );
}

interface ValueProps {
  readonly value: DifferentValue;
  readonly look: CompareLook;
  readonly before: Capture;
  readonly after: Capture;
  readonly onPress: (() => void) | null;
}

function Value({ value, look, before, after, onPress }: ValueProps): ReactElement {
  const { path, bits } = value;
  const [was, is] = [shownValue(value.before), shownValue(value.after)];
  const mark = useDebugger((state) => differenceMark(state, path));
  const name = (
    <th scope="row" className="val">
      {onPress === null ? (
        shownName(path)
      ) : (
        <button type="button" className="link quiet" tabIndex={-1} title={`Show ${path}`} onClick={onPress}>
          {shownName(path)}
        </button>
      )}
    </th>
  );
  if (isTile(value)) {
    return (
      <>
        {name}
        <TileDifference before={before} after={after} tile={Number(path.slice(3))} look={look} mark={mark} />
      </>
    );
  }
  const shown = (
    <>
      <MarkOf mark={mark} />
      <span className={`difference-of ${mark}`}>
        <Digits before={was} after={is} />
      </span>
    </>
  );
  return (
    <>
      {name}
      {look === 'inline' ? (
        <td className="val" colSpan={2} title={`${was} → ${is}`}>
          <del className="text-3">{minus(was)}</del> {shown}
        </td>
      ) : (
        <>
          <td className="val text-2" title={was}>
            {minus(was)}
          </td>
          <td className="val" title={is}>
            {shown}
          </td>
        </>
      )}
      <td
        className={`end ${/^[-+]/.test(value.minus ?? '') ? 'val' : 'small text-2'}`}
        title={value.minus ?? undefined}
      >
        {value.minus === null ? '' : minus(value.minus)}
      </td>
      <td className="val end text-3">{bits ?? ''}</td>
    </>
  );
}

function Digits({ before, after }: { before: string; after: string }): ReactNode {
  return differingDigits(before, after).map(({ at, text, differs }) =>
    differs ? (
      <mark key={at} className="digit-differs">
        {text}
      </mark>
    ) : (
      minus(text)
    ),
  );
}
