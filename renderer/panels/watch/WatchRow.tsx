import { type KeyboardEvent, type ReactElement, useMemo, useState } from 'react';
import { equalBytes } from '../../../app/bits/bytes.ts';
import { describeProblem } from '../../../app/bits/decoded.ts';
import { memoryEdit } from '../../../app/edit/memory-path.ts';
import { printElement } from '../../../app/value/print.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { CrossButton } from '../../controls/CrossButton.tsx';
import { Sparkline } from '../../controls/Sparkline.tsx';
import { nameWithSeen } from '../../controls/spoken.ts';
import { commandOf } from '../../keys/chord.ts';
import { TARGET_ENDED } from '../../store/base/availability.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { jumpOf } from '../../store/select/jump.ts';
import { isNamed, overlaid, stageElements } from '../../store/select/memory-edits.ts';
import type { ShownMark } from '../../store/select/provenance.ts';
import { hasEnded } from '../../store/select/run.ts';
import { selectCapture, selectEditRefusal, selectProvenance } from '../../store/select/selectors.ts';
import {
  type MemoryWatch,
  memoryAtStop,
  otherMemoryTypes,
  parseMemoryWatch,
  textAtStop,
} from '../../store/select/watched-memory.ts';
import { asNumber, watchedText } from '../../store/select/watched-text.ts';
import type { State } from '../../store/state/state.ts';
import { inBase, nextBase } from '../../store/view/bases.ts';
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

/** The same of memory: what an edit or a write names of it, in whichever type, is that one's. */
const shownMemory = (state: State, path: string, { type }: MemoryWatch): Shown => {
  const held = memoryAtStop(state, path);
  if (held?.bytes == null || held.path === null) return { text: null, mark: 'none' };
  const { bytes, text } = held;
  const isNewest = state.at === state.stops.length - 1;
  const next = isNewest ? overlaid(held.path, bytes, state.staged) : bytes;
  if (!equalBytes(next, bytes)) return { text: printElement(type, next, 0), mark: 'staged' };
  const write = state.stops[state.at]?.write ?? null;
  if (write?.kind === 'apply' && isNamed(held.path, bytes.length, write.assignments)) return { text, mark: 'written' };
  // Between a write and the stop that it was made over the guest has not run.
  const before = memoryAtStop(state, path, write?.over ?? state.at - 1)?.bytes ?? null;
  return { text, mark: before === null || equalBytes(before, bytes) ? 'none' : write === null ? 'changed' : 'written' };
};

/** Why a watched place has no value at the stop on screen. */
const whyNotRead = (state: State, path: string): string => {
  const why = memoryAtStop(state, path)?.why ?? null;
  if (why !== null) return why;
  if (state.session?.kind === 'file') return 'a file of the vCPU’s state has no memory';
  if (state.at !== state.stops.length - 1) return 'it was not read at this stop';
  return hasEnded(state) ? TARGET_ENDED : 'it is read while the vCPU stands still';
};

/** The keyboard goes on in the row whose path is another one now. */
const focusRow = (path: string): void => {
  requestAnimationFrame(() => {
    document.querySelector<HTMLElement>(`[data-watch="${CSS.escape(path)}"] [tabindex]`)?.focus();
  });
};

/** One watched value: who changed it, what keeps it, its path, type, value, and its last stops. */
export function WatchRow({ path }: { path: string }): ReactElement {
  const watch = useMemo(() => parseMemoryWatch(path), [path]);
  return watch === null ? <RegisterRow path={path} /> : <MemoryRow path={path} watch={watch} />;
}

function RegisterRow({ path }: { path: string }): ReactElement {
  const text = useDebugger((state) => shownOf(state, path).text);
  const mark = useDebugger((state) => shownOf(state, path).mark);
  const go = (state: State): void => {
    const capture = selectCapture(state);
    if (capture !== null) jumpOf(capture, path)?.go(state);
  };
  const others = (step: 1 | -1): readonly string[] => otherTypes(path, step);
  return (
    <Row
      {...{ path, text, mark, go, others }}
      assigned={path}
      type={typeWords(path)}
      keeper={<Keeper path={path} />}
      why="not in this image"
    />
  );
}

/** Memory is read at a stop while the vCPU stands still. */
function MemoryRow({ path, watch }: { path: string; watch: MemoryWatch }): ReactElement {
  const store = useDebuggerStore();
  const held = useDebugger((state) => memoryAtStop(state, path));
  const text = useDebugger((state) => shownMemory(state, path, watch).text);
  const mark = useDebugger((state) => shownMemory(state, path, watch).mark);
  const why = useDebugger((state) => whyNotRead(state, path));
  // A file has no such view.
  const go = (state: State): void => {
    if (state.session?.kind !== 'file') state.showMemory(watch.address, watch.isPhysical);
  };
  const stage = (assigned: string, value: string): string | null => {
    const edit = memoryEdit(assigned, value);
    if (!edit.ok) return describeProblem(edit.problem);
    const read = held?.path === assigned ? held.bytes : null;
    return stageElements(store.getState(), [{ path: assigned, value: value.trim(), bytes: edit.value.bytes, read }]);
  };
  return (
    <Row
      {...{ path, text, mark, go }}
      others={(step) => otherMemoryTypes(watch, step)}
      assigned={held?.path ?? null}
      type={watch.type}
      keeper={<span className="swatch short" style={{ '--hue': 'var(--c-header)' }} aria-hidden="true" />}
      why={why}
      stage={stage}
    />
  );
}

