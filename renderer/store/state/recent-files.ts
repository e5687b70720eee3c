/** A file that was opened before. Neither its bytes nor its place are kept: a page is not told where a file lies. */
export interface RecentFile {
  readonly name: string;
  /** "Firecracker snapshot, 2 vCPUs". */
  readonly what: string;
  /** Milliseconds since 1970. */
  readonly openedAtMs: number;
}
