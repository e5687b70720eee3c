import { type KeyboardEvent, type ReactElement, useEffect, useRef } from 'react';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { typedMeaning } from '../../store/vcpu/edits-slice.ts';
import { typedBits } from '../../store/vcpu/typed-bits.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { usePlaces } from './place.ts';

interface ValueEditorProps {
  readonly path: string;
  /** After a value was staged, or the edit was given up; `onward` after Tab. */
  readonly onDone: (how: 'stay' | 'onward' | 'back') => void;
  /** Stages what was typed, where a path alone does not say how; the reason where it is refused. */
  readonly stage?: ((text: string) => string | null) | undefined;
  /** What the editor was opened for, where the same value can be edited in another place too. */
  readonly place?: string;
}

/** The editor that stands where the value stands. A refused text stays, with its reason in place. */
export function ValueEditor({ path, onDone, stage, place: named }: ValueEditorProps): ReactElement | null {
  const store = useDebuggerStore();
  const place = usePlaces()(named ?? path);
  const editor = useDebugger((state) => (state.editor?.place === place ? state.editor : null));
  const input = useRef<HTMLInputElement>(null);
  const open = editor !== null;
  const opened = useRef<string | null>(null);
  if (!open) opened.current = null;
  else opened.current ??= editor.typed ? '' : editor.text;
  useEffect(() => {
    const node = input.current;
    if (!open || node === null) return;
    node.focus();
    // Opened with Enter the old value is selected whole; opened by typing the caret follows the first character.
    if (editor?.typed === false) node.select();
  }, [open, editor?.typed]);
  if (editor === null) return null;
  const commit = (): boolean => {
    const state = store.getState();
    if (stage !== undefined && state.editor !== null) {
      const problem = stage(state.editor.text);
      state.setEditorProblem(problem);
      return problem === null;
    }
    return store.getState().commitEditor();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    event.stopPropagation();
    const command = commandOf('editor', event);
    if (command === null) return;
    event.preventDefault();
    if (command === 'cancel') {
      store.getState().closeEditor();
      onDone('stay');
    } else if (commit()) {
      onDone(command === 'onward' || command === 'back' ? command : 'stay');
      if (command === 'apply') void store.getState().apply();
    }
  };
  const width = Math.max(88, editor.text.length * 6.6 + 24);
  return (
    <span className={`value-editor ${editor.problem === null ? '' : 'refused'}`}>
      <input
        ref={input}
        type="text"
        className="val"
        aria-label={`New value of ${path}`}
        aria-invalid={editor.problem !== null}
        aria-describedby={editor.problem === null ? undefined : 'editor-problem'}
        style={{ width }}
        value={editor.text}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => store.getState().typeInEditor(event.target.value)}
        onKeyDown={onKeyDown}
        onClick={(event) => event.stopPropagation()}
        onBlur={() => {
          const { editor: left, closeEditor } = store.getState();
          if (left?.place !== place || left.problem !== null) return;
          // What was typed is not lost by a click elsewhere: it is staged, or stays here with the reason why not.
          if (left.text === opened.current) closeEditor();
          else commit();
        }}
      />
      {editor.problem === null && stage === undefined ? <Meaning path={path} text={editor.text} /> : null}
      {editor.problem === null ? null : (
        <span className="editor-problem" id="editor-problem" role="alert">
          <Glyph name="stop" className="g12" />
          {editor.problem}
        </span>
      )}
    </span>
  );
}

/** The value that the text stands for, as it would be read back, and a float's bits; nothing where it is written that way already. */
function Meaning({ path, text }: { path: string; text: string }): ReactElement | null {
  const meaning = useDebugger((state) => typedMeaning(state, path, text));
  if (meaning === null) return null;
  const typed = text.trim();
  const float = typedBits(path, typed);
  const value = float?.value ?? meaning;
  const bits = float === null || /^0x/i.test(typed) ? null : float.bits;
  if (value === typed && bits === null) return null;
  return (
    <span className="editor-meaning val small" data-testid="editor-meaning">
      {value === typed ? '' : `= ${minus(value)} `}
      {bits === null ? null : <span className="text-3">{bits}</span>}
    </span>
  );
}

/** A key that begins an edit by typing: one printable character, without a modifier. */
export const beginsEdit = (event: KeyboardEvent): boolean =>
  event.key.length === 1 && /[-+.0-9a-fin]/i.test(event.key) && !event.ctrlKey && !event.altKey && !event.metaKey;
