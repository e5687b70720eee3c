import type { OpenFile, Refusal } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';

/** Where the state to restore comes from. */
export type RestoreTo =
  | { readonly kind: 'attach' }
  | { readonly kind: 'stop'; readonly number: number }
  | { readonly kind: 'file' };

/** How much of it: all, a set of components, the component or the register that is selected. */
export type RestoreWhat = 'all' | 'components' | 'component' | 'register';

/** A state of a file that was read to restore from; the file itself is not opened. */
export interface RestoreFile {
  readonly name: string;
  readonly base64: string;
  /** The number of the state within the file. */
  readonly state: number;
  readonly file: OpenFile;
  /** The CPU that was named for the layout, as of a raw image that says nothing itself; '' leaves it to the file. */
  readonly preset: string;
  readonly capture: Capture;
}

export interface RestoreSlice {
  readonly restoreTo: RestoreTo;
  readonly restoreWhat: RestoreWhat;
  /** The components of the set, by bit. */
  readonly restoreBits: readonly number[];
  readonly restoreFile: RestoreFile | null;
  /** The user said that the state of another vCPU goes here all the same. Said of one source: another takes it back. */
  readonly restoreConsent: boolean;
  readonly restoreReading: boolean;
  /** Why the file could not be read; shown where it was chosen. */
  readonly restoreProblem: Refusal | null;
  /** Opens the dialog. A file chosen before is kept for as long as the session is open. */
  openRestore(to: RestoreTo, what: RestoreWhat): void;
  setRestoreTo(to: RestoreTo): void;
  setRestoreWhat(what: RestoreWhat): void;
  toggleRestoreBit(bit: number): void;
  setRestoreConsent(given: boolean): void;
  /** Reads one state of a file; null: its first one, of a saved session the last. */
  readRestoreFile(name: string, base64: string, state: number | null, preset: string): Promise<void>;
  refuseRestoreFile(refusal: Refusal): void;
}
