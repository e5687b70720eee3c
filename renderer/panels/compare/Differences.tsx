import { type KeyboardEvent, type ReactElement, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { Capture } from '../../../app/capture/capture.ts';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger } from '../../store/context.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { DifferenceRow } from './DifferenceRow.tsx';
import { differencesOf, equalComponents } from './differences-of.ts';
import type { CompareLook } from './look.ts';
import { type CompareRow, nextRow, type Openness, offsetsOf, rowsOf } from './rows.ts';
import { useRowWindow } from './use-row-window.ts';

export { differencesOf } from './differences-of.ts';

interface DifferencesProps {
  readonly before: Capture;
  readonly after: Capture;
  readonly titles: readonly [string, string];
  /** Goes to a register; null where there is no stop to show it in. */
  readonly onJump: ((path: string) => void) | null;
  readonly look?: CompareLook;
  /** Equal components are named as well. */
  readonly withEqual?: boolean;
  /** The value that the inspector is about, and how another becomes it; not there: none is. */
  readonly chosen?: string | null;
  readonly onChoose?: (path: string) => void;
  /** What stands above already. */
  readonly withHeads?: boolean;
}

const NO_EQUAL: ReturnType<typeof equalComponents> = [];

/** Two captures side by side or in line, only what differs. One row has the keyboard; a long list is put in as it is scrolled. */
export function Differences(props: DifferencesProps): ReactElement {
  const { before, after, titles, onJump, look = 'side-by-side', withEqual = false } = props;
  const { chosen = null, onChoose, withHeads = true } = props;
  const type = useDebugger((state) => state.laneType);
  const [opened, setOpened] = useState<ReadonlyMap<string, Openness>>(new Map());
  const [current, setCurrent] = useState(0);
  const body = useRef<HTMLTableElement>(null);
  const toFocus = useRef<number | null>(null);
  const found = differencesOf(before, after, type);
  const equal = withEqual ? equalComponents(before, after) : NO_EQUAL;
  const rows = useMemo(() => rowsOf(found, equal, opened), [found, equal, opened]);
  const offsets = useMemo(() => offsetsOf(rows), [rows]);
  const { window: shown, bring, pageRows } = useRowWindow(body, offsets);
  const at = Math.min(current, rows.length - 1);
  const hasKeyboard = useRef(false);
  useLayoutEffect(() => {
    // The row that had the keyboard was scrolled out of the page: the list keeps it, and the next key brings the row back.
    if (hasKeyboard.current && document.activeElement === document.body) body.current?.focus({ preventScroll: true });
    if (toFocus.current === null) return;
    const row = body.current?.querySelector<HTMLElement>(`[data-row="${toFocus.current}"]`);
    if (row == null) return;
    row.focus({ preventScroll: true });
    toFocus.current = null;
  });
  if (found.length === 0 && equal.length === 0) return <Equal />;

  const open = (label: string, openness: Openness): void =>
    setOpened((previous) => new Map(previous).set(label, openness));
  const press = (row: CompareRow): void => {
    if (row.kind === 'value') onJump?.(row.value.path);
    else if (row.kind === 'more') open(row.label, 'all');
    else if (row.kind === 'head') open(row.label, opened.get(row.label) === 'closed' ? 'first' : 'closed');
  };
  const choose = (row: CompareRow | undefined): void => {
    if (row?.kind === 'value') onChoose?.(row.value.path);
  };
  const goTo = (index: number): void => {
    setCurrent(index);
    choose(rows[index]);
    toFocus.current = index;
    bring(index);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const row = rows[at];
    if (row === undefined) return;
    const command = commandOf('rows', event);
    const next = nextRow(command, at, rows.length, pageRows());
    if (next !== null) goTo(next);
    else if (command === 'press') {
      press(row);
      // Its row goes, and the first of those that it stood for takes its place and the keyboard.
      if (row.kind === 'more') toFocus.current = at;
    } else if (command === 'fold') {
      goTo(rows.findIndex((one) => one.kind !== 'value' && one.kind !== 'more' && one.label === row.label));
      if (row.kind === 'head') open(row.label, 'closed');
    } else if (command === 'unfold' && row.kind === 'head') {
      open(row.label, opened.get(row.label) === 'closed' ? 'first' : 'all');
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const [above, below] = [offsets[shown.first] ?? 0, (offsets.at(-1) ?? 0) - (offsets[shown.end] ?? 0)];
  const sections = sectionsOf(rows, shown.first, shown.end);
  return (
    <table
      ref={body}
      className={`differences ${look}`}
      data-testid="differences"
      aria-label={`${titles[0]} and ${titles[1]}`}
      data-heads={withHeads || undefined}
      aria-rowcount={rows.length}
      // Tab leads to the current row, or to the list where that row is not put in.
      tabIndex={at >= shown.first && at < shown.end ? -1 : 0}
      onFocus={() => {
        hasKeyboard.current = true;
      }}
      onBlur={(event) => {
        if (event.relatedTarget !== null || event.target.isConnected) hasKeyboard.current = false;
      }}
      onKeyDown={onKeyDown}
    >
      <colgroup>
        <col className="column-name" />
        <col />
        <col />
        <col className="column-minus" />
        <col className="column-bits" />
      </colgroup>
      <Heads titles={titles} look={look} isShown={withHeads} />
      {above === 0 ? null : <Space heightPx={above} />}
      {sections.map(({ label, first, rows: own }) => (
        <tbody key={label} data-testid={`differs-${label}`}>
          {own.map((row, index) => (
            <DifferenceRow
              key={row.key}
              row={row}
              index={first + index}
              isCurrent={first + index === at}
              isChosen={row.kind === 'value' && row.value.path === chosen}
              before={before}
              after={after}
              onChoose={() => {
                setCurrent(first + index);
                choose(row);
              }}
              isClosed={opened.get(row.label) === 'closed'}
              look={look}
              canJump={onJump !== null}
              onPress={() => {
                setCurrent(first + index);
                press(row);
              }}
              onFocus={() => {
                setCurrent(first + index);
                choose(row);
              }}
            />
          ))}
        </tbody>
      ))}
      {below === 0 ? null : <Space heightPx={below} />}
    </table>
  );
}

const sectionsOf = (rows: readonly CompareRow[], first: number, end: number) => {
  const sections: { label: string; first: number; rows: CompareRow[] }[] = [];
  for (let index = first; index < end; index += 1) {
    const row = rows[index];
    const last = sections.at(-1);
    if (row === undefined) continue;
    if (last?.label === row.label) last.rows.push(row);
    else sections.push({ label: row.label, first: index, rows: [row] });
  }
  return sections;
};

/** Stands for the rows that are not put in. */
function Space({ heightPx }: { heightPx: number }): ReactElement {
  return (
    <tbody aria-hidden="true">
      <tr>
        <td colSpan={5} className="space" style={{ height: heightPx }} />
      </tr>
    </tbody>
  );
}

function Heads(props: { titles: readonly [string, string]; look: CompareLook; isShown: boolean }): ReactElement {
  const { titles, look, isShown } = props;
  const [a, b] = titles.map((title, index) => (
    <span key={title} className="compare-title">
      <span className="compare-letter">{'AB'[index]}</span> {title}
    </span>
  ));
  return (
    <thead className={isShown ? '' : 'visually-hidden'}>
      <tr>
        <th scope="col">register, element</th>
        {look === 'inline' ? (
          <th scope="col" colSpan={2}>
            {a} <Glyph name="arrow" className="g12 text-3" /> {b}
          </th>
        ) : (
          <>
            <th scope="col">{a}</th>
            <th scope="col">{b}</th>
          </>
        )}
        <th scope="col" className="end">
          B minus A
        </th>
        <th scope="col" className="end">
          bits differ
        </th>
      </tr>
    </thead>
  );
}

export function Equal(): ReactElement {
  return (
    <div className="targets-empty" data-testid="no-differences">
      <Glyph name="check" className="text-3" />
      <p className="title">Equal</p>
      <p>Every component and every register holds the same in both.</p>
    </div>
  );
}
