import { describeProblem } from '../../../app/bits/decoded.ts';
import type { Bridge } from '../../../app/bridge.ts';
import { decodeCapture } from '../../../app/session/document.ts';
import { ask, undecodedRefusal } from '../base/ask.ts';
import type { RestoreSlice } from '../state/restore.ts';
import type { Slice } from '../state/state.ts';

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
