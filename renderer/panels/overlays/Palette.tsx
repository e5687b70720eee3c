import { type KeyboardEvent, type ReactElement, type ReactNode, useMemo, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { ACTIONS } from '../../actions/registry.ts';
import { commandOf, shownKey } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { DebuggerStore } from '../../store/debugger-store.ts';
import { jumpOf } from '../../store/select/jump.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import type { Selection } from '../../store/state/view.ts';
import { typedEdits } from '../../store/vcpu/typed-edits.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { Dialog } from './Dialog.tsx';
import { fieldsCalled } from './field-items.ts';
import { matchScore, SYNONYMS } from './match.ts';

interface Item {
  readonly id: string;
  readonly group: string;
  readonly glyph: GlyphName;
  readonly title: string;
  readonly keys: readonly string[];
  readonly hint: string | null;
  readonly refused: string | null;
  readonly run: () => void;
}

/** Register jumps and edits first, then actions whose title holds what was typed; refused ones stay listed with the reason. */
const useItems = (text: string): readonly Item[] => {
  const store = useDebuggerStore();
  const state = useDebugger((all) => all);
  return useMemo(() => {
    const capture = selectCapture(state);
    const items: Item[] = [];
    const typed = text.trim();
    const edits = capture === null ? null : typedEdits(state, typed);
    if (capture !== null && typed !== '' && edits === null) {
      const variants = /^[xyz]mm\d+$/i.test(typed)
        ? [typed, `${typed}:f32`, `${typed}:i32`, `${typed}:u8`, `${typed}:f64`]
        : [typed];
      for (const variant of variants) {
        const jump = jumpOf(capture, variant);
        if (jump === null) continue;
        items.push({
          id: `jump-${variant}`,
          group: 'Registers',
          glyph: jump.refused === null ? 'arrow' : 'stop',
          title: jump.title,
          keys: [],
          hint: variant === typed ? null : variant,
          refused: jump.refused,
          run: () => {
            jump.go(store.getState());
            focusLater(store);
          },
        });
      }
    }
    if (edits !== null) {
      items.push({
        id: 'stage',
        group: 'Edit',
        glyph: edits.refused === null ? 'pen' : 'stop',
        title: edits.title,
        keys: [],
        hint: null,
        refused: edits.refused,
        run: () => {
          edits.go(store.getState());
          focusLater(store);
        },
      });
    }
    const fields = capture === null || edits !== null ? [] : fieldsCalled(typed);
    for (const { path, meaning } of fields) {
      const jump = capture === null ? null : jumpOf(capture, path);
      if (jump === null || items.some(({ id }) => id === `jump-${path}`)) continue;
      items.push({
        id: `field-${path}`,
        group: 'Registers',
        glyph: jump.refused === null ? 'arrow' : 'stop',
        title: `${path}, ${meaning}`,
        keys: [],
        hint: null,
        refused: jump.refused,
        run: () => {
          jump.go(store.getState());
          focusLater(store);
        },
      });
    }
    const scored = ACTIONS.flatMap((row) => {
      const score = Math.max(
        matchScore(row.title, typed) ?? -1,
        // By another word, behind those that are called so.
        typed === '' ? -1 : (matchScore(SYNONYMS[row.id] ?? '', typed) ?? -1) - 250,
      );
      return row.id === 'palette' || score < 0 ? [] : [{ row, score }];
    });
    // Groups keep together: each stands where its best row does.
    const best = new Map<string, number>();
    for (const { row, score } of scored) best.set(row.group, Math.max(best.get(row.group) ?? 0, score));
    if (typed !== '') {
      scored.sort((a, b) => {
        const groups = (best.get(b.row.group) ?? 0) - (best.get(a.row.group) ?? 0);
        return groups !== 0
          ? groups
          : a.row.group === b.row.group
            ? b.score - a.score
            : a.row.group < b.row.group
              ? -1
              : 1;
      });
    }
    for (const { row } of scored) {
      const refused = row.refused(state);
      items.push({
        id: row.id,
        group: row.group,
        glyph: refused === null ? row.glyph : 'stop',
        title: row.title,
        keys: shownKey(row.id)?.split('+') ?? [],
        hint: null,
        refused,
        run: () => row.run(store),
      });
    }
    return items;
  }, [store, state, text]);
};

const focusLater = (store: DebuggerStore): void => {
  requestAnimationFrame(() => requestAnimationFrame(() => focusSelection(store.getState().selection)));
};

/** After a jump the keyboard stands on what was asked for; who has begun to type there already is not disturbed. */
const focusSelection = (selection: Selection | null): void => {
  if (document.activeElement?.closest('.value-editor')) return;
  const named = (attribute: string, name: string): string => `[${attribute}="${CSS.escape(name)}"]`;
  const places =
    selection?.kind !== 'register'
      ? ['.vector-row.selected [tabindex="0"]', '.register-cell']
      : [
          ...(selection.field === undefined ? [] : [named('data-field-of', `${selection.path}.${selection.field}`)]),
          `${named('data-cell-of', selection.path)} [role="button"]`,
          `[data-cell-of^="${CSS.escape(selection.path)}:"] [role="button"]`,
          '.register-cell',
        ];
  for (const place of places) {
    const found = document.querySelector<HTMLElement>(place);
    if (found === null) continue;
    found.focus();
    return;
  }
};

export function Palette(): ReactElement {
  const store = useDebuggerStore();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const items = useItems(text);
  const chosen = items[Math.min(at, items.length - 1)];
  const run = (item: Item | undefined): void => {
    if (item === undefined || item.refused !== null) return;
    // Closed, the dialog gives the keyboard back to the view that had it, which thereby comes to the front: only then is gone elsewhere.
    flushSync(() => store.getState().setOverlay(null));
    item.run();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const command = commandOf('palette', event);
    if (command === null) return;
    event.preventDefault();
    if (command === 'press') {
      run(chosen);
      return;
    }
    const step = { previous: -1, next: 1, 'page-previous': -8, 'page-next': 8 }[command];
    const to = Math.max(0, Math.min(items.length - 1, at + step));
    setAt(to);
    list.current?.querySelector(`#palette-${to}`)?.scrollIntoView({ block: 'nearest' });
  };
  return (
    <Dialog label="Command palette" look="palette">
      <div className="palette-in">
        <Glyph name="search" className="text-3" />
        <input
          type="text"
          role="combobox"
          aria-label="Search actions and registers"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={chosen === undefined ? undefined : `palette-${Math.min(at, items.length - 1)}`}
          placeholder="An action, a register, or an edit"
          value={text}
          spellCheck={false}
          autoComplete="off"
          autoFocus
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
        />
        <span className="text-3 small wide-only">
          <span className="val">zmm3:f32[1]</span> goes there, <span className="val">zmm3:f32[1]=2.5</span> edits it
        </span>
      </div>
      <div ref={list} id="palette-list" className="palette-list" role="listbox" aria-label="Results">
        {items.map((item, index) => (
          <PaletteItem
            key={item.id}
            item={item}
            index={index}
            on={item === chosen}
            head={items[index - 1]?.group === item.group ? null : item.group}
            wanted={text.trim()}
            onRun={() => run(item)}
          />
        ))}
        {items.length === 0 ? <p className="palette-none text-3">Nothing is called that.</p> : null}
      </div>
      <div className="palette-foot small text-3" aria-hidden="true">
        <span>
          <kbd>↑</kbd> <kbd>↓</kbd> choose
        </span>
        <span>
          <kbd>Enter</kbd> do
        </span>
        <span>
          <kbd>Esc</kbd> close
        </span>
        <span className="push" />
        <span>
          <span className="val">{items.length}</span> found
        </span>
      </div>
    </Dialog>
  );
}

interface PaletteItemProps {
  readonly item: Item;
  readonly index: number;
  readonly on: boolean;
  readonly head: string | null;
  readonly wanted: string;
  readonly onRun: () => void;
}

function PaletteItem({ item, index, on, head, wanted, onRun }: PaletteItemProps): ReactElement {
  return (
    <>
      {head === null ? null : (
        <div className="palette-group" role="presentation">
          {head}
        </div>
      )}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the combo box above holds the keyboard. */}
      <div
        id={`palette-${index}`}
        className={`palette-item ${on ? 'on' : ''} ${item.refused === null ? '' : 'refused'}`}
        role="option"
        tabIndex={-1}
        aria-selected={on}
        aria-disabled={item.refused === null ? undefined : true}
        onClick={onRun}
      >
        <Glyph name={item.glyph} />
        <span className="ellipsis">
          <Marked text={item.title} wanted={wanted} />
          {item.refused === null ? null : <span className="palette-why small">Refused: {item.refused}</span>}
        </span>
        <span className="line tight">
          {item.hint === null ? null : <span className="val small text-3">{item.hint}</span>}
          {item.keys.map((key) => (
            <kbd key={key}>{key}</kbd>
          ))}
        </span>
      </div>
    </>
  );
}

function Marked({ text, wanted }: { text: string; wanted: string }): ReactNode {
  const at = wanted === '' ? -1 : text.toLowerCase().indexOf(wanted.toLowerCase());
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + wanted.length)}</mark>
      {text.slice(at + wanted.length)}
    </>
  );
}
