import {
  busyRefusal,
  CLOSE_FIRST,
  DETACH_FIRST,
  HOST_LOST,
  hostRefusal,
  NOT_ATTACHED,
  needsStops,
} from '../store/base/availability.ts';
import type { DebuggerStore } from '../store/debugger-store.ts';
import { selectWithEdits } from '../store/select/attached.ts';
import type { State } from '../store/state/state.ts';
import { wouldLose } from '../store/vcpu/leaving.ts';
import type { Action } from './action.ts';
import { chooseFile } from './open-file.ts';

const needsTargets = (state: State): string | null => (state.session === null ? hostRefusal(state) : DETACH_FIRST);

/** Why no model can be opened now; null: it can. */
export const modelRefusal = (state: State): string | null => needsTargets(state) ?? busyRefusal(state.busy);

/** A file may take the place of another one that was not edited; a live target is left by Detach alone. */
export const openRefusal = (state: State): string | null =>
  hostRefusal(state) ??
  (state.session === null
    ? null
    : state.session.kind !== 'file'
      ? DETACH_FIRST
      : wouldLose(state)
        ? CLOSE_FIRST
        : null);

const pickedRefusal = (state: State): string | null => {
  if (state.session !== null) return DETACH_FIRST;
  if (state.hostLost) return HOST_LOST;
  const target = state.listing.list?.targets.find((row) => row.pid === state.pickedPid);
  if (target === undefined) return 'no target is selected';
  if (!target.attachable) return target.reason ?? 'not attachable';
  return busyRefusal(state.busy);
};

/** Detaching asks only where an attached vCPU holds written or staged edits, or a model or file has what nobody saved. */
const askDetach = (store: DebuggerStore): void => {
  const state = store.getState();
  if (state.session?.kind !== 'file' && selectWithEdits(state).length > 0) state.setOverlay({ kind: 'detach' });
  else if (state.session?.kind !== 'live' && wouldLose(state)) state.setOverlay({ kind: 'close-model' });
  else void state.detach('keep');
};

/** Coming to a target, a model or a file, and leaving it. */
export const TARGET_ACTIONS: readonly Action[] = [
  {
    id: 'attach',
    title: 'Attach, keep it running',
    group: 'Target',
    glyph: 'cpu',
    refused: pickedRefusal,
    run: (store) => void store.getState().attach(false),
  },
  {
    id: 'attach-frozen',
    title: 'Attach and stop',
    group: 'Target',
    glyph: 'cpu',
    refused: pickedRefusal,
    run: (store) => void store.getState().attach(true),
  },
  {
    id: 'open-model',
    title: 'Open the model',
    group: 'Target',
    glyph: 'flask',
    refused: (state) => modelRefusal(state) ?? (state.pickedModel === null ? 'no model is selected' : null),
    run: (store) => {
      const { pickedModel, openModel } = store.getState();
      if (pickedModel !== null) void openModel(pickedModel);
    },
  },
  {
    id: 'refresh',
    title: 'Look again for targets',
    group: 'Target',
    glyph: 'refresh',
    refused: needsTargets,
    run: (store) => void store.getState().refreshTargets(),
  },
  {
    id: 'demo',
    title: 'Start a demo guest',
    group: 'Target',
    glyph: 'play',
    refused: needsTargets,
    run: (store) => void store.getState().startDemo(),
  },
  {
    id: 'open-file',
    title: 'Open file…',
    group: 'Target',
    glyph: 'file',
    refused: openRefusal,
    run: chooseFile,
  },
  {
    id: 'copy-as',
    title: 'Copy or save as…',
    group: 'Target',
    glyph: 'copy',
    refused: needsStops,
    run: (store) => store.getState().setOverlay({ kind: 'export' }),
  },
  {
    id: 'detach',
    title: 'Detach',
    group: 'Target',
    glyph: 'eject',
    refused: (state) => (state.session === null ? NOT_ATTACHED : busyRefusal(state.busy)),
    run: askDetach,
  },
];
