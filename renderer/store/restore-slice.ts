import { describeProblem } from '../../app/bits/decoded.ts';
import type { Bridge, OpenFile, Refusal } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { decodeCapture } from '../../app/session/document.ts';
import { ask, undecodedRefusal } from './ask.ts';
import type { Slice } from './state.ts';

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

export const createRestoreSlice =
  (bridge: Bridge): Slice<RestoreSlice> =>
  (set, get) => ({
    restoreTo: { kind: 'attach' },
    restoreWhat: 'all',
    restoreBits: [],
    restoreFile: null,
    restoreConsent: false,
    restoreReading: false,
    restoreProblem: null,
    openRestore: (restoreTo, restoreWhat) =>
      set({
        restoreTo,
        restoreWhat,
        restoreBits: [],
        restoreConsent: false,
        restoreProblem: null,
        overlay: { kind: 'restore' },
      }),
    setRestoreTo: (restoreTo) => set({ restoreTo, restoreConsent: false }),
    setRestoreWhat: (restoreWhat) => set({ restoreWhat }),
    toggleRestoreBit: (bit) =>
      set(({ restoreBits }) => ({
        restoreWhat: 'components',
        restoreBits: restoreBits.includes(bit)
          ? restoreBits.filter((one) => one !== bit)
          : [...restoreBits, bit].sort((a, b) => a - b),
      })),
    setRestoreConsent: (restoreConsent) => set({ restoreConsent }),
    async readRestoreFile(name, base64, state, preset) {
      const asked = get().restoreTo;
      if (get().restoreReading) return;
      set((previous) => ({
        restoreReading: true,
        restoreConsent: false,
        restoreProblem: null,
        // Another file takes the place of this one, whether it can be read or not.
        restoreFile: previous.restoreFile?.base64 === base64 ? previous.restoreFile : null,
      }));
      const answer = await ask(() => bridge.readState(name, base64, state, preset));
      set({ restoreReading: false });
      if (!answer.ok) {
        set({ restoreProblem: answer.refusal });
        return;
      }
      const capture = decodeCapture(answer.value.capture);
      if (!capture.ok) {
        set({ restoreProblem: undecodedRefusal('This state cannot be shown', describeProblem(capture.problem)) });
        return;
      }
      const { file } = answer.value;
      const first = (file.kind === 'session' ? file.states.at(-1) : file.states[0])?.vcpu ?? 0;
      set((now) => ({
        // Another source that was chosen while the file was read stands.
        restoreTo: now.restoreTo === asked ? { kind: 'file' } : now.restoreTo,
        // What was agreed to meanwhile was about the state that is shown no longer.
        restoreConsent: false,
        restoreFile: { name, base64, state: state ?? first, file, preset, capture: capture.value },
      }));
    },
    refuseRestoreFile: (restoreProblem) => set({ restoreProblem }),
  });
