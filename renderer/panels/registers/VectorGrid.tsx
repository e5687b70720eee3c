// biome-ignore-all lint/a11y/useSemanticElements: the WAI-ARIA grid pattern; a table's cells cannot be laid out by width.
// biome-ignore-all lint/a11y/useFocusableInteractive: the cells take the focus, rows and heads do not.
import {
  type ClipboardEvent,
  Fragment,
  type KeyboardEvent,
  memo,
  type ReactElement,
  type RefObject,
  useContext,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { vectorFragments } from '../../../app/register/vector.ts';
import { nameWithSeen } from '../../controls/spoken.ts';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { markedPart, type Provenance, shownMark } from '../../store/select/provenance.ts';
import { selectEditRefusal } from '../../store/select/selectors.ts';
import { elementPath, elementsOf, holderOf, type VectorFile } from '../../store/select/vector.ts';
import type { LaneType } from '../../store/state/view.ts';
import { nextBase } from '../../store/view/bases.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { basedText, charactersIn, exactText, fittedText, isWord, isZero, sizeOf } from './element-text.ts';
import { isBlockMove, isToEdge, moveInGrid } from './grid-moves.ts';
import { LaneHeads } from './LaneHeads.tsx';
import { LANE_TYPES } from './lane-types.ts';
import { MARK_GLYPH, MARK_WORDS } from './MarkLegend.tsx';
import { PaneOfCells, useIsEditing, usePlaces } from './place.ts';
import { RegisterName } from './RegisterName.tsx';
import { useBlockCorner } from './use-block-corner.ts';
import { useGridFit } from './use-grid-fit.ts';
import { beginsEdit, ValueEditor } from './ValueEditor.tsx';
import { VectorBlockBar } from './VectorBlockBar.tsx';
import { pastedVector, type VectorBlock, vectorBlock, vectorText } from './vector-block.ts';

const HEAD_PX = 52;
const SIDE_PX = 32;
const LANE_GAP_PX = 3;
/** Below this a value cannot be read: the table then scrolls sideways under a fixed row head. */
const LEAST_PX: Readonly<Record<number, number>> = { 1: 36, 2: 46, 4: 36, 8: 76 };
/** Eight digits of 10 px type, where those of 11 px do not fit. */
const HEX_LEAST_PX = 54;
const HEX_ROOMY_PX = 61;

/** From this one on a register is kept in Hi16_ZMM as a whole. */
const FIRST_HIGH = 16;

/** How wide the cells of one line are, and whether it is wider than the table. */
const lineOf = (boxPx: number, lanes: number, count: number, least: number) => {
  const room = boxPx - SIDE_PX - HEAD_PX - (lanes - 1) * LANE_GAP_PX;
  const cellPx = Math.max(least, Math.floor(room / count));
  return { room, cellPx, scrolls: cellPx * count > room };
};

interface GridProps {
  readonly provenance: Provenance;
  readonly file: VectorFile;
  readonly rows: readonly number[];
}

export function VectorGrid({ provenance, file, rows }: GridProps): ReactElement {
  const store = useDebuggerStore();
  const type = useDebugger((state) => state.laneType);
  const right = useDebugger((state) => state.laneZero === 'right');
  const chosen = useDebugger((state) => (state.selection?.kind === 'vector' ? state.selection : null));
  const placeOf = usePlaces();
  const grid = useRef<HTMLDivElement>(null);
  const { corner, setCorner, choose } = useBlockCorner(chosen, type);
  const [problem, setProblem] = useState<string | null>(null);
  const { boxPx, mostPx } = useGridFit(grid, rows.length);
  const count = elementsOf(file, type);
  const size = sizeOf(type);
  const lanes = file.widthBits / 128;
  const least = type === 'hex' ? HEX_LEAST_PX : (LEAST_PX[size] ?? 40);
  // What is too wide for one line takes two, where two are enough; else the table scrolls.
  const whole = lineOf(boxPx, lanes, count, least);
  const half = lineOf(boxPx, lanes / 2, count / 2, least);
  const isFolded = whole.scrolls && !half.scrolls;
  const { room, cellPx, scrolls } = isFolded ? half : whole;
  const inLine = isFolded ? count / 2 : count;
  const order = Array.from({ length: count }, (_, at) => (right ? count - 1 - at : at));

  // Lane 0 is where reading begins: with lane 0 at the right a table that scrolls sideways starts at its right end.
  useLayoutEffect(() => {
    if (grid.current !== null) grid.current.scrollLeft = right && scrolls ? grid.current.scrollWidth : 0;
  }, [right, scrolls]);

  const focusCell = (index: number, element: number, extend = false): void => {
    setProblem(null);
    choose({ index, element }, extend ? (corner ?? chosen ?? { index, element }) : null);
    store.getState().select({ kind: 'vector', index, element });
    const take = (): boolean => {
      if (store.getState().editor !== null) return false;
      const cell = grid.current?.querySelector<HTMLElement>(`[data-cell="${index}-${element}"]`);
      cell?.focus();
      return cell != null;
    };
    if (!take()) requestAnimationFrame(take); // At once, for the next key goes on from here, but for an editor that goes.
  };
  const edit = (index: number, element: number, text: string | null): void => {
    if (selectEditRefusal(store.getState()) !== null) return;
    const part = markedPart(provenance, `${file.kind}${index}`, element * size, size);
    if (part === null) return;
    store.getState().select({ kind: 'vector', index, element });
    const path = elementPath(file, index, type, element);
    store.getState().openEditor(path, text ?? exactText(type, part.bytes, 0), text !== null, placeOf(path));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>('[data-cell]');
    if (cell === null) return;
    const command = commandOf('grid', event);
    const [index = 0, element = 0] = (cell.dataset.cell ?? '').split('-').map(Number);
    const from = { row: rows.indexOf(index), column: order.indexOf(element) };
    const to = moveInGrid(command, isToEdge(event), from, {
      rows: rows.length,
      columns: count,
      hasValue: ({ row, column }) => {
        const part = markedPart(provenance, `${file.kind}${rows[row]}`, (order[column] ?? 0) * size, size);
        return part !== null && !isZero(part.bytes, 0, size);
      },
    });
    if (to !== null) {
      event.preventDefault();
      event.stopPropagation();
      focusCell(rows[to.row] ?? index, order[to.column] ?? element, isBlockMove(command, event));
      return;
    }
    if (command === 'edit') edit(index, element, null);
    else if (command === 'base') {
      const path = elementPath(file, index, type, element);
      store.getState().setBase(path, nextBase(path, store.getState().bases.get(path) ?? 'own'));
    } else if (command === 'next-type' || command === 'previous-type') nextType(command === 'next-type' ? 1 : -1);
    // A float's "f" begins no value, while in hex it is a digit.
    else if (commandOf('registers', event) === 'flip' && (event.shiftKey || type !== 'hex'))
      store.getState().flipLanes();
    else if (beginsEdit(event)) edit(index, element, event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const nextType = (step: 1 | -1): void => {
    const at = LANE_TYPES.indexOf(type);
    const next = LANE_TYPES[(at + step + LANE_TYPES.length) % LANE_TYPES.length];
    if (next !== undefined) store.getState().setLaneType(next);
    if (chosen !== null) focusCell(chosen.index, 0);
  };
  const leave = (index: number, element: number, how: 'stay' | 'onward' | 'back'): void => {
    const at = order.indexOf(element) + (how === 'stay' ? 0 : how === 'onward' ? 1 : -1);
    const row = rows.indexOf(index) + (at >= count ? 1 : at < 0 ? -1 : 0);
    focusCell(rows[Math.max(0, Math.min(rows.length - 1, row))] ?? index, order[(at + count) % count] ?? element);
  };
  const block = corner === null || chosen === null ? null : vectorBlock(rows, order, corner, chosen);
  const here = (): VectorBlock | null =>
    block ?? (chosen === null ? null : { rows: [chosen.index], elements: [chosen.element] });
  const onCopy = (event: ClipboardEvent): void => {
    const copied = here();
    if (event.target instanceof HTMLInputElement || copied === null) return;
    event.preventDefault();
    event.clipboardData.setData('text/plain', vectorText(provenance, file, type, copied));
  };
  const onPaste = (event: ClipboardEvent): void => {
    const [row, column] = [here()?.rows[0], here()?.elements[0]];
    if (event.target instanceof HTMLInputElement || row === undefined || column === undefined) return;
    event.preventDefault();
    const text = event.clipboardData.getData('text/plain');
    const made = pastedVector(file, type, { rows, order }, { index: row, element: column }, text);
    const state = store.getState();
    const why = selectEditRefusal(state) ?? (typeof made === 'string' ? made : state.stageAll(made));
    setProblem(why);
    // What is said about it stands under the table, beside the block that it is about.
    if (why !== null) setCorner(corner ?? { index: row, element: column });
  };
  const acts = useRef<CellActs>({ focusCell, edit, leave });
  acts.current = { focusCell, edit, leave };
  // Without a block the line under the table is about the register as a whole: it is always there, and nothing jumps.
  const summed =
    block ?? (chosen === null || !rows.includes(chosen.index) ? null : { rows: [chosen.index], elements: order });
  const active =
    chosen !== null && rows.includes(chosen.index) ? chosen : { index: rows[0] ?? 0, element: order[0] ?? 0 };

  const heads = (index: number): ReactElement => (
    <LaneHeads provenance={provenance} file={file} index={index} type={type} right={right} cellPx={cellPx} />
  );

  return (
    <>
      <div
        ref={grid}
        className={`vector-grid ${scrolls ? 'scrolls' : ''} ${isFolded ? 'folded' : ''} ${mostPx === null ? '' : 'long'} ${type === 'hex' && cellPx < HEX_ROOMY_PX ? 'narrow' : ''}`}
        role="grid"
        aria-label={`${file.kind} registers as ${type}`}
        aria-rowcount={rows.length + 1}
        aria-colcount={count + 1}
        tabIndex={-1}
        style={{
          '--cell': `${cellPx}px`,
          '--head': `${HEAD_PX + (scrolls ? 0 : room - cellPx * inLine)}px`,
          ...(mostPx === null ? {} : { maxHeight: mostPx }),
        }}
        onKeyDown={onKeyDown}
        onCopy={onCopy}
        onPaste={onPaste}
        onMouseDown={(event) => {
          // Shift extends the block from where the focus is: the press must not move the focus first.
          if (event.shiftKey) event.preventDefault();
        }}
      >
        {isFolded ? null : heads(rows[0] ?? 0)}
        <div className="vector-row head" role="row">
          <span className="row-head" role="columnheader">
            {type}
          </span>
          {order.map((element, at) => (
            <Fragment key={element}>
              {isFolded && at === inLine ? <NextLine /> : null}
              <span
                role="columnheader"
                className={`column-head ${endsLane(at, count, lanes, isFolded ? inLine : null) ? 'lane-end' : ''} ${chosen?.element === element ? 'on' : ''}`}
              >
                {element}
              </span>
            </Fragment>
          ))}
        </div>
        {rows.map((index, at) => (
          <Fragment key={index}>
            {!isFolded && at > 0 && index >= FIRST_HIGH && (rows[at - 1] ?? 0) < FIRST_HIGH ? heads(index) : null}
            <VectorRow
              provenance={provenance}
              file={file}
              index={index}
              type={type}
              right={right}
              characters={charactersIn(cellPx)}
              foldsAt={isFolded ? inLine : null}
              focusElement={active.index === index ? active.element : null}
              selected={chosen?.index === index}
              block={block?.rows.includes(index) === true ? blockIn(block, index) : null}
              acts={acts}
            />
          </Fragment>
        ))}
      </div>
      <VectorBlockBar
        provenance={provenance}
        file={file}
        type={type}
        block={summed}
        isRegister={block === null}
        problem={problem}
        onProblem={setProblem}
      />
    </>
  );
}

/** Which elements of a row lie in the block, and whether it begins or ends there: as text, so that a row repaints when it has to. */
const blockIn = ({ rows, elements }: VectorBlock, index: number): string =>
  `${rows[0] === index ? 'top' : ''} ${rows.at(-1) === index ? 'bottom' : ''} ${elements[0]} ${elements.at(-1)}`;

const blockLook = (block: string | null, element: number): string => {
  if (block === null) return '';
  const [top, bottom, first, last] = block.split(' ');
  const [low, high] = [Number(first), Number(last)].sort((a, b) => a - b);
  if (low === undefined || high === undefined || element < low || element > high) return '';
  const ends = [Number(first) === element ? 'first' : '', Number(last) === element ? 'last' : ''];
  return `in-block ${top} ${bottom} ${ends.join(' ')}`;
};

/** Ends a line of a row, and leaves room under its name. */
function NextLine(): ReactElement {
  return (
    <>
      <span className="line-end" aria-hidden="true" />
      <span className="row-head" aria-hidden="true" />
    </>
  );
}

/** Where a line ends nothing is left free behind it: the line is as wide as the table. */
const endsLane = (at: number, count: number, lanes: number, foldsAt: number | null): boolean =>
  (at + 1) % (count / lanes) === 0 && at + 1 < count && at + 1 !== foldsAt;

interface RowProps {
  readonly provenance: Provenance;
  readonly file: VectorFile;
  readonly index: number;
  readonly type: LaneType;
  readonly right: boolean;
  readonly characters: number;
  /** A second line begins before this one of its elements, by place; null: there is one line. */
  readonly foldsAt: number | null;
  /** The element that holds the grid's one tab stop; null: another row has it. */
  readonly focusElement: number | null;
  readonly selected: boolean;
  /** What of the row lies in the selected block, see blockIn(); null: nothing. */
  readonly block: string | null;
  readonly acts: RefObject<CellActs>;
}

/** What a cell asks of its grid; held in a ref, so that a row repaints for its data only. */
interface CellActs {
  focusCell(index: number, element: number, extend?: boolean): void;
  edit(index: number, element: number, text: string | null): void;
  leave(index: number, element: number, how: 'stay' | 'onward' | 'back'): void;
}

const sameRow = (a: RowProps, b: RowProps): boolean =>
  a.provenance === b.provenance &&
  a.index === b.index &&
  a.type === b.type &&
  a.right === b.right &&
  a.characters === b.characters &&
  a.foldsAt === b.foldsAt &&
  a.focusElement === b.focusElement &&
  a.selected === b.selected &&
  a.block === b.block &&
  a.file.kind === b.file.kind;

const VectorRow = memo(function VectorRow(props: RowProps): ReactElement {
  const { provenance, file, index, type, right, selected, foldsAt } = props;
  const count = elementsOf(file, type);
  const size = sizeOf(type);
  const lanes = file.widthBits / 128;
  const fragments = vectorFragments(provenance.now.image, file.kind, index);
  const isInit = (element: number): boolean =>
    fragments.findLast((fragment) => fragment.fromBit <= element * size * 8)?.state === 'init';
  // Beside the name, where it covers no digit: the nearest to the user of what its elements are.
  const mark = shownMark(markedPart(provenance, `${file.kind}${index}`, 0, file.widthBits / 8));
  const row = useRef<HTMLDivElement>(null);
  // A pane beside stays where it was scrolled to, unless the keyboard is in it.
  const isPane = useContext(PaneOfCells) !== '';
  useEffect(() => {
    const node = row.current;
    if (!selected || (isPane && node?.contains(document.activeElement) === false)) return;
    node?.scrollIntoView({ block: 'nearest' });
  }, [selected, isPane]);
  return (
    <div ref={row} className={`vector-row ${selected ? 'selected' : ''}`} role="row" aria-selected={selected}>
      <span className="row-head val" role="rowheader">
        {mark === 'none' ? null : <Glyph name={MARK_GLYPH[mark]} className={`g10 is-${mark}`} />}
        <RegisterName name={`${file.kind}${index}`} />
      </span>
      {Array.from({ length: count }, (_, at) => (right ? count - 1 - at : at)).map((element, at) => (
        <Fragment key={element}>
          {at === foldsAt ? <NextLine /> : null}
          <Cell {...props} element={element} init={isInit(element)} laneEnd={endsLane(at, count, lanes, foldsAt)} />
        </Fragment>
      ))}
    </div>
  );
}, sameRow);

function Cell(props: RowProps & { element: number; init: boolean; laneEnd: boolean }): ReactElement {
  const { provenance, file, index, type, characters, focusElement, element, init, laneEnd, acts, block } = props;
  const size = sizeOf(type);
  const path = elementPath(file, index, type, element);
  const editing = useIsEditing(path);
  const { register, lost } = holderOf(provenance.now.image, file, index, element * size, size);
  const part = lost === null ? markedPart(provenance, register, element * size, size) : null;
  const mark = shownMark(part);
  const blank = init && part?.mark !== 'staged';
  const base = useDebugger((state) => state.bases.get(path) ?? 'own');
  const own = lost !== null ? 'lost' : part === null ? '' : blank ? '·' : fittedText(type, part.bytes, 0, characters);
  const exact =
    lost !== null ? `lost: ${lost}` : part === null ? 'not read' : blank ? 'init' : exactText(type, part.bytes, 0);
  const text = part === null || blank ? own : (basedText(path, exact, base, characters) ?? own);
  const look = [
    'vector-cell val inset-focus',
    mark === 'none' ? '' : mark,
    laneEnd ? 'lane-end' : '',
    part !== null && mark === 'none' && isZero(part.bytes, 0, size) ? 'zero' : '',
    lost === null ? '' : 'is-init',
    isWord(text) && type !== 'hex' ? 'word' : '',
    blockLook(block, element),
  ].join(' ');
  const before = part?.before == null ? '' : `, before ${exactText(type, part.before, 0)}`;
  const why = mark === 'refused' ? `: ${provenance.refused?.sentence ?? ''}` : '';
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid in front of the cells holds the keyboard.
    <span
      role="gridcell"
      className={look}
      aria-label={nameWithSeen(`${path} ${exact}${MARK_WORDS[mark]}${before}`, text === '·' ? '' : text)}
      title={mark === 'none' ? `${path} ${exact}` : `${path} ${exact}${MARK_WORDS[mark]}${before}${why}`}
      data-cell={`${index}-${element}`}
      data-mark={part?.mark ?? 'none'}
      tabIndex={focusElement === element ? 0 : -1}
      aria-selected={block === null ? undefined : blockLook(block, element) !== ''}
      onClick={(event) => acts.current.focusCell(index, element, event.shiftKey)}
      onDoubleClick={() => acts.current.edit(index, element, null)}
    >
      {text}
      {editing ? <ValueEditor path={path} onDone={(how) => acts.current.leave(index, element, how)} /> : null}
    </span>
  );
}
