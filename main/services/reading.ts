/** What is under way, told to who asked for it once it takes longer than people wait without a word. */
export interface Reading {
  readonly name: string;
  readonly sizeBytes: number;
  readonly elapsedMs: number;
  /** It ends in a refusal. */
  readonly cancel: () => void;
}
