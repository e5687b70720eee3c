import { type KeyboardEvent, type ReactElement, type ReactNode, useRef } from 'react';
import { nameWithSeen } from '../../controls/spoken.ts';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { Mark, ShownMark } from '../../store/select/provenance.ts';
import { selectEditRefusal } from '../../store/select/selectors.ts';
import { nextBase } from '../../store/view/bases.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { MARK_GLYPH, MARK_WORDS } from './MarkLegend.tsx';
import { useIsEditing, usePlaces } from './place.ts';
import { beginsEdit, ValueEditor } from './ValueEditor.tsx';

interface RegisterCellProps {
  /** What is assigned when the value is edited; null: it can be read only. */
  readonly path: string | null;
  /** What the inspector speaks about when the cell has the focus. */
  readonly register: string;
  readonly text: string;
  /** How it is drawn, where that is otherwise. */
  readonly seen?: string;
  readonly before: string | null;
  readonly mark: Mark;
  /** Why pre-flight refuses what is staged here; null: it does not. */
  readonly problem?: string | null;
  readonly children?: ReactNode;
}

/** A value that stands alone (not in the vector table): focus it, read it, edit it in place. */
export function RegisterCell(props: RegisterCellProps): ReactElement {
  const { path, register, text, seen = text, before, mark, problem = null, children } = props;
  const store = useDebuggerStore();
  const cell = useRef<HTMLSpanElement>(null);
  const placeOf = usePlaces();
  const isEditing = useIsEditing(path ?? register);
  const editing = path !== null && isEditing;
  const refused = useDebugger(selectEditRefusal);
  const open = (typed: string | null): void => {
    if (path !== null && refused === null)
      store.getState().openEditor(path, typed ?? text, typed !== null, placeOf(path));
  };
  const name = path ?? register;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget) return;
    const command = commandOf('cell', event);
    if (command === 'edit') open(null);
    else if (command === 'base')
      store.getState().setBase(name, nextBase(name, store.getState().bases.get(name) ?? 'own'));
    else if (beginsEdit(event)) open(event.key);
    else return;
    event.preventDefault();
  };
  const look: ShownMark = problem === null ? mark : 'refused';
  const isOver = before !== null && mark === 'staged';
  const isBehind = before !== null && mark === 'changed';
  const title = problem === null ? (refused ?? `${name}: Enter edits`) : `Refused: ${problem}`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button may not hold the editor that opens in its place.
    <span
      ref={cell}
      role="button"
      tabIndex={0}
      className={`register-cell inset-focus ${look === 'none' ? '' : look}`}
      aria-label={nameWithSeen(
        `${name} ${text}${MARK_WORDS[look]}${before === null ? '' : `, before ${before}`}`,
        `${isOver ? `${before} ` : ''}${seen}${isBehind ? ` ${before}` : ''}`,
      )}
      title={path === null ? `${register} can be read, not written` : title}
      data-mark={mark}
      onClick={() => store.getState().select({ kind: 'register', path: register })}
      onFocus={() => store.getState().select({ kind: 'register', path: register })}
      onDoubleClick={() => open(null)}
      onKeyDown={onKeyDown}
    >
      {look === 'none' ? null : <Glyph name={MARK_GLYPH[look]} className="g10" />}
      {/* The blanks part the two for who has them read aloud. */}
      {isOver
        ? [
            <span key="struck" className="struck">
              {before}
            </span>,
            ' ',
          ]
        : null}
      {children ?? text}
      {isBehind
        ? [
            ' ',
            <span key="previous" className="previous">
              {before}
            </span>,
          ]
        : null}
      {editing && path !== null ? (
        <ValueEditor
          path={path}
          onDone={(how) => {
            if (how === 'stay') cell.current?.focus();
            else neighbour(cell.current, how)?.focus();
          }}
        />
      ) : null}
    </span>
  );
}

/** The next or previous cell of the panel: where Tab leads from an editor. */
const neighbour = (cell: HTMLElement | null, how: 'onward' | 'back'): HTMLElement | null => {
  const panel = cell?.closest('[data-pane], main') ?? document;
  const cells = [...panel.querySelectorAll<HTMLElement>('.register-cell, .field-control')];
  const at = cell === null ? -1 : cells.indexOf(cell);
  return cells[at + (how === 'onward' ? 1 : -1)] ?? cell;
};