interface RowProps extends Shown {
  readonly path: string;
  /** What an edit of it assigns; null: it cannot be edited here. */
  readonly assigned: string | null;
  readonly type: string;
  readonly keeper: ReactElement;
  /** Why there is no value. */
  readonly why: string;
  readonly go: (state: State) => void;
  readonly others: (step: 1 | -1) => readonly string[];
  /** Stages what was typed for the path that is assigned; not there: as any register's. */
  readonly stage?: (assigned: string, text: string) => string | null;
}

function Row({ path, text, mark, assigned, type, keeper, why, go, others, stage }: RowProps): ReactElement {
  const store = useDebuggerStore();
  const [naming, setNaming] = useState(false);
  const look = mark === 'none' ? '' : `is-${mark}`;
  const onKeyDown = (event: KeyboardEvent): void => {
    const { bases, setBase, rewatch, unwatch, watched } = store.getState();
    const command = commandOf('watch', event);
    if (command === 'path') setNaming(true);
    else if (command === 'base') setBase(path, nextBase(path, bases.get(path) ?? 'own'));
    else if (command === 'remove') unwatch(path);
    else if (command === 'next-type' || command === 'previous-type') {
      const other = others(command === 'next-type' ? 1 : -1).find((one) => !watched.includes(one));
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
          {keeper}
          {naming ? (
            <PathField path={path} onDone={() => setNaming(false)} />
          ) : (
            <PathLink path={path} onGo={() => go(store.getState())} onKeyDown={onKeyDown} />
          )}
        </span>
      </th>
      <td className="watch-type small text-2">{type}</td>
      <td className="right" data-watch={path}>
        <Value {...{ path, text, look, mark, onKeyDown, why, stage }} assigned={assigned ?? path} />
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

function PathLink({ path, onGo, onKeyDown }: Keyed & { readonly onGo: () => void }): ReactElement {
  return (
    <button
      type="button"
      className="link quiet val small ellipsis"
      title={`Show ${path}; F2: another path, T: another type`}
      onClick={onGo}
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

interface ValueProps extends Keyed {
  /** Null: there is none, and why. */
  readonly text: string | null;
  readonly why: string;
  readonly assigned: string;
  readonly stage: RowProps['stage'];
  readonly look: string;
  readonly mark: ShownMark;
}

function Value({ path, text, why, assigned, stage, look, mark, onKeyDown }: ValueProps): ReactElement {
  const store = useDebuggerStore();
  const base = useDebugger((state) => state.bases.get(path) ?? 'own');
  const isRefused = useDebugger(selectEditRefusal);
  const refused = text === null ? why : isRefused;
  const place = `watched ${path}`;
  // What it was opened for: a register may point elsewhere by now.
  const edited = useDebugger((state) => (state.editor?.place === place ? state.editor.path : null));
  const written = text === null ? 'not read' : inBase(path, text, base);
  // Zeros in front would leave no room for the digits that count.
  const seen = text === null ? written : minus(written.replace(/^0x0+(?=[0-9a-f])/i, '0x'));
  const open = (typed: string | null): void => {
    if (refused === null) store.getState().openEditor(assigned, typed ?? text ?? '', typed !== null, place);
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
      className={`register-cell watch-value inset-focus val small ${text === null ? 'text-3' : look}`}
      aria-label={nameWithSeen(`${path} ${written}${MARK_WORDS[mark]}`, seen)}
      title={`${text === null || written === text ? written : `${written}, ${text}`}${refused === null ? '; Enter edits' : `; ${refused}`}`}
      aria-disabled={refused !== null || undefined}
      onDoubleClick={() => open(null)}
      onKeyDown={onKey}
    >
      <span className="ellipsis">{seen}</span>
      {edited === null ? null : (
        <ValueEditor
          path={edited}
          place={place}
          stage={stage === undefined ? undefined : (typed) => stage(edited, typed)}
          onDone={() => focusRow(path)}
        />
      )}
    </span>
  );
}

function LastStops({ path, look }: { path: string; look: string }): ReactElement | null {
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const memory = useDebugger((state) => state.memoryAt);
  const shown = stops.slice(Math.max(0, at + 1 - SHOWN_STOPS), at + 1);
  const texts = shown.map((stop) => textAtStop(memory, stop, path));
  const values = texts.map(asNumber);
  const known = texts.filter((text) => text !== null);
  return known.length === 0 ? null : values.every((value) => value === null) ? (
    <span className="text-3 small">{new Set(known).size === 1 ? 'held' : 'changed'}</span>
  ) : (
    <Sparkline values={values} widthPx={44} heightPx={16} look={look} label={`${path} over ${shown.length} stops`} />
  );
}
