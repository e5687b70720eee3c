import { type Decoded, describeProblem } from '../../app/bits/decoded.ts';

/** Something that takes bytes from outside. Whatever they are: an answer, and never an exception. */
export interface FuzzTarget {
  readonly name: string;
  readonly seeds: () => readonly Uint8Array[];
  /** What came of it, in a word or two: an input that brings about something new is kept to go on from. */
  readonly run: (bytes: Uint8Array) => string | Promise<string>;
}

/** A problem without its numbers and names, so that two of a kind are one. */
export const wordOf = <T>(read: Decoded<T>): string =>
  read.ok
    ? 'read'
    : describeProblem(read.problem)
        .replaceAll(/[0-9]+|"[^"]*"/g, '#')
        .slice(0, 120);

/** A file of these bytes, read in parts. */
export const partsOf = (bytes: Uint8Array) => ({
  bytes: bytes.length,
  read: (at: number, count: number): Uint8Array => bytes.slice(at, at + count),
});
