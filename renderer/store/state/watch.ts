export interface WatchSlice {
  /** Paths as on the command line, in the order in which they were added. */
  readonly watched: readonly string[];
  /** The reason where the text is no path, or is watched already. */
  watch(text: string): string | null;
  /** Another path in the place of one; the reason where it is none. */
  rewatch(path: string, text: string): string | null;
  unwatch(path: string): void;
}
