/** A file that is read in parts: kernels with debug information and cores are large. */
export interface PartReader {
  readonly bytes: number;
  /** Bytes that lie in the file; null: they cannot be read. */
  read(offsetBytes: number, bytes: number): Uint8Array | null;
}
