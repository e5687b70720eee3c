import { describeProblem } from '../../app/bits/decoded.ts';
import type { Applied, Assignment, Bridge, RestoreScope } from '../../app/bridge.ts';
import { stageAssignments } from '../../app/edit/assign.ts';
import { decodeCapture } from '../../app/session/document.ts';
import { ask, undecodedRefusal } from './ask.ts';
import type { Slice, State } from './state.ts';
import type { Write } from './timeline-slice.ts';

/** The open editor: where it stands, what is typed, and why it was refused. */
export interface Editor {
  readonly path: string;
  readonly text: string;
  readonly problem: string | null;
  /** Opened by typing: the first character is there, and what is typed next goes behind it. */
  readonly typed: boolean;
}

export interface EditsSlice {
  /** Typed but not written, in the order they were made; at most one for each path. */
  readonly staged: readonly Assignment[];
  readonly undone: readonly (readonly Assignment[])[];
  readonly done: readonly (readonly Assignment[])[];
  readonly editor: Editor | null;
  openEditor(path: string, text: string, typed: boolean): void;
  typeInEditor(text: string): void;
  closeEditor(): void;
  /** After a stage made elsewhere: the reason stays in the editor, success closes it. */
  setEditorProblem(problem: string | null): void;
  /** Stages what the editor holds. False: refused, and the editor stays with the reason. */
  commitEditor(): boolean;
  /** Stages one assignment; the reason where app/ refuses it. */
  stage(path: string, value: string): string | null;
  unstage(path: string): void;
  /** How many writes of this session can be taken back, and written again. */
  readonly undoableWrites: number;
  readonly redoableWrites: number;
  /** Takes back the last step of staging; with nothing staged, the last write, by a write of its own. */
  undo(): void;
  redo(): void;
  discard(): void;
  apply(): Promise<void>;
  restore(scope: RestoreScope): Promise<void>;
  emptyEdits(): Partial<State>;
}

const NO_WRITES = { undoableWrites: 0, redoableWrites: 0 } as const;

/** The host keeps a write for undo by the same rule. */
const changed = ({ writtenBytes, changes }: Applied): boolean =>
  writtenBytes > 0 || changes.some(({ before, after }) => before !== after);

const NO_EDITS = { staged: [], undone: [], done: [], editor: null } as const;

export const createEditsSlice =
  (bridge: Bridge): Slice<EditsSlice> =>
  (set, get) => {
    const change = (staged: readonly Assignment[]): void =>
      set((state) => ({ staged, done: [...state.done, state.staged], undone: [] }));

    const wrote = (applied: Applied, write: Write): void => {
      const capture = decodeCapture(applied.capture);
      if (!capture.ok) {
        const refusal = undecodedRefusal(
          'Written, but what was read back cannot be shown',
          describeProblem(capture.problem),
        );
        set({ refusal, ...NO_EDITS });
        return;
      }
      const { undoableWrites: undoable, redoableWrites: redoable } = get();
      const counts =
        write.kind === 'undo'
          ? { undoableWrites: undoable - 1, redoableWrites: redoable + 1 }
          : write.kind === 'redo'
            ? { undoableWrites: undoable + 1, redoableWrites: redoable - 1 }
            : changed(applied)
              ? { undoableWrites: undoable + 1, redoableWrites: 0 }
              : {};
      set({ ...NO_EDITS, ...counts });
      get().addStop({ capture: capture.value, cause: write.kind, write });
    };

    /** A write that takes one back, or writes it again; refused while something is staged over it. */
    const walk = async (word: 'undo' | 'redo'): Promise<void> => {
      const { session, stops, busy, staged } = get();
      const left = word === 'undo' ? get().undoableWrites : get().redoableWrites;
      if (session === null || busy !== null || staged.length > 0 || left === 0) return;
      set({ busy: 'apply' });
      const answer = await ask(() => bridge[word](session.id));
      set({ busy: null, refusal: answer.ok ? null : answer.refusal });
      if (!answer.ok) return;
      wrote(answer.value, { kind: word, over: stops.length - 1, writtenBytes: answer.value.writtenBytes });
    };

    return {
      ...NO_EDITS,
      ...NO_WRITES,
      openEditor: (path, text, typed) => set({ editor: { path, text, problem: null, typed } }),
      typeInEditor: (text) =>
        set((state) => (state.editor === null ? {} : { editor: { ...state.editor, text, problem: null } })),
      closeEditor: () => set({ editor: null }),
      setEditorProblem: (problem) =>
        set((state) => ({ editor: problem === null || state.editor === null ? null : { ...state.editor, problem } })),
      commitEditor() {
        const { editor } = get();
        if (editor === null) return true;
        const problem = get().stage(editor.path, editor.text);
        set({ editor: problem === null ? null : { ...editor, problem } });
        return problem === null;
      },
      stage(path, value) {
        const capture = get().stops.at(-1)?.capture;
        if (capture === undefined) return 'nothing is open';
        const kept = get().staged.filter((row) => row.path !== path);
        const next = [...kept, { path, value: value.trim() }];
        const write = stageAssignments(capture, next);
        if (!write.ok) {
          // The reason stands beside the value: which assignment it is about need not be said again.
          const sentence = describeProblem(write.problem);
          const about = `${path}=${value.trim()}: `;
          return sentence.startsWith(about) ? sentence.slice(about.length) : sentence;
        }
        // Typing the value that already stands there is no edit, and takes back an earlier one.
        const row = write.value.changes.find((candidate) => candidate.path === path);
        if (row !== undefined && row.before === row.after) {
          if (kept.length !== get().staged.length) change(kept);
          return null;
        }
        change(next);
        return null;
      },
      unstage: (path) => change(get().staged.filter((row) => row.path !== path)),
      undo() {
        const former = get().done.at(-1);
        if (former === undefined) void walk('undo');
        else
          set((state) => ({
            staged: former,
            done: state.done.slice(0, -1),
            undone: [...state.undone, state.staged],
          }));
      },
      redo() {
        const next = get().undone.at(-1);
        if (next === undefined) void walk('redo');
        else set((state) => ({ staged: next, undone: state.undone.slice(0, -1), done: [...state.done, state.staged] }));
      },
      discard: () => {
        if (get().staged.length > 0) change([]);
      },
      async apply() {
        const { session, staged, stops, busy } = get();
        if (session === null || staged.length === 0 || busy !== null) return;
        set({ busy: 'apply' });
        const answer = await ask(() => bridge.apply(session.id, staged));
        set({ busy: null, refusal: answer.ok ? null : answer.refusal });
        if (!answer.ok) return;
        const { writtenBytes } = answer.value;
        wrote(answer.value, { kind: 'apply', assignments: staged, over: stops.length - 1, writtenBytes });
      },
      async restore(scope) {
        const { session, stops, busy } = get();
        if (session === null || busy !== null) return;
        set({ busy: 'restore', overlay: null });
        const answer = await ask(() => bridge.restore(session.id, scope));
        set({ busy: null, refusal: answer.ok ? null : answer.refusal });
        if (!answer.ok) return;
        wrote(answer.value, {
          kind: 'restore',
          scope,
          over: stops.length - 1,
          writtenBytes: answer.value.writtenBytes,
        });
      },
      emptyEdits: () => ({ ...NO_EDITS, ...NO_WRITES }),
    };
  };
