import { readI32, readU8, readU16, readU32, readU64 } from '../bits/bytes.ts';
import type { Problem } from '../bits/decoded.ts';

/**
 * Reads outside data forward, without ever leaving it. The first read beyond the end is kept as the problem; from then on
 * every read gives zeros and nothing moves. Loops ask `ok` at each turn, counts are checked with `holds` before anything
 * is allocated for them.
 */
export class Cursor {
  readonly what: string;
  problem: Problem | null = null;
  at: number;
  readonly #bytes: Uint8Array;
  readonly #end: number;

  constructor(bytes: Uint8Array, what: string, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.what = what;
    this.#end = Math.min(end, bytes.length);
    this.at = at;
  }

  get ok(): boolean {
    return this.problem === null;
  }

  get left(): number {
    return Math.max(0, this.#end - this.at);
  }

  /** Whether so many entries of so many bytes each can still follow; a count may be any 64-bit number. */
  holds(count: bigint | number, entryBytes: number): boolean {
    return BigInt(count) * BigInt(entryBytes) <= BigInt(this.left);
  }

  fail(problem: Problem): void {
    this.problem ??= problem;
  }

  #step(sizeBytes: number): number | null {
    if (this.problem !== null) return null;
    if (sizeBytes > this.left) {
      this.fail({ kind: 'truncated', what: this.what, neededBytes: this.at + sizeBytes, gotBytes: this.#end });
      return null;
    }
    const from = this.at;
    this.at += sizeBytes;
    return from;
  }

  #read<T>(sizeBytes: number, read: (bytes: Uint8Array, at: number) => T, otherwise: T): T {
    const from = this.#step(sizeBytes);
    return from === null ? otherwise : read(this.#bytes, from);
  }

  u8 = (): number => this.#read(1, readU8, 0);
  u16 = (): number => this.#read(2, readU16, 0);
  u32 = (): number => this.#read(4, readU32, 0);
  i32 = (): number => this.#read(4, readI32, 0);
  u64 = (): bigint => this.#read(8, readU64, 0n);

  /** A view, not a copy; empty where the data ends before. */
  bytes(sizeBytes: number): Uint8Array {
    const from = this.#step(sizeBytes);
    return from === null ? new Uint8Array(0) : this.#bytes.subarray(from, from + sizeBytes);
  }

  skip(sizeBytes: number): void {
    this.#step(sizeBytes);
  }
}
