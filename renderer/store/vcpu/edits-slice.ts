import { describeProblem } from '../../../app/bits/decoded.ts';
import type { AppliedInSession, Assignment, Bridge, RestoreScope, WritesSoFar } from '../../../app/bridge.ts';
import { stageAssignments } from '../../../app/edit/assign.ts';
import { refusal } from '../../../app/refusals/refusal.ts';
import { encodeCapture } from '../../../app/session/document.ts';
import type { Write } from '../../../app/session/stop.ts';
import { createAct } from '../base/act.ts';
import { NOTHING_OPEN } from '../base/availability.ts';
import { received } from '../base/received.ts';
import type { Edits, EditsSlice, Restored } from '../state/edits.ts';
import type { Slice, State } from '../state/state.ts';
import { lostAssignments, selectLostWrite } from './lost-write.ts';

type Staging =
  | { readonly ok: true; readonly staged: readonly Assignment[] }
  | { readonly ok: false; readonly why: string };

/**
 * What would be staged with these besides. An assignment takes the place of an earlier one of the same path; the value
 * that already stands there is no edit, and takes back an earlier one.
 */
export const stagedWith = ({ stops, staged }: State, assignments: readonly Assignment[]): Staging => {
  const capture = stops.at(-1)?.capture;
  if (capture === undefined) return { ok: false, why: NOTHING_OPEN };
  // Of two for the same path the later one counts.
  const rows = [...new Map(assignments.map(({ path, value }) => [path, { path, value: value.trim() }])).values()];
  const paths = new Set(rows.map((row) => row.path));
  const kept = staged.filter((row) => !paths.has(row.path));
  const write = stageAssignments(capture, [...kept, ...rows]);
  if (!write.ok) {
    // The reason stands beside the value: which assignment it is about need not be said again.
    const sentence = describeProblem(write.problem);
    const about = rows.map(({ path, value }) => `${path}=${value}: `).find((words) => sentence.startsWith(words));
    return { ok: false, why: sentence.slice(about?.length ?? 0) };
  }
  const changes = new Map(write.value.changes.map((row) => [row.path, row]));
  const isEdit = ({ path }: Assignment): boolean => changes.get(path)?.before !== changes.get(path)?.after;
  const next = [...kept, ...rows.filter((row) => !changes.has(row.path) || isEdit(row))];
  const isSame = next.length === staged.length && next.every((row, at) => row === staged[at]);
  return { ok: true, staged: isSame ? staged : next };
};

/** What a text typed for a path stands for, as a value of that path is printed; null: it is none, or nothing is open. */
export const typedMeaning = ({ stops }: Pick<State, 'stops'>, path: string, text: string): string | null => {
  const capture = stops.at(-1)?.capture;
  if (capture === undefined || text.trim() === '') return null;
  const write = stageAssignments(capture, [{ path, value: text.trim() }]);
  return write.ok ? (write.value.changes[0]?.after ?? null) : null;
};

export const NO_WRITES: WritesSoFar = {
  undoable: 0,
  redoable: 0,
  standingGeneral: [],
  everGeneral: [],
  standingMemoryBytes: 0,
};

export const NO_EDITS: Omit<Edits, 'writes'> = { staged: [], undone: [], done: [], editor: null };

/** What is left of the edits once a write has arrived: those made while it was under way, as one step of undo. */
const editsSince = (sent: State, now: State): Omit<Edits, 'writes'> => {
  const isSent = ({ path, value }: Assignment): boolean =>
    sent.staged.some((row) => row.path === path && row.value === value);
  const staged = now.staged.filter((row) => !isSent(row));
  const editor = now.editor?.place === sent.editor?.place ? null : now.editor;
  return staged.length === 0 ? { ...NO_EDITS, editor } : { staged, undone: [], done: [[]], editor };
};

