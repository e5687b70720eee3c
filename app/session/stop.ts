import type { Assignment, RestoreScope } from '../edit/assignment.ts';

/** What brought a stop about. */
export const STOP_CAUSES = ['attach', 'file', 'capture', 'freeze', 'apply', 'restore', 'undo', 'redo', 'step'] as const;

export type StopCause = (typeof STOP_CAUSES)[number];

/** Where a restored state came from: another stop of the session, or a state of a file. */
export type RestoredFrom =
  | { readonly kind: 'stop'; readonly number: number }
  | { readonly kind: 'file'; readonly name: string };

/** What was written to bring a stop about: what was asked, and over which stop. */
export type Write =
  | {
      readonly kind: 'apply';
      readonly assignments: readonly Assignment[];
      readonly over: number;
      readonly writtenBytes: number;
    }
  | {
      readonly kind: 'restore';
      readonly scope: RestoreScope;
      /** Not there: the state found at attach. */
      readonly from?: RestoredFrom;
      readonly over: number;
      readonly writtenBytes: number;
    }
  /** A write taken back, or written again. */
  | { readonly kind: 'undo' | 'redo'; readonly over: number; readonly writtenBytes: number };

/** What brought a stop about, in words. */
export const CAUSE_WORDS: Readonly<Record<StopCause, string>> = {
  attach: 'attach',
  file: 'file',
  capture: 'capture',
  freeze: 'freeze',
  apply: 'edits written',
  restore: 'restored',
  undo: 'undone',
  redo: 'redone',
  step: 'step',
};

/** "stop 3, edits written"; where it has a label, the label in place of the cause. */
export const stopWords = (stop: {
  readonly number: number;
  readonly cause: StopCause;
  readonly label: string | null;
}): string => `stop ${stop.number}, ${stop.label ?? CAUSE_WORDS[stop.cause]}`;
