import { busyRefusal, NOT_ATTACHED, needsStops } from '../store/base/availability.ts';
import type { DebuggerStore } from '../store/debugger-store.ts';
import { selectAttached } from '../store/select/attached.ts';
import type { SaveDone } from '../store/state/saved-session.ts';
import type { State } from '../store/state/state.ts';
import { type SessionFile, sessionFile } from '../store/vcpu/saved-session.ts';
import type { Action } from './action.ts';
import { download } from './export-file.ts';
import { chooseSymbols, MOST_PAGE_BYTES } from './open-file.ts';

/** What is said about a file that was saved: one of more bytes than a page may open is read by the command line. */
export const saveDoneOf = ({ fileName, bytes, stops }: SessionFile): SaveDone => ({
  fileName,
  stops,
  sizeBytes: bytes.length,
  tooLarge: bytes.length > MOST_PAGE_BYTES,
});

/** Every stop with its label, and the pin, as one file; the browser's own download asks where to. */
export const saveSession = (store: DebuggerStore): void => {
  const file = sessionFile(store.getState(), Date.now());
  if (file === null) return;
  download(file.fileName, file.bytes);
  store.getState().noteSaved(saveDoneOf(file));
};

/** Why an act on all attached vCPUs is not possible; null: it is. */
const needsSeveral =
  (run: 'running' | 'frozen', word: string) =>
  (state: State): string | null => {
    if (state.session?.kind !== 'live') return NOT_ATTACHED;
    if (state.vcpus.size < 2) return 'only one vCPU is attached';
    if (!selectAttached(state).some((row) => row.run === run)) return `no attached vCPU is ${word}`;
    return busyRefusal(state.busy);
  };

/** The acts on all attached vCPUs, and on the session as a file. */
export const SESSION_ACTIONS: readonly Action[] = [
  {
    id: 'freeze-all',
    title: 'Pause all attached vCPUs',
    group: 'Run',
    glyph: 'pause',
    refused: needsSeveral('running', 'running'),
    run: (store) => void store.getState().freezeAll(),
  },
  {
    id: 'continue-all',
    title: 'Continue all attached vCPUs',
    group: 'Run',
    glyph: 'play',
    refused: needsSeveral('frozen', 'stopped'),
    run: (store) => void store.getState().resumeAll(),
  },
  {
    id: 'save-session',
    title: 'Save the session…',
    group: 'Target',
    glyph: 'file',
    refused: needsStops,
    run: saveSession,
  },
  {
    id: 'symbols',
    title: 'Symbols…',
    group: 'Target',
    glyph: 'list',
    refused: (state) => (state.session?.kind === 'live' ? null : 'symbols name the code of a live guest'),
    run: chooseSymbols,
  },
];
