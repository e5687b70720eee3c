/** Time as a session sees it: the host's port, so that a test need not wait. Milliseconds. */
export interface Clock {
  sleep(ms: number): Promise<void>;
  /** Does the work later; returns the way to call it off. */
  after(ms: number, work: () => void): () => void;
}
