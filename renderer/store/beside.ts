import { type Answer, BRIDGE_VERBS, type Bridge } from '../../app/bridge.ts';
import { indexOfStop } from './compare/compare-slice.ts';
import { createDebuggerStore, type DebuggerStore } from './debugger-store.ts';
import type { ParkedVcpu } from './state/parked.ts';
import type { State } from './state/state.ts';
import { newVcpu } from './vcpu/vcpu.ts';

/**
 * A second view beside the first: another stop, another vCPU of the target, or the file that is compared with. It has a store
 * of its own, so that its tab, its selection and how it shows values are its own too; what it shows follows the window's
 * store. It is for reading: nothing can be asked of the host through it.
 */

export type BesideOf =
  | { readonly kind: 'previous' }
  | { readonly kind: 'stop'; readonly number: number }
  | { readonly kind: 'vcpu'; readonly vcpu: number }
  | { readonly kind: 'file' };

export const besideKey = (of: BesideOf): string =>
  of.kind === 'stop' ? `stop ${of.number}` : of.kind === 'vcpu' ? `vcpu ${of.vcpu}` : of.kind;

export const besideOf = (key: string): BesideOf => {
  const [kind, number] = key.split(' ');
  if (kind === 'stop') return { kind, number: Number(number) };
  if (kind === 'vcpu') return { kind, vcpu: Number(number) };
  return kind === 'file' ? { kind } : { kind: 'previous' };
};

const refusing = (): Bridge => {
  const refused = async (): Promise<Answer<never>> => ({
    ok: false,
    refusal: {
      code: 'read-only',
      what: 'the view beside is for reading',
      where: null,
      remedy: null,
      call: null,
      errno: null,
    },
  });
  const verbs = Object.fromEntries(BRIDGE_VERBS.map((verb) => [verb, refused])) as unknown as Omit<Bridge, 'onEvent'>;
  return { ...verbs, onEvent: () => () => undefined };
};

type Shown = Pick<ParkedVcpu, 'history' | 'stops' | 'labels' | 'pinned' | 'session'>;

/** What stands beside, and at which place of its stops; null: there is none of that. */
const shownBeside = (state: State, of: BesideOf): { readonly shown: Shown; readonly at: number } | null => {
  const { session, stops } = state;
  if (session === null || stops.length === 0) return null;
  const here: Shown = { ...state, session };
  switch (of.kind) {
    case 'previous':
      return { shown: here, at: Math.max(0, state.at - 1) };
    case 'stop': {
      const at = indexOfStop(stops, of.number);
      return at < 0 ? null : { shown: here, at };
    }
    case 'vcpu': {
      const other = of.vcpu === session.vcpu ? here : state.parked.get(of.vcpu);
      return other === undefined ? null : { shown: other, at: other.stops.length - 1 };
    }
    case 'file':
      return null;
  }
};

const viewed = (state: State, of: BesideOf, beside: State): Partial<State> => {
  const { hostFacts, theme, compareFile, session, readings } = state;
  const window = { hostFacts, theme };
  if (of.kind === 'file' && compareFile !== null && session !== null) {
    // The same capture is the same stop: nothing is drawn anew for it.
    if (beside.compareFile === compareFile) return window;
    const own = { ...session, kind: 'file', canWrite: false, run: 'file', name: compareFile.name } as const;
    return { ...window, ...newVcpu(compareFile.capture, 'file'), compareFile, session: own };
  }
  const found = shownBeside(state, of);
  if (found === null) return { ...window, session: null, stops: [], at: -1 };
  const { history, stops, labels, pinned, session: own } = found.shown;
  const model = { position: state.position, modelEvents: state.modelEvents };
  return {
    ...{ ...window, ...model, history, stops, labels, pinned, at: found.at, compareFile: null },
    session: { ...own, canWrite: false },
    // Tiles are read as they are in front, until they are read otherwise here.
    ...(beside.stops.length === 0 ? { readings } : {}),
  };
};

export interface Beside {
  readonly store: DebuggerStore;
  follow(of: BesideOf): void;
  /** The way out. */
  end(): void;
}

export const createBeside = (main: DebuggerStore, first: BesideOf): Beside => {
  let of = first;
  const store = createDebuggerStore(refusing());
  const { tab, group, laneType, selection, tile } = main.getState();
  store.setState({ tab: tab === 'compare' || tab === 'memory' ? 'registers' : tab, group, laneType, tile });
  const put = (): void => store.setState(viewed(main.getState(), of, store.getState()));
  put();
  store.setState({ selection });
  const end = main.subscribe(put);
  return {
    store,
    follow: (next) => {
      of = next;
      put();
    },
    end,
  };
};
