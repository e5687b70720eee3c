import type { Bridge } from '../../../app/bridge.ts';
import { readFileState } from '../base/received.ts';
import type { RestoreSlice } from '../state/restore.ts';
import type { Slice } from '../state/state.ts';

export const createRestoreSlice =
  (bridge: Bridge): Slice<RestoreSlice> =>
  ({ getState: get, set }) => ({
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
      const answer = await readFileState(bridge, [name, base64, state, preset], 'This state cannot be shown');
      set({ restoreReading: false });
      if (!answer.ok) {
        set({ restoreProblem: answer.refusal });
        return;
      }
      set((now) => ({
        // Another source that was chosen while the file was read stands.
        restoreTo: now.restoreTo === asked ? { kind: 'file' } : now.restoreTo,
        // What was agreed to meanwhile was about the state that is shown no longer.
        restoreConsent: false,
        restoreFile: { name, base64, preset, ...answer.value },
      }));
    },
    refuseRestoreFile: (restoreProblem) => set({ restoreProblem }),
  });
