/** What is said about a session that was opened from a file. */
export interface SavedAbout {
  readonly product: string;
  /** Milliseconds since 1970. */
  readonly savedAtMs: number;
}

/** What became of the last act of saving, said once. */
export interface SaveDone {
  readonly fileName: string;
  readonly stops: number;
  readonly sizeBytes: number;
  /** More than a page may open: the command line reads it. */
  readonly tooLarge: boolean;
}

export interface SavedSlice {
  noteSaved(done: SaveDone | null): void;
}
