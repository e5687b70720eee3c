/** What a session has written so far: by it a page shows what undo, redo and a restore would do, as the host will do it. */
export interface WritesSoFar {
  /** Writes that can be taken back, and those taken back that can be written again. */
  readonly undoable: number;
  readonly redoable: number;
  /** General registers, by name, that hold what was written: they go back with everything to the state at attach. */
  readonly standingGeneral: readonly string[];
  /** Those that were ever written: they go back with everything to any other state. */
  readonly everGeneral: readonly string[];
  /** Bytes of guest memory that hold what was written: they go back with everything to the state at attach. */
  readonly standingMemoryBytes: number;
}
