import { type Answer, BRIDGE_VERBS, type Bridge } from '../../app/bridge.ts';
import { refuse } from '../../app/refusals/refusal.ts';
import { indexOfStop } from './compare/compare-slice.ts';
import { createDebuggerStore, type DebuggerStore } from './debugger-store.ts';
import { otherVcpu } from './select/attached.ts';
import type { State } from './state/state.ts';
import type { BesideOf } from './state/target-beside.ts';
import type { OpenVcpu } from './state/vcpus.ts';
import { NO_EDITS } from './vcpu/edits-slice.ts';
import { newVcpu } from './vcpu/vcpu.ts';

/**
 * A second view beside the first: another stop, another vCPU of the target, the file that is compared with, or
 * another target (state/target-beside.ts). It has a store of its own, so that its tab, its selection and how it shows values are its own too; what it shows follows the window's
 * store. It is for reading: nothing can be asked of the host through it.
 */

export const besideKey = (of: BesideOf): string =>
  of.kind === 'stop' ? `stop ${of.number}` : of.kind === 'vcpu' ? `vcpu ${of.vcpu}` : of.kind;

/** The other way round of besideKey. */
export const besideOf = (key: string): BesideOf => {
  const [kind, number] = key.split(' ');
  if (kind === 'stop') return { kind, number: Number(number) };
  if (kind === 'vcpu') return { kind, vcpu: Number(number) };
  return kind === 'file' || kind === 'target' ? { kind } : { kind: 'previous' };
};

const refusing = (): Bridge => {
  const refused = async (): Promise<Answer<never>> => refuse('read-only', 'the view beside is for reading');
  const verbs = Object.fromEntries(BRIDGE_VERBS.map((verb) => [verb, refused])) as unknown as Omit<Bridge, 'onEvent'>;
  return { ...verbs, onEvent: () => () => undefined };
};

/** The vCPU that stands beside, at the stop that is looked at; null: there is none of that. */
const shownBeside = (state: State, of: BesideOf, compared: () => OpenVcpu | null): OpenVcpu | null => {
  const { vcpus, current, stops } = state;
  const here = vcpus.get(current ?? '');
  if (here === undefined || stops.length === 0) return null;
  switch (of.kind) {
    case 'previous':
      return { ...here, at: Math.max(0, state.at - 1) };
    case 'stop': {
      const at = indexOfStop(stops, of.number);
      return at < 0 ? null : { ...here, at };
    }
    case 'vcpu': {
      const other = of.vcpu === here.session.vcpu ? here : otherVcpu(state, of.vcpu);
      return other === null ? null : { ...other, at: other.stops.length - 1 };
    }
    case 'target':
      return state.targetBeside;
    case 'file':
      return compared();
  }
};

/** The file that is compared with, as a vCPU of its own. */
const comparedFile = ({ compareFile, session }: State): OpenVcpu | null => {
  if (compareFile === null || session === null) return null;
  const { name, capture } = compareFile;
  return newVcpu({ ...session, kind: 'file', name }, capture, 'file');
};

export interface Beside {
  readonly store: DebuggerStore;
  follow(of: BesideOf): void;
  /** Follows the window's store from now on. The way out. */
  start(): () => void;
}

export const createBeside = (main: DebuggerStore, first: BesideOf): Beside => {
  let of = first;
  const store = createDebuggerStore(refusing());
  const { tab, group, laneType, selection, tile } = main.getState();
  store.set({ tab: tab === 'compare' || tab === 'memory' ? 'registers' : tab, group, laneType, tile });
  const put = (): void => {
    const state = main.getState();
    const { hostFacts, theme, compareFile, readings } = state;
    const beside = store.getState();
    const window = { hostFacts, theme, compareFile: of.kind === 'file' ? compareFile : null };
    // The same capture is the same stop: nothing is drawn anew for it.
    const isSame = compareFile !== null && beside.session !== null && beside.compareFile === compareFile;
    const compared = (): OpenVcpu | null =>
      isSame ? (beside.vcpus.get(beside.current ?? '') ?? null) : comparedFile(state);
    const shown = shownBeside(state, of, compared);
    if (shown === null) {
      store.show([], null, window);
      return;
    }
    const { stops, session } = shown;
    // It is for reading: what is staged and refused in front is no business of it.
    const read = { ...shown, ...NO_EDITS, refusal: null, session: { ...session, canWrite: false } };
    store.show([read], session.id, {
      ...window,
      // Tiles are read as they are in front, until they are read otherwise here.
      ...(stops.length > 0 && beside.session === null ? { readings } : {}),
    });
  };
  put();
  store.set({ selection });
  return {
    store,
    follow: (next) => {
      of = next;
      put();
    },
    start: () => {
      put();
      return main.subscribe(put);
    },
  };
};
