import { type KeyboardEvent, type ReactElement, useState } from 'react';
import { viewComponent } from '../../../app/xsave/view.ts';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { Sparkline } from '../../controls/Sparkline.tsx';
import { nameWithSeen } from '../../controls/spoken.ts';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { jumpOf } from '../../store/select/jump.ts';
import type { ShownMark } from '../../store/select/provenance.ts';
import { selectCapture, selectEditRefusal, selectProvenance } from '../../store/select/selectors.ts';
import type { State } from '../../store/state/state.ts';
import { inBase, nextBase } from '../../store/view/bases.ts';
import { asNumber, watchedText } from '../../store/view/watch-slice.ts';
import { keptBy, otherTypes, typeWords } from '../../store/view/watched-path.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { MARK_GLYPH, MARK_WORDS } from '../registers/MarkLegend.tsx';
import { beginsEdit, ValueEditor } from '../registers/ValueEditor.tsx';

/** So many stops are drawn beside a value. */
export const SHOWN_STOPS = 24;

interface Shown {
  readonly text: string | null;
  readonly mark: ShownMark;
}

/** What is staged there, else what was read at the stop on screen, and who brought it about. */
const shownOf = (state: State, path: string): Shown => {
  const provenance = selectProvenance(state);
  if (provenance === null) return { text: null, mark: 'none' };
  const { now, previous, staged, refused, written } = provenance;
  const [read, next] = [now, staged ?? now].map((capture) => watchedText(capture, path));
  const text = next ?? null;
  if (next !== read) {
    const isRefused = refused !== null && watchedText(refused.without, path) !== next;
    return { text, mark: isRefused ? 'refused' : 'staged' };
  }
  const before = previous === null ? text : watchedText(previous, path);
  return { text, mark: before === text ? 'none' : written === null ? 'changed' : 'written' };
};

/** The keyboard goes on in the row whose path is another one now. */
const focusRow = (path: string): void => {
  requestAnimationFrame(() => {
    document.querySelector<HTMLElement>(`[data-watch="${CSS.escape(path)}"] [tabindex]`)?.focus();
  });
};

/** One watched value: who changed it, what keeps it, its path, type, value, and its last stops. */
export function WatchRow({ path }: { path: string }): ReactElement {
  const store = useDebuggerStore();
  const [naming, setNaming] = useState(false);
  const mark = useDebugger((state) => shownOf(state, path).mark);
  const look = mark === 'none' ? '' : `is-${mark}`;
  const onKeyDown = (event: KeyboardEvent): void => {
    const { bases, setBase, rewatch, unwatch, watched } = store.getState();
    const command = commandOf('watch', event);
    if (command === 'path') setNaming(true);
    else if (command === 'base') setBase(path, nextBase(path, bases.get(path) ?? 'own'));
    else if (command === 'remove') unwatch(path);
    else if (command === 'next-type' || command === 'previous-type') {
      const other = otherTypes(path, command === 'next-type' ? 1 : -1).find((one) => !watched.includes(one));
      if (other === undefined) return;
      rewatch(path, other);
      focusRow(other);
    } else return;
    event.preventDefault();
  };
  return (
    <tr>
      <th scope="row">
        <span className="line tight">
          <span className={`watch-mark ${look}`}>
            {mark === 'none' ? null : <Glyph name={MARK_GLYPH[mark]} className="g10" />}
          </span>
          <Keeper path={path} />
          {naming ? (
            <PathField path={path} onDone={() => setNaming(false)} />
          ) : (
            <PathLink path={path} onKeyDown={onKeyDown} />
          )}
        </span>
      </th>
      <td className="watch-type small text-2">{typeWords(path)}</td>
      <td className="right" data-watch={path}>
        <Value path={path} look={look} mark={mark} onKeyDown={onKeyDown} />
      </td>
      <td className="watch-stops right">
        <LastStops path={path} look={look === '' ? 'text-2' : look} />
      </td>
      <td className="watch-remove">
        <CrossButton label={`Stop watching ${path}`} onPress={() => store.getState().unwatch(path)} />
      </td>
    </tr>
  );
}

/** The swatch of the component that keeps it; grey where none does. */
function Keeper({ path }: { path: string }): ReactElement {
  const capture = useDebugger(selectCapture);
  const bit = keptBy(path);
  const state = bit === null || capture === null ? 'inUse' : viewComponent(capture.image, bit).state;
  return (
    <span
      className={`swatch short ${state === 'inUse' ? '' : state}`}
      style={{ '--hue': bit === null ? 'var(--c-header)' : hueOf(bit) }}
      aria-hidden="true"
    />
  );
}

