import type { Assignment, RestoreScope, WritesSoFar } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import type { RestoredFrom } from '../../../app/session/stop.ts';

/** The open editor: where it stands, what is typed, and why it was refused. */
export interface Editor {
  readonly path: string;
  /** Where it stands: the same value may be shown in a view and in panes beside it. */
  readonly place: string;
  readonly text: string;
  readonly problem: string | null;
  /** Opened by typing: the first character is there, and what is typed next goes behind it. */
  readonly typed: boolean;
}

/** A state to restore other than the one found at attach: a stop, or a state of a file in the vCPU's layout. */
export interface Restored {
  readonly capture: Capture;
  readonly from: RestoredFrom;
}

/** The edits of one vCPU. */
export interface Edits {
  /** Typed but not written, in the order they were made; at most one for each path. */
  readonly staged: readonly Assignment[];
  readonly undone: readonly (readonly Assignment[])[];
  readonly done: readonly (readonly Assignment[])[];
  readonly editor: Editor | null;
  /** What this session has written, as the host says. */
  readonly writes: WritesSoFar;
}

export interface EditsSlice {
  /** @param place where it stands; the path alone where a value is shown once */
  openEditor(path: string, text: string, typed: boolean, place?: string): void;
  typeInEditor(text: string): void;
  closeEditor(): void;
  /** After a stage made elsewhere: the reason stays in the editor, success closes it. */
  setEditorProblem(problem: string | null): void;
  /** Stages what the editor holds. False: refused, and the editor stays with the reason. */
  commitEditor(): boolean;
  /** Stages one assignment; the reason where app/ refuses it. */
  stage(path: string, value: string): string | null;
  /** Stages several as one step of undo, all or none; the reason where app/ refuses one. */
  stageAll(assignments: readonly Assignment[]): string | null;
  unstage(path: string): void;
  /** Takes back the last step of staging; with nothing staged, the last write, by a write of its own. */
  undo(): void;
  redo(): void;
  discard(): void;
  apply(): Promise<void>;
  /** Puts the parts back as they were at attach, or as `then` has them. */
  restore(scope: RestoreScope, then?: Restored | null): Promise<void>;
  /** Writes once more what the VMM has put its own copy over. */
  writeAgain(): Promise<void>;
}