export const createEditsSlice =
  (bridge: Bridge): Slice<EditsSlice> =>
  (store) => {
    const { getState: get, set, put } = store;
    const act = createAct(store);
    const change = (staged: readonly Assignment[]): void =>
      put((state) => ({ staged, done: [...state.done, state.staged], undone: [] }));

    /**
     * A write arrived. `sent` is the state that it was sent from: what was staged or typed since is about the vCPU as it is
     * now, and stays. `over` is looked up here: the host tells what it found overwritten before it answers.
     */
    const wrote = (applied: AppliedInSession, sent: State, writeOver: (over: number) => Write): void => {
      const write = writeOver(get().stops.length - 1);
      put({ ...editsSince(sent, get()), writes: applied.writes });
      const capture = received(applied.capture, 'Written, but what was read back cannot be shown');
      if (!capture.ok) {
        put({ refusal: capture.refusal });
        return;
      }
      get().addStop({ capture: capture.value, cause: write.kind, write });
      if (applied.leftAlone === undefined) return;
      const parts = { where: 'guest memory', remedy: 'Everything else of it was done' };
      put({ refusal: refusal('overtaken', applied.leftAlone, parts) });
    };

    /** A write that takes one back, or writes it again; refused while something is staged over it. */
    const walk = async (word: 'undo' | 'redo'): Promise<void> => {
      const sent = get();
      const { session, busy, staged } = sent;
      const left = word === 'undo' ? sent.writes.undoable : sent.writes.redoable;
      if (session === null || busy !== null || staged.length > 0 || left === 0) return;
      const answer = await act('apply', () => bridge[word](session.id));
      if (!answer.ok) return;
      const { writtenBytes } = answer.value;
      wrote(answer.value, sent, (over) => ({ kind: word, over, writtenBytes }));
    };

    /** True: written. */
    const send = async (assignments: readonly Assignment[]): Promise<boolean> => {
      const sent = get();
      const { session } = sent;
      if (session === null) return false;
      const answer = await act('apply', () => bridge.apply(session.id, assignments));
      if (!answer.ok) return false;
      const { writtenBytes } = answer.value;
      wrote(answer.value, sent, (over) => ({ kind: 'apply', assignments, over, writtenBytes }));
      return true;
    };

    /** True: written. */
    const restorePart = async (scope: RestoreScope, then: Restored | null): Promise<boolean> => {
      const sent = get();
      const { session, busy } = sent;
      if (session === null || busy !== null) return false;
      set({ overlay: null });
      const document = then === null ? null : encodeCapture(then.capture);
      const answer = await act('restore', () => bridge.restore(session.id, scope, document));
      if (!answer.ok) return false;
      const { writtenBytes } = answer.value;
      const from = then === null ? {} : { from: then.from };
      wrote(answer.value, sent, (over) => ({ kind: 'restore', scope, ...from, over, writtenBytes }));
      return true;
    };

    return {
      openEditor: (path, text, typed, place = path) => put({ editor: { path, place, text, problem: null, typed } }),
      typeInEditor: (text) =>
        put((state) => (state.editor === null ? {} : { editor: { ...state.editor, text, problem: null } })),
      closeEditor: () => put({ editor: null }),
      setEditorProblem: (problem) =>
        put((state) => ({ editor: problem === null || state.editor === null ? null : { ...state.editor, problem } })),
      commitEditor() {
        const { editor } = get();
        if (editor === null) return true;
        const problem = get().stage(editor.path, editor.text);
        put({ editor: problem === null ? null : { ...editor, problem } });
        return problem === null;
      },
      stage: (path, value) => get().stageAll([{ path, value }]),
      stageAll(assignments) {
        const next = stagedWith(get(), assignments);
        if (!next.ok) return next.why;
        if (next.staged !== get().staged) change(next.staged);
        return null;
      },
      unstage: (path) => change(get().staged.filter((row) => row.path !== path)),
      undo() {
        const previous = get().done.at(-1);
        if (previous === undefined) void walk('undo');
        else
          put((state) => ({
            staged: previous,
            done: state.done.slice(0, -1),
            undone: [...state.undone, state.staged],
          }));
      },
      redo() {
        const next = get().undone.at(-1);
        if (next === undefined) void walk('redo');
        else put((state) => ({ staged: next, undone: state.undone.slice(0, -1), done: [...state.done, state.staged] }));
      },
      discard: () => {
        if (get().staged.length > 0) change([]);
      },
      async apply() {
        const { staged } = get();
        if (staged.length > 0) await send(staged);
      },
      async writeAgain() {
        const again = selectLostWrite(get());
        if (again === null) return;
        if (again.kind === 'apply') {
          if (!(await send(lostAssignments(get(), again.assignments)))) return;
        } else {
          for (const scope of again.scopes) if (!(await restorePart(scope, again.restored))) return;
        }
        get().closeOverwritten();
      },
      async restore(scope, then = null) {
        await restorePart(scope, then);
      },
    };
  };