interface Keyed {
  readonly path: string;
  readonly onKeyDown: (event: KeyboardEvent) => void;
}

function PathLink({ path, onKeyDown }: Keyed): ReactElement {
  const store = useDebuggerStore();
  const go = (): void => {
    const capture = selectCapture(store.getState());
    if (capture !== null) jumpOf(capture, path)?.go(store.getState());
  };
  return (
    <button
      type="button"
      className="link quiet val small ellipsis"
      title={`Show ${path}; F2: another path, T: another type`}
      onClick={go}
      onKeyDown={onKeyDown}
    >
      {path}
    </button>
  );
}

/** Another path in the place of this one. */
function PathField({ path, onDone }: { path: string; onDone: () => void }): ReactElement {
  const store = useDebuggerStore();
  const [text, setText] = useState(path);
  const [problem, setProblem] = useState<string | null>(null);
  const leave = (to: string): void => {
    onDone();
    focusRow(to);
  };
  return (
    <span className="watch-naming">
      <input
        ref={(node) => node?.focus()}
        type="text"
        className="val small"
        aria-label={`Path in place of ${path}`}
        aria-invalid={problem !== null}
        value={text}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => {
          setText(event.target.value);
          setProblem(null);
        }}
        onBlur={onDone}
        onKeyDown={(event) => {
          const command = commandOf('field', event);
          if (command === 'cancel') leave(path);
          else if (command === 'commit') {
            const { watched, rewatch } = store.getState();
            const why = rewatch(path, text);
            setProblem(why);
            if (why === null) leave(store.getState().watched[watched.indexOf(path)] ?? path);
          } else return;
          event.preventDefault();
        }}
      />
      {problem === null ? null : (
        <span className="is-refused small" role="alert">
          {problem}
        </span>
      )}
    </span>
  );
}

function Value(props: Keyed & { readonly look: string; readonly mark: ShownMark }): ReactElement {
  const { path, look, mark, onKeyDown } = props;
  const store = useDebuggerStore();
  const text = useDebugger((state) => shownOf(state, path).text);
  const base = useDebugger((state) => state.bases.get(path) ?? 'own');
  const refused = useDebugger(selectEditRefusal);
  const place = `watched ${path}`;
  const isEditing = useDebugger((state) => state.editor?.path === place);
  if (text === null)
    return (
      <span className="text-3 small" title="not in this image">
        not read
      </span>
    );
  const written = inBase(path, text, base);
  // Zeros in front would leave no room for the digits that count.
  const seen = minus(written.replace(/^0x0+(?=[0-9a-f])/i, '0x'));
  const open = (typed: string | null): void => {
    if (refused === null) store.getState().openEditor(place, typed ?? text, typed !== null);
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget) return;
    if (commandOf('watch', event) === 'edit') open(null);
    else if (beginsEdit(event)) open(event.key);
    else {
      onKeyDown(event);
      return;
    }
    event.preventDefault();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button may not hold the editor that opens in its place.
    <span
      role="button"
      tabIndex={0}
      className={`register-cell watch-value inset-focus val small ${look}`}
      aria-label={nameWithSeen(`${path} ${written}${MARK_WORDS[mark]}`, seen)}
      title={`${written === text ? text : `${written}, ${text}`}${refused === null ? '; Enter edits' : `; ${refused}`}`}
      onDoubleClick={() => open(null)}
      onKeyDown={onKey}
    >
      <span className="ellipsis">{seen}</span>
      {isEditing ? (
        <ValueEditor
          path={path}
          place={place}
          stage={(typed) => store.getState().stage(path, typed)}
          onDone={() => focusRow(path)}
        />
      ) : null}
    </span>
  );
}

function LastStops({ path, look }: { path: string; look: string }): ReactElement {
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const shown = stops.slice(Math.max(0, at + 1 - SHOWN_STOPS), at + 1);
  const texts = shown.map((stop) => watchedText(stop.capture, path));
  const values = texts.map(asNumber);
  return values.every((value) => value === null) ? (
    <span className="text-3 small">{new Set(texts).size === 1 ? 'held' : 'changed'}</span>
  ) : (
    <Sparkline values={values} widthPx={44} heightPx={16} look={look} label={`${path} over ${shown.length} stops`} />
  );
}
